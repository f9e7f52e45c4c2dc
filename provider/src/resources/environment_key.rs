//! One key of an environment, whichever kind it holds: how it is created, changed and deleted as the plan expects, and what
//! is reported if it cannot be.

use kontraktor_model::names::EnvPath;
use kontraktor_proto::v1::{self, ProblemCode, write_item};

use super::{
    conflict::OnConflict,
    lifecycle::not_changed,
    protection::{self, Protected},
};
use crate::{
    errors,
    framework::{Attr, Diagnostic, Diagnostics, PlanContext},
    key_kind::KeyKind,
    locations::{self, VariableLocation},
    session::{Container, Session, SessionError},
};

/// A key that was created or taken over.
pub(super) struct Created {
    pub(super) revision: u64,
    /// Whether it is protected from deletion.
    pub(super) protected: bool,
}

/// A create that failed, or whose outcome is not known.
pub(super) struct CreateError {
    pub(super) error: SessionError,
    /// The protection that an existing key keeps.
    pub(super) protection: Option<bool>,
}

/// Returns what an update or delete expects of the key: the revision in the state. A state without a revision is that of a
/// create whose response was lost, and expects nothing.
pub(super) fn expected(revision: &Attr<u64>) -> Option<write_item::Expect> {
    revision.known().map(|revision| write_item::Expect::ExpectRevision(*revision))
}

/// Returns one item of a write.
pub(super) fn item(
    location: &VariableLocation,
    operation: write_item::Operation,
    expect: Option<write_item::Expect>,
) -> v1::WriteItem {
    v1::WriteItem {
        environment: Some((&location.env).into()),
        key: location.key.to_string(),
        operation: Some(operation),
        expect,
    }
}

/// Creates a key. With `overwrite` an existing key is taken over, unless it holds the other kind, and keeps its protection if
/// the configuration leaves that out.
pub(super) async fn create(
    session: &Session,
    location: &VariableLocation,
    kind: KeyKind,
    put: v1::Put,
    overwrite: bool,
) -> Result<Created, CreateError> {
    let protection = put.deletion_protection;
    // Only the refusal reports the protection of an existing key, so absence is expected first.
    let expect = (!overwrite || protection.is_none()).then_some(write_item::Expect::ExpectAbsent(true));
    let first = item(location, write_item::Operation::Put(put.clone()), expect);
    if overwrite {
        session.mark_variable_created(&location.env, location.key.as_str());
    }
    let mut kept = None;
    let mut answer = session.write(&location.env, first).await;
    if overwrite && let Some(existing) = answer.as_ref().err().and_then(|error| existing_key(kind, error)) {
        kept = Some(existing.deletion_protection);
        let put = v1::Put { deletion_protection: kept, ..put };
        answer = session.write(&location.env, item(location, write_item::Operation::Put(put), None)).await;
    }
    match answer {
        Ok(result) => {
            Ok(Created { revision: result.revision, protected: protection.or(kept).unwrap_or_default() })
        }
        Err(error) => {
            if overwrite && !error.outcome_unknown() {
                session.unmark_variable_created(&location.env, location.key.as_str());
            }
            Err(CreateError { error, protection: kept })
        }
    }
}

/// Returns the existing key that a create met, if it is of this kind.
fn existing_key(kind: KeyKind, error: &SessionError) -> Option<&v1::Variable> {
    let problem = error.problem().filter(|problem| problem.code() == ProblemCode::KeyExists)?;
    problem.current.as_ref().filter(|current| KeyKind::of(current) == kind)
}

/// Reports a create that failed.
pub(super) fn not_created(
    location: &VariableLocation,
    kind: KeyKind,
    create_missing: bool,
    error: &SessionError,
) -> Diagnostic {
    let action = format!("create {} {location}", kind.noun());
    if error.outcome_unknown() {
        return errors::outcome_unknown(&action, error, errors::STATE_AFTER_CREATE);
    }
    if errors::holds_other_kind(kind, error) {
        return errors::key_of_other_kind(kind, &location.to_string());
    }
    match error.problem() {
        Some(problem) if problem.code() == ProblemCode::KeyExists => {
            errors::already_exists(kind.resource(), &location.to_string(), &problem.message)
        }
        Some(problem) if problem.code() == ProblemCode::NotFound && !create_missing => {
            let mut diagnostic = errors::request_failed(&action, error);
            diagnostic.detail.push_str(
                "\n\nCreate the project and environment first with kontraktor_project and kontraktor_environment, or set \
                 create_missing = true in the provider block.",
            );
            diagnostic
        }
        _ => errors::request_failed(&action, error),
    }
}

