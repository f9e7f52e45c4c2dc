//! One atomic write: the changed keys, each with what is expected of it, and what is told where it is refused.

use std::{collections::BTreeSet, sync::Arc};

use kontraktor_model::{limits::MAX_MESSAGE_BYTES, names::EnvPath, value::ValueType};
use kontraktor_proto::v1::{self, ProblemCode, write_item};

use super::{
    changes::Changes,
    model::{Entry, State},
    remembered::Remembered,
    told,
};
use crate::{
    framework::{Attr, Context, Diagnostic, Diagnostics, Failure},
    messages::{self, Kind, Side},
    resources::{conflict::OnConflict, not_changed, protection::ATTRIBUTE},
    session::{NotTogether, Session, Trouble},
};

/// What holds for every item of one write.
struct Order<'a> {
    env: &'a EnvPath,
    create_missing: bool,
    overwrite: bool,
    /// Whether the keys are to be protected. `None`: as they are.
    protection: Option<bool>,
    /// The author did not say so: what is there stays as it is, and new keys are protected where all others are.
    protection_left_out: bool,
    prior: Option<&'a State>,
    remembered: &'a Remembered,
}

/// One key of a write.
struct Item<'a> {
    key: &'a str,
    /// What it is to hold; `None` deletes it.
    to: Option<Entry<'a>>,
    message: v1::WriteItem,
}

