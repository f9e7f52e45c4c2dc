//! One atomic write: the changed keys, what is expected of each, and what is reported if the write is refused.

use std::{collections::BTreeSet, sync::Arc};

use kontraktor_model::{limits::MAX_MESSAGE_BYTES, names::EnvPath, value::ValueType};
use kontraktor_proto::v1::{self, ProblemCode, write_item};

use super::{
    changes::Changes,
    key_errors,
    model::{Entry, State},
    private_state::PrivateState,
};
use crate::{
    errors,
    framework::{Attr, Context, Diagnostic, Diagnostics, Failure},
    key_kind::KeyKind,
    resources::{conflict::OnConflict, lifecycle::not_changed, protection::ATTRIBUTE},
    session::{AtomicWriteError, Container, Session, SessionError},
};

/// The options that every item of one write shares.
struct Options<'a> {
    env: &'a EnvPath,
    create_missing: bool,
    overwrite: bool,
    /// Whether the keys are to be protected. `None`: unchanged.
    protection: Option<bool>,
    /// The configuration leaves the protection out: existing keys keep theirs, and new keys are protected if all others are.
    protection_left_out: bool,
    prior: Option<&'a State>,
    private_state: &'a PrivateState,
}

/// One key of a write.
struct Item<'a> {
    key: &'a str,
    /// The planned contents; `None` deletes the key.
    to: Option<Entry<'a>>,
    message: v1::WriteItem,
}

impl<'a> Options<'a> {
    /// Returns what the plan expects of a key: the revision in the state, or absence if the state does not hold the key. A
    /// key without a revision is that of a write whose response was lost, and nothing is expected of it.
    fn expected(&self, key: &str, held: bool) -> Option<write_item::Expect> {
        if self.overwrite {
            None
        } else if held {
            self.private_state
                .revisions
                .get(key)
                .map(|revision| write_item::Expect::ExpectRevision(*revision))
        } else {
            Some(write_item::Expect::ExpectAbsent(true))
        }
    }

    fn item(&self, key: &'a str, to: Option<Entry<'a>>, held: bool) -> Result<Item<'a>, Diagnostic> {
        let operation = match &to {
            None => write_item::Operation::Delete(v1::Delete {}),
            Some(entry) => {
                let protection = self.protection.filter(|on| !self.protection_left_out || (*on && !held));
                write_item::Operation::Put(self.put(key, entry, protection)?)
            }
        };
        let message = v1::WriteItem {
            environment: Some(self.env.into()),
            key: key.to_owned(),
            operation: Some(operation),
            expect: self.expected(key, held),
        };
        Ok(Item { key, to, message })
    }

    fn put(&self, key: &str, entry: &Entry<'_>, protection: Option<bool>) -> Result<v1::Put, Diagnostic> {
        let path = || entry.path(key);
        let Some(((value, value_type), description)) =
            entry.value.zip(entry.value_type).zip(entry.description)
        else {
            let detail = format!("{} is null. Set a value, or remove the key.", path());
            return Err(Diagnostic::error(format!("Missing {}", path()), detail).at_path(path()));
        };
        let value_type: ValueType = value_type.parse().map_err(|error| {
            Diagnostic::error(format!("Invalid {}", path()), format!("{error}.")).at_path(path())
        })?;
        Ok(v1::Put {
            r#type: v1::ValueType::from(value_type).into(),
            content: Some(v1::put::Content::Value(value.to_owned())),
            description: description.to_owned(),
            create_missing: self.create_missing,
            deletion_protection: protection,
        })
    }

    fn items(&self, changes: &Changes<'a>) -> Result<Vec<Item<'a>>, Diagnostic> {
        let held = self.prior.map(State::entries).unwrap_or_default();
        let deletes = changes.deletes.keys().map(|key| self.item(key, None, true));
        let puts = changes.puts.iter().map(|(key, to)| self.item(key, Some(*to), held.contains_key(key)));
        let mut items: Vec<_> = deletes.chain(puts).collect::<Result<_, _>>()?;
        // In the order in which the messages list them.
        items.sort_unstable_by_key(|item| item.key);
        Ok(items)
    }
}

