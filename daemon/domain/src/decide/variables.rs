//! The rules of variables: batches, their groups and items.
//!
//! A group is decided in two steps. First every item of it is planned against the current state, with nothing changed; a
//! key occurs once in a request, so items cannot conflict with each other. Then, if none was refused, all are recorded.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use kontraktor_model::{
    limits::MAX_BATCH_ITEMS,
    names::{EnvPath, Key},
    reference::Reference,
    value::check_description,
};

use super::{
    super::{
        Batch, BatchOutcome, BatchRecord, Body, Code, Current, EnvironmentSettings, Expect, ItemOutcome,
        ItemResult, Operate, Put, PutContent, Refusal, State, Variable, VariableEvent, VariableKind,
        VariableOperation, WriteItem, digest::digest, schema::ValidationBudget,
    },
    Command, Draft, Weight, environments, find_environment, protection, schemas,
};

/// Refusals of one batch carry the current variables until these hold so many bytes of values, so that neither the
/// answer nor the record of it grows beyond bounds.
const MAX_CURRENT_BYTES: usize = 16 * 1024 * 1024;

impl Command for Batch {
    type Outcome = BatchOutcome;

    fn apply(&self, draft: &mut Draft<'_>) -> Result<Self::Outcome, Refusal> {
        check_shape(self)?;
        let digest = digest(self);
        if let Some(remembered) = draft.state().batch(self.id, draft.now()) {
            if remembered.digest != digest {
                return Err(Refusal::new(
                    Code::BatchMismatch,
                    format!("batch {} was already used with other content", self.id),
                )
                .field("batch_id")
                .remedy("use a new id for each batch, and repeat a batch only with the same content"));
            }
            return Ok(BatchOutcome { results: remembered.results(), replayed: true });
        }
        draft.within_batch(self.id, digest);

        let mut done = Vec::with_capacity(self.len());
        let mut bounds = Bounds { room: MAX_CURRENT_BYTES, budget: ValidationBudget::default() };
        for group in &self.groups {
            write_group(draft, group, &mut done, &mut bounds);
        }
        let results = with_environment_revisions(draft.state(), done);
        let any_success = results.iter().any(|result| result.outcome.is_success());
        let all_written = results.iter().all(|result| result.outcome.is_write());
        if any_success && !all_written {
            draft.record(None, Body::Batch(BatchRecord::new(&results)));
        }
        Ok(BatchOutcome { results, replayed: false })
    }

    fn weight(&self) -> Weight {
        Weight::of_items(self.groups.iter().flatten().map(|item| {
            let content = match &item.operation {
                Ok(Operate::Put(put)) => put.content.text().len() + put.description.len(),
                Ok(Operate::Delete) | Err(_) => 0,
            };
            item.project.len() + item.env.len() + item.key.len() + content
        }))
    }
}

/// What makes the whole call wrong, whatever its items say.
fn check_shape(batch: &Batch) -> Result<(), Refusal> {
    let count = batch.len();
    if count == 0 {
        return Err(Refusal::invalid("groups", "the batch holds no items").remedy("send at least one item"));
    }
    if count > MAX_BATCH_ITEMS {
        return Err(Refusal::invalid(
            "groups",
            format!("the batch holds {count} items; the limit is {MAX_BATCH_ITEMS}"),
        )
        .remedy("split it into several batches"));
    }
    if let Some(position) = batch.groups.iter().position(Vec::is_empty) {
        return Err(Refusal::invalid(
            "groups",
            format!("group {} of the batch holds no items", position + 1),
        )
        .remedy("remove the group"));
    }
    let mut seen = HashSet::with_capacity(count);
    for item in batch.groups.iter().flatten() {
        if !seen.insert((&item.project, &item.env, &item.key)) {
            return Err(Refusal::invalid(
                "key",
                format!(
                    "key {:?} of environment {:?} occurs twice in the batch",
                    short(&item.key),
                    short(&format!("{}/{}", item.project, item.env)),
                ),
            )
            .remedy("name each key once, or write it again in another batch"));
        }
    }
    Ok(())
}

/// Texts from outside are quoted only so far: a name over its limit may be enormous.
fn short(text: &str) -> String {
    if text.chars().count() <= 300 {
        text.to_owned()
    } else {
        text.chars().take(300).chain(['…']).collect()
    }
}

/// An item that was decided, before it is known which revision its environment ends up with.
struct Done {
    path: Option<EnvPath>,
    outcome: ItemOutcome,
    revision: Option<u64>,
}

/// What is left for the items of a batch together.
struct Bounds {
    /// For current variables in refusals, in bytes.
    room: usize,
    budget: ValidationBudget,
}

/// What an item will do if its group goes through.
struct Planned {
    path: EnvPath,
    key: Key,
    step: Step,
}

enum Step {
    Write { content: Content, create_missing: bool },
    Delete(Arc<Variable>),
    Unchanged { revision: u64 },
    Absent,
}