/// The conditions under which a known key is changed.
pub(super) struct Preconditions {
    pub(super) create_missing: bool,
    pub(super) expect: Option<write_item::Expect>,
}

/// Returns the conditions that `on_conflict` sets.
pub(super) fn preconditions(
    session: &Session,
    location: &VariableLocation,
    on_conflict: &Attr<String>,
    revision: &Attr<u64>,
) -> Result<Preconditions, Diagnostic> {
    let failed = |error| errors::request_failed(&format!("update {location}"), &error);
    Ok(match session.on_conflict(on_conflict).map_err(failed)? {
        OnConflict::Overwrite => {
            Preconditions { create_missing: session.create_missing().map_err(failed)?, expect: None }
        }
        // The environment exists, because the key is expected in it.
        OnConflict::Fail => Preconditions { create_missing: false, expect: expected(revision) },
    })
}

/// Reports an update that failed.
pub(super) fn not_updated(
    location: &VariableLocation,
    kind: KeyKind,
    planned_from: &Attr<u64>,
    error: &SessionError,
) -> Diagnostic {
    if errors::holds_other_kind(kind, error) {
        return errors::key_of_other_kind(kind, &location.to_string());
    }
    match error.problem() {
        // Not found: the key was deleted together with its environment.
        Some(problem) if matches!(problem.code(), ProblemCode::Conflict | ProblemCode::NotFound) => {
            errors::conflict(kind, &location.to_string(), planned_from.known().copied(), problem)
        }
        _ => not_changed(&format!("update {} {location}", kind.noun()), error),
    }
}

/// Deletes a key. `planned_from` is the revision in the state.
pub(super) async fn delete(
    session: &Session,
    location: &VariableLocation,
    kind: KeyKind,
    planned_from: &Attr<u64>,
    expect: Option<write_item::Expect>,
) -> Result<(), Diagnostics> {
    let item = item(location, write_item::Operation::Delete(v1::Delete {}), expect);
    let _deletion = session.begin_deletion_in(Container::of_variable(&location.env));
    let _deleting = session.begin_delete().await;
    if session.is_variable_created(&location.env, location.key.as_str()) {
        return Ok(());
    }
    let Err(error) = session.write(&location.env, item).await else { return Ok(()) };
    match error.problem() {
        Some(problem) if problem.code() == ProblemCode::NotFound => Ok(()),
        Some(problem) if problem.code() == ProblemCode::Conflict && problem.current.is_none() => Ok(()),
        Some(problem) if problem.code() == ProblemCode::Conflict => {
            Err(errors::conflict(kind, &location.to_string(), planned_from.known().copied(), problem).into())
        }
        _ => Err(not_changed(&format!("delete {location}"), &error).into()),
    }
}

/// Returns the key as messages about its protection name it. `id` is `project/env/key`.
fn protected(kind: KeyKind, id: &str) -> Protected<'_> {
    let command = match id.rsplit_once('/') {
        Some((env, key)) => format!("ktr var unprotect {env} {key}"),
        None => "ktr var unprotect PROJECT/ENV KEY".to_owned(),
    };
    Protected { noun: kind.noun(), id, command }
}

/// Refuses to plan a destroy or replacement of a protected key. `id` is `project/env/key`.
pub(super) fn check_destroy(kind: KeyKind, id: &str, protection: &Attr<bool>, replaced: bool) -> Diagnostics {
    protection::check_destroy(protection, &protected(kind, id), replaced)
}

/// Refuses to plan a create that replaces a protected key, as in [`protection::check_replacement`]. `id` is `project/env/key`,
/// or empty while it is not known.
pub(super) fn check_replacement(cx: &PlanContext<Session>, kind: KeyKind, id: &str) -> Diagnostics {
    protection::check_replacement(cx, kind.resource(), &protected(kind, id))
}

/// Parses an import ID.
pub(super) fn import(id: &str) -> Result<VariableLocation, Diagnostic> {
    let [project, env, key] = locations::split_id(id, "PROJECT/ENV/KEY")?;
    let env = EnvPath::new(project, env).map_err(|error| locations::invalid_import_id(id, &error))?;
    let key = key.parse().map_err(|error| locations::invalid_import_id(id, &error))?;
    Ok(VariableLocation { env, key })
}