/// Checks that the changes fit into one message, as far as they are known.
pub(super) fn check_size(env: &EnvPath, changes: &Changes<'_>) -> Result<(), Diagnostic> {
    /// The maximum size of an item without its texts, in bytes: tags, lengths, type, flags and expectation.
    const ITEM: usize = 64;
    let names = env.project.as_str().len() + env.env.as_str().len();
    let texts = |entry: &Entry<'_>| entry.value.map_or(0, str::len) + entry.description.map_or(0, str::len);
    let puts: usize = changes.puts.iter().map(|(key, entry)| ITEM + names + key.len() + texts(entry)).sum();
    let deletes: usize = changes.deletes.keys().map(|key| ITEM + names + key.len()).sum();
    let bytes = puts + deletes;
    if bytes > MAX_MESSAGE_BYTES { Err(key_errors::too_large(env, bytes)) } else { Ok(()) }
}

/// Why nothing was written.
enum WriteError<'a> {
    /// These items were refused.
    Items(Vec<(Item<'a>, v1::Problem)>),
    /// The write failed as a whole.
    Whole(AtomicWriteError),
}

impl WriteError<'_> {
    fn outcome_unknown(&self) -> bool {
        matches!(self, Self::Whole(AtomicWriteError::Session(error)) if error.outcome_unknown())
    }
}

/// Returns whether the item deletes a key that does not exist any more.
fn is_already_deleted(item: &Item<'_>, problem: &v1::Problem) -> bool {
    item.to.is_none()
        && match problem.code() {
            ProblemCode::NotFound => true,
            ProblemCode::Conflict => problem.current.is_none(),
            _ => false,
        }
}