/// What a key shall hold, checked and canonical.
struct Content {
    kind: VariableKind,
    value: String,
    description: String,
    protected: bool,
}

fn write_group(draft: &mut Draft<'_>, group: &[WriteItem], done: &mut Vec<Done>, bounds: &mut Bounds) {
    let mut to_create = HashSet::new();
    let plans: Vec<Result<Planned, Refusal>> =
        group.iter().map(|item| plan(draft.state(), item, &mut to_create, bounds)).collect();
    if plans.iter().all(Result::is_ok) {
        for planned in plans.into_iter().flatten() {
            let item = u32::try_from(done.len()).expect("a batch holds at most 10,000 items");
            done.push(record(draft, item, planned));
        }
        return;
    }
    let failed = plans.iter().position(Result::is_err).map_or(0, |position| done.len() + position + 1);
    for (item, plan) in group.iter().zip(plans) {
        let refusal = plan.err().unwrap_or_else(|| {
            Refusal::new(
                Code::Skipped,
                format!("not written, because item {failed} of the same group was refused"),
            )
            .remedy("see that item's problem")
        });
        // What its author may not write is perhaps hidden from them.
        let is_denied = refusal.code == Code::Denied;
        let path = EnvPath::new(&item.project, &item.env).ok().filter(|_| !is_denied);
        let revision = path
            .as_ref()
            .and_then(|path| draft.state().environment(path))
            .and_then(|environment| environment.variables.get(item.key.as_str()))
            .map(|variable| variable.revision);
        done.push(Done { path, outcome: ItemOutcome::Refused(Arc::new(refusal)), revision });
    }
}

/// Checks one item and says what it would do. `to_create` are the environments that items before it in the same group
/// will create.
fn plan(
    state: &State,
    item: &WriteItem,
    to_create: &mut HashSet<EnvPath>,
    bounds: &mut Bounds,
) -> Result<Planned, Refusal> {
    let Bounds { room, budget } = bounds;
    let path = EnvPath::new(&item.project, &item.env)?;
    let key: Key = item.key.parse()?;
    let current = state.environment(&path).and_then(|environment| environment.variables.get(&key));
    let step = match &item.operation {
        Err(malformed) => return Err(Refusal::clone(malformed)),
        Ok(Operate::Delete) => {
            if current.is_some_and(|variable| variable.protected) {
                return Err(protection::of_key(&path, &key));
            }
            meets(state, &path, &key, current, item.expect, room)?;
            current.map_or(Step::Absent, |variable| Step::Delete(Arc::clone(variable)))
        }
        Ok(Operate::Put(put)) => {
            let (kind, value) = canonical(put)?;
            if put.create_missing {
                to_create.insert(path.clone());
            } else if !to_create.contains(&path) {
                find_environment(state, &path)
                    .map_err(|refusal| refusal.remedy("create it first, or write with create_missing"))?;
            }
            meets(state, &path, &key, current, item.expect, room)?;
            if let Some(variable) = current {
                keeps_its_kind(&path, variable, kind)?;
            }
            let protected =
                put.protected.unwrap_or_else(|| current.is_some_and(|variable| variable.protected));
            let content = Content { kind, value, description: put.description.clone(), protected };
            match current {
                Some(variable) if content.is_that_of(variable) => {
                    Step::Unchanged { revision: variable.revision }
                }
                _ => {
                    schemas::check(state, budget, &path, &key, content.kind, &content.value)?;
                    Step::Write { content, create_missing: put.create_missing }
                }
            }
        }
    };
    Ok(Planned { path, key, step })
}

impl Content {
    fn is_that_of(&self, variable: &Variable) -> bool {
        variable.kind == self.kind
            && *variable.value == *self.value
            && *variable.description == *self.description
            && variable.protected == self.protected
    }
}

fn canonical(put: &Put) -> Result<(VariableKind, String), Refusal> {
    check_description(&put.description)?;
    match &put.content {
        PutContent::Value { value_type, text } => {
            Ok((VariableKind::Value(*value_type), value_type.canonicalize(text)?))
        }
        PutContent::Reference(text) => Ok((VariableKind::Reference, text.parse::<Reference>()?.to_string())),
    }
}

/// A secret's reference is not taken for a value by those who read the key, nor a value for a reference.
fn keeps_its_kind(path: &EnvPath, variable: &Variable, kind: VariableKind) -> Result<(), Refusal> {
    if variable.kind.is_reference() == kind.is_reference() {
        return Ok(());
    }
    let key = &variable.key;
    let (is, asked) = if kind.is_reference() {
        ("a plain variable", "a secret reference")
    } else {
        ("a secret reference", "a plain variable")
    };
    Err(Refusal::new(
        Code::KeyExists,
        format!("key \"{key}\" of environment \"{path}\" is {is}, and cannot become {asked}"),
    )
    .field("key")
    .remedy("delete it first, or choose another key"))
}