impl<'a> Order<'a> {
    /// The promise of the plan: a key is as the state knows it, or absent where the state does not know it. A key
    /// without a revision is that of a write whose answer was lost; it promises nothing.
    fn expected(&self, key: &str, held: bool) -> Option<write_item::Expect> {
        if self.overwrite {
            None
        } else if held {
            self.remembered.revisions.get(key).map(|revision| write_item::Expect::ExpectRevision(*revision))
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
            let detail = format!("{} is null: give it a value, or leave the key out.", path());
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
        // In the order in which a person looks for them.
        items.sort_unstable_by_key(|item| item.key);
        Ok(items)
    }
}

/// Whether the changes fit into one message, as far as they are known.
pub(super) fn fits(env: &EnvPath, changes: &Changes<'_>) -> Result<(), Diagnostic> {
    /// What an item holds beside its texts, in bytes, at most: tags, lengths, type, flags and expectation.
    const ITEM: usize = 64;
    let names = env.project.as_str().len() + env.env.as_str().len();
    let texts = |entry: &Entry<'_>| entry.value.map_or(0, str::len) + entry.description.map_or(0, str::len);
    let puts: usize = changes.puts.iter().map(|(key, entry)| ITEM + names + key.len() + texts(entry)).sum();
    let deletes: usize = changes.deletes.keys().map(|key| ITEM + names + key.len()).sum();
    let bytes = puts + deletes;
    if bytes > MAX_MESSAGE_BYTES { Err(told::too_large(env, bytes)) } else { Ok(()) }
}

/// Why nothing was written.
enum Refused<'a> {
    /// These items are to blame.
    Items(Vec<(Item<'a>, v1::Problem)>),
    Whole(NotTogether),
}

impl Refused<'_> {
    fn outcome_unknown(&self) -> bool {
        matches!(self, Self::Whole(NotTogether::Trouble(trouble)) if trouble.outcome_unknown())
    }
}

/// A key that is to go and is gone.
fn is_gone(item: &Item<'_>, problem: &v1::Problem) -> bool {
    item.to.is_none()
        && match problem.code() {
            ProblemCode::NotFound => true,
            ProblemCode::Conflict => problem.current.is_none(),
            _ => false,
        }
}

/// Writes the items, all or none, and answers with their revisions. What is to go and is gone already hinders nobody:
/// without it, the write is sent again.
async fn send<'a>(
    session: &Session,
    env: &EnvPath,
    mut items: Vec<Item<'a>>,
) -> Result<Vec<(&'a str, v1::WriteResult)>, Refused<'a>> {
    while !items.is_empty() {
        let messages = items.iter().map(|item| item.message.clone()).collect();
        let results = session.write_together(env, messages).await.map_err(Refused::Whole)?;
        if !results.iter().any(|result| result.status() == v1::WriteStatus::Refused) {
            return Ok(items.into_iter().map(|item| item.key).zip(results).collect());
        }
        let before = items.len();
        let mut blamed = Vec::new();
        let mut rest = Vec::new();
        for (item, result) in items.into_iter().zip(results) {
            match result.problem {
                Some(problem) if is_gone(&item, &problem) => {}
                Some(problem) if problem.code() != ProblemCode::Skipped => blamed.push((item, problem)),
                _ => rest.push(item),
            }
        }
        if !blamed.is_empty() || rest.len() == before {
            return Err(Refused::Items(blamed));
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
    // What a replaced object remembered can come along, and is not this one's.
    let known = if prior.is_some() { Remembered::load(&cx.private)? } else { Remembered::default() };
    let doing = format!("{} the variables of {env}", if prior.is_some() { "update" } else { "create" });
    let troubled = |trouble: Trouble| messages::failed(&doing, &trouble);
    let on_conflict = cx.session.on_conflict(&planned.on_conflict).map_err(troubled)?;
    let create_missing = cx.session.create_missing().map_err(troubled)?;
    if planned.deletion_protection.is_unknown() && on_conflict == OnConflict::Fail {
        planned.deletion_protection = Attr::Known(false);
    }

    let mut changes = Changes::between(prior.as_ref(), Some(&planned), &known);
    let held = prior.as_ref().map(State::entries).unwrap_or_default();
    let new: BTreeSet<&str> = changes.puts.keys().copied().filter(|key| !held.contains_key(key)).collect();
    if on_conflict == OnConflict::Overwrite && !new.is_empty() {
        cx.session.take_over(&env, new.iter().copied()).await;
    }
    let session = Arc::clone(&cx.session);
    let _deleting = if changes.deletes.is_empty() { None } else { Some(session.deleting().await) };
    // What a new object took over is not this one's to delete.
    let let_go: BTreeSet<&str> =
        changes.deletes.keys().copied().filter(|key| session.is_made_variable(&env, key)).collect();
    changes.deletes.retain(|key, _| !let_go.contains(key));
    let order = Order {
        env: &env,
        create_missing,
        overwrite: on_conflict == OnConflict::Overwrite,
        protection: planned.deletion_protection.known().copied(),
        protection_left_out: cx.is_left_out(ATTRIBUTE),
        prior: prior.as_ref(),
        remembered: &known,
    };
    let results = match send(&cx.session, &env, order.items(&changes)?).await {
        Ok(results) => results,
        Err(refused) => {
            if order.overwrite && !refused.outcome_unknown() {
                for key in new {
                    session.not_made_variable(&env, key);
                }
            }
            return Err(not_written(&doing, &order, &refused, &planned));
        }
    };

    let mut remembered = known.clone();
    let mut newest = prior.as_ref().and_then(|prior| prior.revision.known().copied());
    for (key, result) in results {
        newest = newest.max(Some(result.revision));
        if changes.puts.contains_key(key) {
            remembered.revisions.insert(key.to_owned(), result.revision);
        }
    }
    for key in changes.deletes.keys().chain(&let_go) {
        remembered.revisions.remove(*key);
        remembered.protected.remove(*key);
    }
    let left_open = planned.deletion_protection.is_unknown();
    planned.revision = newest.into();
    if left_open {
        adopted(&cx.session, &env, &mut planned, &mut remembered).await;
    }
    if !planned.deletion_protection.is_null() {
        remembered.protected.clear();
    }
    remembered.store(&mut cx.private);
    Ok(planned)
}

/// Reads whether what was taken over is protected. Where that cannot be read, it is left open for the next read.
async fn adopted(session: &Session, env: &EnvPath, planned: &mut State, remembered: &mut Remembered) {
    planned.deletion_protection = match session.own(env).await {
        Ok(Some(snapshot)) => {
            let read = Remembered::of(planned.keys().filter_map(|key| snapshot.get(key)));
            let protection = read.protection();
            remembered.protected = read.protected;
            protection.into()
        }
        _ => Attr::Null,
    };
}

/// Deletes every key that the state knows.
pub(super) async fn delete(cx: &mut Context<Session>, prior: State) -> Result<(), Diagnostics> {
    let env = prior.path()?;
    let remembered = Remembered::load(&cx.private)?;
    let doing = format!("delete the variables of {env}");
    let on_conflict = cx.session.on_conflict(&prior.on_conflict);
    let on_conflict = on_conflict.map_err(|trouble| messages::failed(&doing, &trouble))?;
    let mut changes = Changes::between(Some(&prior), None, &remembered);
    let session = Arc::clone(&cx.session);
    let _deleting = session.deleting().await;
    changes.deletes.retain(|key, _| !session.is_made_variable(&env, key));
    let order = Order {
        env: &env,
        create_missing: false,
        overwrite: on_conflict == OnConflict::Overwrite,
        protection: None,
        protection_left_out: true,
        prior: Some(&prior),
        remembered: &remembered,
    };
    match send(&cx.session, &env, order.items(&changes)?).await {
        Ok(_) => Ok(()),
        Err(refused) => Err(not_written(&doing, &order, &refused, &prior).diagnostics),
    }
}

/// What is told, and what of a create the state must keep.
fn not_written(doing: &str, order: &Order<'_>, refused: &Refused<'_>, planned: &State) -> Failure<State> {
    match refused {
        Refused::Items(blamed) => blame(doing, order, blamed).into(),
        Refused::Whole(NotTogether::TooLarge(bytes)) => told::too_large(order.env, *bytes).into(),
        Refused::Whole(NotTogether::Trouble(trouble))
            if order.prior.is_none() && refused.outcome_unknown() =>
        {
            let told = messages::outcome_unknown(doing, trouble, messages::KEPT_AFTER_CREATE);
            Failure { diagnostics: told.into(), state: Some(planned.clone()) }
        }
        Refused::Whole(NotTogether::Trouble(trouble)) => not_changed(doing, trouble).into(),
    }
}

/// The keys that exist, those that are protected and a missing environment are each one message; any other key has its
/// own.
fn blame(doing: &str, order: &Order<'_>, blamed: &[(Item<'_>, v1::Problem)]) -> Diagnostics {
    let of = |code: ProblemCode| -> Vec<&str> {
        let such = blamed.iter().filter(|(_, problem)| problem.code() == code);
        such.map(|(item, _)| item.key).collect()
    };
    let mut diagnostics = Diagnostics::new();
    let (references, exist): (Vec<&str>, Vec<&str>) = of(ProblemCode::KeyExists)
        .into_iter()
        .partition(|key| blamed.iter().any(|(item, problem)| item.key == *key && meets_reference(problem)));
    if !references.is_empty() {
        diagnostics.push(told::references(order.env, &references));
    }
    if !exist.is_empty() {
        diagnostics.push(told::exist(order.env, &exist, order.prior.is_some()));
    }
    let protected = of(ProblemCode::Protected);
    if !protected.is_empty() {
        diagnostics.push(told::protected(order.env, &protected));
    }
    let held = order.prior.map(State::entries).unwrap_or_default();
    let mut nowhere = false;
    let mut others = Vec::new();
    for (item, problem) in blamed {
        let before = held.get(item.key);
        match (problem.code(), before) {
            (ProblemCode::KeyExists | ProblemCode::Protected, _) => {}
            // Not found: the key is gone with its environment.
            (ProblemCode::Conflict | ProblemCode::NotFound, Some(before)) => {
                let id = format!("{}/{}", order.env, item.key);
                let guarded = order.prior.is_some_and(|prior| prior.protects(item.key, order.remembered));
                let to = item.to.as_ref().map(|to| side(to, order.protection.unwrap_or(guarded)));
                let told = messages::conflict(&id, &side(before, guarded), to.as_ref(), problem);
                others.push(told.at_path(item.to.as_ref().unwrap_or(before).path(item.key)));
            }
            (ProblemCode::NotFound, None) => {
                if !nowhere {
                    diagnostics.push(missing_environment(doing, order, problem));
                }
                nowhere = true;
            }
            _ => others.push(one(order, item, problem)),
        }
    }
    diagnostics.append(told::capped(others));
    diagnostics
}

/// Whether a key that exists does so as a secret reference.
fn meets_reference(problem: &v1::Problem) -> bool {
    Kind::Variable.meets_other(&refusal(problem))
}

fn missing_environment(doing: &str, order: &Order<'_>, problem: &v1::Problem) -> Diagnostic {
    let mut diagnostic = messages::failed(doing, &refusal(problem));
    if !order.create_missing {
        diagnostic.detail.push_str(
            "\n\nCreate it first with kontraktor_project and kontraktor_environment, or set create_missing = true in \
             the provider block.",
        );
    }
    diagnostic
}

/// Any other refusal of one key, told where the key stands.
fn one(order: &Order<'_>, item: &Item<'_>, problem: &v1::Problem) -> Diagnostic {
    let what = if item.to.is_some() { "write" } else { "delete" };
    let mut told = messages::failed(&format!("{what} {}/{}", order.env, item.key), &refusal(problem));
    told.path = item.to.as_ref().map(|entry| entry.path(item.key));
    told
}

fn refusal(problem: &v1::Problem) -> Trouble {
    Trouble::Client(kontraktor_proto::client::ClientError::Refused(Box::new(problem.clone())))
}

fn side<'a>(entry: &Entry<'a>, protected: bool) -> Side<'a> {
    Side {
        value: entry.value.unwrap_or_default(),
        value_type: entry.value_type.unwrap_or_default(),
        description: entry.description.unwrap_or_default(),
        protected,
    }
}