/// Writes the items, all or none, and returns their results. Deletions of keys that do not exist any more are left out, and
/// the write is sent again.
async fn send<'a>(
    session: &Session,
    env: &EnvPath,
    mut items: Vec<Item<'a>>,
) -> Result<Vec<(&'a str, v1::WriteResult)>, WriteError<'a>> {
    while !items.is_empty() {
        let messages = items.iter().map(|item| item.message.clone()).collect();
        let results = session.write_atomic(env, messages).await.map_err(WriteError::Whole)?;
        if !results.iter().any(|result| result.status() == v1::WriteStatus::Refused) {
            return Ok(items.into_iter().map(|item| item.key).zip(results).collect());
        }
        let before = items.len();
        let mut refused = Vec::new();
        let mut rest = Vec::new();
        for (item, result) in items.into_iter().zip(results) {
            match result.problem {
                Some(problem) if is_already_deleted(&item, &problem) => {}
                Some(problem) if problem.code() != ProblemCode::Skipped => refused.push((item, problem)),
                _ => rest.push(item),
            }
        }
        if !refused.is_empty() || rest.len() == before {
            return Err(WriteError::Items(refused));
        }
        items = rest;
    }
    Ok(Vec::new())
}

/// Creates or updates.
pub(super) async fn put(
    cx: &mut Context<Session>,
    prior: Option<State>,
    mut planned: State,
) -> Result<State, Failure<State>> {
    let env = planned.path()?;
    // The private state of a replaced object can come along, and does not belong to the new one.
    let known = if prior.is_some() { PrivateState::load(&cx.private)? } else { PrivateState::default() };
    let action = format!("{} variables of {env}", if prior.is_some() { "update" } else { "create" });
    let request_error = |error: SessionError| errors::request_failed(&action, &error);
    let on_conflict = cx.session.on_conflict(&planned.on_conflict).map_err(request_error)?;
    let create_missing = cx.session.create_missing().map_err(request_error)?;
    if planned.deletion_protection.is_unknown() && on_conflict == OnConflict::Fail {
        planned.deletion_protection = Attr::Known(false);
    }

    let mut changes = Changes::between(prior.as_ref(), Some(&planned), &known);
    let held = prior.as_ref().map(State::entries).unwrap_or_default();
    let new: BTreeSet<&str> = changes.puts.keys().copied().filter(|key| !held.contains_key(key)).collect();
    if on_conflict == OnConflict::Overwrite && !new.is_empty() {
        cx.session.mark_variables_created(&env, new.iter().copied()).await;
    }
    let session = Arc::clone(&cx.session);
    let _deleting = if changes.deletes.is_empty() { None } else { Some(session.begin_delete().await) };
    // Keys that a new object has taken over are not deleted.
    let taken_over: BTreeSet<&str> =
        changes.deletes.keys().copied().filter(|key| session.is_variable_created(&env, key)).collect();
    changes.deletes.retain(|key, _| !taken_over.contains(key));
    let options = Options {
        env: &env,
        create_missing,
        overwrite: on_conflict == OnConflict::Overwrite,
        protection: planned.deletion_protection.known().copied(),
        protection_left_out: cx.is_left_out(ATTRIBUTE),
        prior: prior.as_ref(),
        private_state: &known,
    };
    let results = match send(&cx.session, &env, options.items(&changes)?).await {
        Ok(results) => results,
        Err(error) => {
            if options.overwrite && !error.outcome_unknown() {
                for key in new {
                    session.unmark_variable_created(&env, key);
                }
            }
            return Err(not_written(&action, &options, &error, &planned));
        }
    };

    let mut private_state = known.clone();
    let mut newest = prior.as_ref().and_then(|prior| prior.revision.known().copied());
    for (key, result) in results {
        newest = newest.max(Some(result.revision));
        if changes.puts.contains_key(key) {
            private_state.revisions.insert(key.to_owned(), result.revision);
        }
    }
    for key in changes.deletes.keys().chain(&taken_over) {
        private_state.revisions.remove(*key);
        private_state.protected.remove(*key);
    }
    let left_open = planned.deletion_protection.is_unknown();
    planned.revision = newest.into();
    if left_open {
        read_adopted_protection(&cx.session, &env, &mut planned, &mut private_state).await;
    }
    if !planned.deletion_protection.is_null() {
        private_state.protected.clear();
    }
    private_state.store(&mut cx.private);
    Ok(planned)
}

/// Reads whether the keys that were taken over are protected. If they cannot be read, the next read finds out.
async fn read_adopted_protection(
    session: &Session,
    env: &EnvPath,
    planned: &mut State,
    private_state: &mut PrivateState,
) {
    planned.deletion_protection = match session.own_snapshot(env).await {
        Ok(Some(snapshot)) => {
            let read = PrivateState::of(planned.keys().filter_map(|key| snapshot.get(key)));
            let protection = read.protection();
            private_state.protected = read.protected;
            protection.into()
        }
        _ => Attr::Null,
    };
}

/// Deletes every key in the state.
pub(super) async fn delete(cx: &mut Context<Session>, prior: State) -> Result<(), Diagnostics> {
    let env = prior.path()?;
    let private_state = PrivateState::load(&cx.private)?;
    let action = format!("delete variables of {env}");
    let on_conflict = cx.session.on_conflict(&prior.on_conflict);
    let on_conflict = on_conflict.map_err(|error| errors::request_failed(&action, &error))?;
    let mut changes = Changes::between(Some(&prior), None, &private_state);
    let session = Arc::clone(&cx.session);
    let _deletion = session.begin_deletion_in(Container::of_variable(&env));
    let _deleting = session.begin_delete().await;
    changes.deletes.retain(|key, _| !session.is_variable_created(&env, key));
    let options = Options {
        env: &env,
        create_missing: false,
        overwrite: on_conflict == OnConflict::Overwrite,
        protection: None,
        protection_left_out: true,
        prior: Some(&prior),
        private_state: &private_state,
    };
    match send(&cx.session, &env, options.items(&changes)?).await {
        Ok(_) => Ok(()),
        Err(error) => Err(not_written(&action, &options, &error, &prior).diagnostics),
    }
}

/// Reports a failed write, with the state to keep after a create whose outcome is unknown.
fn not_written(
    action: &str,
    options: &Options<'_>,
    error: &WriteError<'_>,
    planned: &State,
) -> Failure<State> {
    match error {
        WriteError::Items(refused) => item_diagnostics(action, options, refused).into(),
        WriteError::Whole(AtomicWriteError::TooLarge(bytes)) => {
            key_errors::too_large(options.env, *bytes).into()
        }
        WriteError::Whole(AtomicWriteError::Session(cause))
            if options.prior.is_none() && error.outcome_unknown() =>
        {
            let diagnostic = errors::outcome_unknown(action, cause, errors::STATE_AFTER_CREATE);
            Failure { diagnostics: diagnostic.into(), state: Some(planned.clone()) }
        }
        WriteError::Whole(AtomicWriteError::Session(cause)) => not_changed(action, cause).into(),
    }
}

/// Reports refused items. Existing keys, protected keys and a missing environment are one diagnostic each; every other key
/// has its own.
fn item_diagnostics(action: &str, options: &Options<'_>, refused: &[(Item<'_>, v1::Problem)]) -> Diagnostics {
    let of = |code: ProblemCode| -> Vec<&str> {
        let matching = refused.iter().filter(|(_, problem)| problem.code() == code);
        matching.map(|(item, _)| item.key).collect()
    };
    let mut diagnostics = Diagnostics::new();
    let (references, existing): (Vec<&str>, Vec<&str>) = of(ProblemCode::KeyExists)
        .into_iter()
        .partition(|key| refused.iter().any(|(item, problem)| item.key == *key && is_reference(problem)));
    if !references.is_empty() {
        diagnostics.push(key_errors::references(options.env, &references));
    }
    if !existing.is_empty() {
        diagnostics.push(key_errors::already_exist(options.env, &existing, options.prior.is_some()));
    }
    let protected = of(ProblemCode::Protected);
    if !protected.is_empty() {
        diagnostics.push(key_errors::protected(options.env, &protected));
    }
    let held = options.prior.map(State::entries).unwrap_or_default();
    let mut environment_reported = false;
    let mut others = Vec::new();
    for (item, problem) in refused {
        let before = held.get(item.key);
        match (problem.code(), before) {
            (ProblemCode::KeyExists | ProblemCode::Protected, _) => {}
            // Not found: the key was deleted together with its environment.
            (ProblemCode::Conflict | ProblemCode::NotFound, Some(before)) => {
                let id = format!("{}/{}", options.env, item.key);
                let planned_from = options.private_state.revisions.get(item.key).copied();
                let conflict = errors::conflict(KeyKind::Variable, &id, planned_from, problem);
                others.push(conflict.at_path(item.to.as_ref().unwrap_or(before).path(item.key)));
            }
            (ProblemCode::NotFound, None) => {
                if !environment_reported {
                    diagnostics.push(missing_environment(action, options, problem));
                }
                environment_reported = true;
            }
            _ => others.push(item_error(options, item, problem)),
        }
    }
    diagnostics.append(key_errors::limit(others));
    diagnostics
}

/// Returns whether an existing key holds a secret reference.
fn is_reference(problem: &v1::Problem) -> bool {
    errors::holds_other_kind(KeyKind::Variable, &refusal(problem))
}

fn missing_environment(action: &str, options: &Options<'_>, problem: &v1::Problem) -> Diagnostic {
    let mut diagnostic = errors::request_failed(action, &refusal(problem));
    if !options.create_missing {
        diagnostic.detail.push_str(
            "\n\nCreate the project and environment first with kontraktor_project and kontraktor_environment, or set \
             create_missing = true in the provider block.",
        );
    }
    diagnostic
}

/// Reports any other refusal of one key, at its path.
fn item_error(options: &Options<'_>, item: &Item<'_>, problem: &v1::Problem) -> Diagnostic {
    let verb = if item.to.is_some() { "write" } else { "delete" };
    let action = format!("{verb} variable {}/{}", options.env, item.key);
    let mut diagnostic = errors::request_failed(&action, &refusal(problem));
    diagnostic.path = item.to.as_ref().map(|entry| entry.path(item.key));
    diagnostic
}

fn refusal(problem: &v1::Problem) -> SessionError {
    SessionError::Client(kontraktor_proto::client::ClientError::Refused(Box::new(problem.clone())))
}