/// Whether the key is as the client expects it.
fn meets(
    state: &State,
    path: &EnvPath,
    key: &Key,
    current: Option<&Arc<Variable>>,
    expect: Expect,
    room: &mut usize,
) -> Result<(), Refusal> {
    let refusal = match (expect, current) {
        (Expect::Nothing, _) | (Expect::Absent, None) => return Ok(()),
        (Expect::Revision(revision), Some(variable)) if variable.revision == revision => return Ok(()),
        (Expect::Absent, Some(variable)) => Refusal::new(
            Code::KeyExists,
            format!("key \"{key}\" already exists in environment \"{path}\", at revision {}", variable.revision),
        )
        .remedy("import it, or choose another key"),
        (Expect::Revision(revision), None) => Refusal::new(
            Code::Conflict,
            format!("key \"{key}\" of environment \"{path}\" does not exist, but revision {revision} was expected"),
        )
        .remedy("read it again, then retry"),
        (Expect::Revision(revision), Some(variable)) => Refusal::new(
            Code::Conflict,
            format!(
                "key \"{key}\" of environment \"{path}\" is at revision {}, but revision {revision} was expected; it was \
                 last changed by {} through {} at {}",
                variable.revision, variable.written.actor, variable.written.via, variable.written.at,
            ),
        )
        .remedy("read it again, then retry"),
    }
    .field("key");
    let (Some(variable), Some(environment)) = (current, state.environment(path)) else { return Err(refusal) };
    let size = variable.value.len() + variable.description.len();
    if size > *room {
        let message =
            format!("{} (its value is omitted, because too many items were refused)", refusal.message);
        return Err(Refusal { message, ..refusal });
    }
    *room -= size;
    Err(refusal.current(Current {
        environment: path.clone(),
        environment_revision: environment.revision,
        variable: Arc::clone(variable),
    }))
}

fn record(draft: &mut Draft<'_>, item: u32, planned: Planned) -> Done {
    let Planned { path, key, step } = planned;
    let (outcome, revision) = match step {
        Step::Absent => (ItemOutcome::Absent, None),
        Step::Unchanged { revision } => (ItemOutcome::Unchanged, Some(revision)),
        Step::Delete(variable) => (ItemOutcome::Deleted, Some(record_delete(draft, item, &path, &variable))),
        Step::Write { content, create_missing } => {
            if create_missing {
                create_missing_parts(draft, &path);
            }
            (ItemOutcome::Written, Some(record_put(draft, item, &path, key, &content)))
        }
    };
    Done { path: Some(path), outcome, revision }
}

fn create_missing_parts(draft: &mut Draft<'_>, path: &EnvPath) {
    if draft.state().project(&path.project).is_none() {
        draft.create_project(&path.project, "", true, false);
    }
    if draft.state().environment(path).is_none() {
        draft.create_environment(path, &EnvironmentSettings::default(), true);
    }
}

fn record_put(draft: &mut Draft<'_>, item: u32, path: &EnvPath, key: Key, content: &Content) -> u64 {
    let revision = draft.revision(path);
    let environment = draft
        .state()
        .environment(path)
        .expect("planning refused items whose environment is neither there nor created");
    let old_value = environment.variables.get(&key).map(|variable| variable.value.clone());
    let operation = if old_value.is_some() { VariableOperation::Updated } else { VariableOperation::Created };
    let event = VariableEvent {
        environment: environment.id,
        path: path.clone(),
        key,
        operation,
        revision,
        kind: content.kind,
        old_value,
        new_value: Some(content.value.as_str().into()),
        description: content.description.as_str().into(),
        protected: content.protected,
    };
    draft.record(Some(item), Body::Variable(event));
    revision
}

fn record_delete(draft: &mut Draft<'_>, item: u32, path: &EnvPath, variable: &Variable) -> u64 {
    let revision = draft.revision(path);
    let environment = draft.state().environment(path).expect("the variable was found in it");
    let event = environments::deletion(environment, variable, revision);
    draft.record(Some(item), Body::Variable(event));
    revision
}

/// Fills in the revisions that the environments ended up with.
fn with_environment_revisions(state: &State, done: Vec<Done>) -> Vec<ItemResult> {
    let mut revisions: HashMap<EnvPath, Option<u64>> = HashMap::new();
    let mut revision_of = |path: &EnvPath| match revisions.get(path) {
        Some(revision) => *revision,
        None => {
            let revision = state.environment(path).map(|environment| environment.revision);
            revisions.insert(path.clone(), revision);
            revision
        }
    };
    done.into_iter()
        .map(|Done { path, outcome, revision }| ItemResult {
            outcome,
            revision,
            environment_revision: path.as_ref().and_then(&mut revision_of),
        })
        .collect()
}
