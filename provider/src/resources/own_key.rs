//! One own key of an environment, whatever it holds: how it is created, changed and deleted so that a plan's promise about
//! it holds, and what is told where it does not.

use kontraktor_model::names::EnvPath;
use kontraktor_proto::v1::{self, ProblemCode, write_item};

use super::{
    conflict::OnConflict,
    not_changed,
    protection::{self, Protected},
};
use crate::{
    framework::{Attr, Diagnostic, Diagnostics},
    messages::{self, Kind, Side},
    places::{self, Place},
    session::{Session, Trouble},
};

/// A key that was created or taken over.
pub(super) struct Created {
    pub(super) revision: u64,
    /// Whether deleting it is refused.
    pub(super) protected: bool,
}

/// A key that was not created, or of which that is not known.
pub(super) struct NotCreated {
    pub(super) trouble: Trouble,
    /// The protection that was to be kept, where the key existed.
    pub(super) kept: Option<bool>,
}

/// The promise of the plan: the key as the state knows it. A state without a revision is that of a create whose answer was
/// lost; it promises nothing.
pub(super) fn expected(revision: &Attr<u64>) -> Option<write_item::Expect> {
    revision.known().map(|revision| write_item::Expect::ExpectRevision(*revision))
}

/// One item of a write.
pub(super) fn item(
    place: &Place,
    operation: write_item::Operation,
    expect: Option<write_item::Expect>,
) -> v1::WriteItem {
    v1::WriteItem {
        environment: Some((&place.env).into()),
        key: place.key.to_string(),
        operation: Some(operation),
        expect,
    }
}

/// Creates what is put. With `overwrite` a key that exists is taken over, unless it holds the other kind; where the author
/// left the protection out, such a key keeps its own.
pub(super) async fn create(
    session: &Session,
    place: &Place,
    kind: Kind,
    put: v1::Put,
    overwrite: bool,
) -> Result<Created, NotCreated> {
    let protection = put.deletion_protection;
    // Only the refusal tells the protection of a key that exists, so absence is expected first.
    let expect = (!overwrite || protection.is_none()).then_some(write_item::Expect::ExpectAbsent(true));
    let first = item(place, write_item::Operation::Put(put.clone()), expect);
    if overwrite {
        session.made_variable(&place.env, place.key.as_str());
    }
    let mut kept = None;
    let mut answer = session.write(&place.env, first).await;
    if overwrite && let Some(standing) = answer.as_ref().err().and_then(|trouble| standing(kind, trouble)) {
        let protected = standing.deletion_protection;
        kept = Some(protected);
        let put = v1::Put { deletion_protection: kept, ..put };
        answer = session.write(&place.env, item(place, write_item::Operation::Put(put), None)).await;
    }
    match answer {
        Ok(result) => {
            Ok(Created { revision: result.revision, protected: protection.or(kept).unwrap_or_default() })
        }
        Err(trouble) => {
            if overwrite && !trouble.outcome_unknown() {
                session.not_made_variable(&place.env, place.key.as_str());
            }
            Err(NotCreated { trouble, kept })
        }
    }
}

/// What stands where absence was expected, if it is of this kind.
fn standing(kind: Kind, trouble: &Trouble) -> Option<&v1::Variable> {
    let problem = trouble.problem().filter(|problem| problem.code() == ProblemCode::KeyExists)?;
    problem.current.as_ref().filter(|current| Kind::of(current) == kind)
}

/// What is told of a create that failed.
pub(super) fn not_created(place: &Place, kind: Kind, create_missing: bool, trouble: &Trouble) -> Diagnostic {
    let doing = format!("create {place}");
    if trouble.outcome_unknown() {
        return messages::outcome_unknown(&doing, trouble, messages::KEPT_AFTER_CREATE);
    }
    if kind.meets_other(trouble) {
        return kind.is_other(&place.to_string());
    }
    match trouble.problem() {
        Some(problem) if problem.code() == ProblemCode::KeyExists => {
            messages::exists(kind.resource(), &place.to_string(), &problem.message)
        }
        Some(problem) if problem.code() == ProblemCode::NotFound && !create_missing => {
            let mut diagnostic = messages::failed(&doing, trouble);
            diagnostic.detail.push_str(
                "\n\nCreate it first with kontraktor_project and kontraktor_environment, or set create_missing = true \
                 in the provider block.",
            );
            diagnostic
        }
        _ => messages::failed(&doing, trouble),
    }
}

/// On which terms a key is changed that the state knows.
pub(super) struct Terms {
    pub(super) create_missing: bool,
    pub(super) expect: Option<write_item::Expect>,
}

/// Those that `on_conflict` sets.
pub(super) fn terms(
    session: &Session,
    place: &Place,
    on_conflict: &Attr<String>,
    revision: &Attr<u64>,
) -> Result<Terms, Diagnostic> {
    let failed = |trouble| messages::failed(&format!("update {place}"), &trouble);
    Ok(match session.on_conflict(on_conflict).map_err(failed)? {
        OnConflict::Overwrite => {
            Terms { create_missing: session.create_missing().map_err(failed)?, expect: None }
        }
        // The environment exists: the key is expected in it.
        OnConflict::Fail => Terms { create_missing: false, expect: expected(revision) },
    })
}

/// What is told of an update that failed.
pub(super) fn not_updated(
    place: &Place,
    kind: Kind,
    from: &Side<'_>,
    to: &Side<'_>,
    trouble: &Trouble,
) -> Diagnostic {
    if kind.meets_other(trouble) {
        return kind.is_other(&place.to_string());
    }
    match trouble.problem() {
        // Not found: the key is gone with its environment.
        Some(problem) if matches!(problem.code(), ProblemCode::Conflict | ProblemCode::NotFound) => {
            messages::conflict(&place.to_string(), from, Some(to), problem)
        }
        _ => not_changed(&format!("update {place}"), trouble),
    }
}

/// Deletes what stands. `from` is what the plan rests on.
pub(super) async fn delete(
    session: &Session,
    place: &Place,
    from: &Side<'_>,
    expect: Option<write_item::Expect>,
) -> Result<(), Diagnostics> {
    let item = item(place, write_item::Operation::Delete(v1::Delete {}), expect);
    let _deleting = session.deleting().await;
    if session.is_made_variable(&place.env, place.key.as_str()) {
        return Ok(());
    }
    let Err(trouble) = session.write(&place.env, item).await else { return Ok(()) };
    match trouble.problem() {
        Some(problem) if problem.code() == ProblemCode::NotFound => Ok(()),
        Some(problem) if problem.code() == ProblemCode::Conflict && problem.current.is_none() => Ok(()),
        Some(problem) if problem.code() == ProblemCode::Conflict => {
            Err(messages::conflict(&place.to_string(), from, None, problem).into())
        }
        _ => Err(not_changed(&format!("delete {place}"), &trouble).into()),
    }
}

/// Refuses to plan the end of what the state says is protected. `id` is `project/env/key`.
pub(super) fn refuse(kind: Kind, id: &str, protection: &Attr<bool>, replaced: bool) -> Diagnostics {
    let command = match id.rsplit_once('/') {
        Some((env, key)) => format!("ktr var unprotect {env} {key}"),
        None => "ktr var unprotect PROJECT/ENV KEY".to_owned(),
    };
    protection::refuse(protection, &Protected { noun: kind.noun(), id, command }, replaced)
}

/// The place that an import id names.
pub(super) fn import(id: &str) -> Result<Place, Diagnostic> {
    let [project, env, key] = places::split_id(id, "PROJECT/ENV/KEY")?;
    let env = EnvPath::new(project, env).map_err(|error| places::bad_id(id, &error))?;
    let key = key.parse().map_err(|error| places::bad_id(id, &error))?;
    Ok(Place { env, key })
}
