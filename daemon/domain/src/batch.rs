//! What is remembered of batches, so that a repeated one gets the answer it got the first time, and how results are
//! written into the log for it. A batch whose every item was written needs no record: its rows say it all.

#[cfg(test)]
mod tests;

use std::{borrow::Cow, sync::Arc};

use imbl::{HashMap, Vector};
use jiff::{SignedDuration, Timestamp};
use kontraktor_model::names::EnvPath;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Authorship, Body, Code, Current, Event, Hash, ItemOutcome, ItemResult, Refusal, RowError, Variable,
    VariableOperation, Violation, row::timestamp,
};

/// For how long a batch is remembered.
pub const BATCH_MEMORY: SignedDuration = SignedDuration::from_hours(24);

/// How many bytes of memory the remembered batches may take together, estimated: a million and more of those that wrote
/// all their items. Beyond, the oldest are forgotten before their time; repeating one of these is then a new batch.
const BATCH_MEMORY_BYTES: usize = 512 * 1024 * 1024;

/// What a batch takes besides its results: its place in the maps, its digest, and what the allocator adds. Measured.
const BATCH_BYTES: usize = 320;

/// One batch that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// Of its content.
    pub digest: Hash,
    /// When it was done.
    pub at: Timestamp,
    runs: Vec<Run>,
    /// An estimate of the memory that it takes.
    bytes: usize,
}

impl Remembered {
    /// The results it had, in the order of its items.
    pub fn results(&self) -> Vec<ItemResult> {
        self.runs
            .iter()
            .flat_map(|run| std::iter::repeat_n(&run.result, run.count as usize))
            .cloned()
            .collect()
    }

    fn push(&mut self, result: &ItemResult) {
        if push_run(&mut self.runs, result) {
            self.bytes += weigh(result);
        }
    }

    fn is_over(&self, now: Timestamp) -> bool {
        now.duration_since(self.at) > BATCH_MEMORY
    }
}

/// Equal results one after the other: a batch into one environment is a single run, whatever its size.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Run {
    result: ItemResult,
    count: u32,
}

/// True: the result needed a run of its own.
fn push_run(runs: &mut Vec<Run>, result: &ItemResult) -> bool {
    match runs.last_mut() {
        Some(last) if last.result == *result => {
            last.count += 1;
            false
        }
        _ => {
            runs.push(Run { result: result.clone(), count: 1 });
            true
        }
    }
}

/// The bytes of a run with this result.
fn weigh(result: &ItemResult) -> usize {
    let refusal = match &result.outcome {
        ItemOutcome::Refused(refusal) => {
            let current = refusal.current.as_deref().map_or(0, |current| {
                size_of::<Current>() + current.variable.value.len() + current.variable.description.len()
            });
            let violation = refusal.violation.as_deref().map_or(0, |violation| {
                size_of::<Violation>()
                    + violation.schema.len()
                    + violation.schema_path.len()
                    + violation.value_path.len()
            });
            let remedy = refusal.remedy.as_ref().map_or(0, String::len);
            size_of::<Refusal>() + refusal.message.len() + remedy + current + violation
        }
        _ => 0,
    };
    size_of::<Run>() + refusal
}

/// All that is remembered.
#[derive(Debug, Clone)]
pub(crate) struct Memory {
    by_id: HashMap<Uuid, Arc<Remembered>>,
    /// Oldest first, as far as the clock did not go backwards.
    order: Vector<Uuid>,
    /// Of all batches together.
    bytes: usize,
    max_bytes: usize,
}

impl Default for Memory {
    fn default() -> Self {
        Self { by_id: HashMap::new(), order: Vector::new(), bytes: 0, max_bytes: BATCH_MEMORY_BYTES }
    }
}

// The order among batches of one moment is no part of what is remembered.
impl PartialEq for Memory {
    fn eq(&self, other: &Self) -> bool {
        self.by_id == other.by_id
    }
}

impl Memory {
    /// Expiry is checked here too, not only where old batches are swept out.
    pub(crate) fn get(&self, id: Uuid, now: Timestamp) -> Option<&Arc<Remembered>> {
        self.by_id.get(&id).filter(|batch| !batch.is_over(now))
    }

    pub(crate) fn forget(&mut self, now: Timestamp) {
        while let Some(oldest) = self.order.front() {
            if self.by_id.get(oldest).is_some_and(|batch| !batch.is_over(now)) {
                break;
            }
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some(batch) = self.order.pop_front().and_then(|oldest| self.by_id.remove(&oldest)) {
            self.bytes -= batch.bytes;
        }
    }

    /// Which batches are left depends on nothing but the events and their order: they are the same whether the
    /// daemon has been running all the time or has read the log just now.
    fn keep_within_bounds(&mut self) {
        while self.bytes > self.max_bytes && self.order.len() > 1 {
            self.forget_oldest();
        }
    }

    /// Remembers an event that belongs to a batch. A batch's record comes after its rows and replaces their results.
    pub(crate) fn learn(&mut self, event: &Event) {
        let Some(mark) = event.batch else { return };
        if matches!(event.body, Body::Project(_) | Body::Environment(_) | Body::Schema(_)) {
            return;
        }
        // An id may be used again once it is forgotten, also before it is swept out.
        let known =
            self.by_id.get(&mark.id).is_some_and(|batch| batch.digest == mark.digest && batch.at == event.at);
        if !known {
            // Used again after it was forgotten, it is as young as the others of now.
            if let Some(old) = self.by_id.remove(&mark.id) {
                self.bytes -= old.bytes;
                self.order.retain(|id| *id != mark.id);
            }
            self.order.push_back(mark.id);
            let fresh = Remembered {
                digest: mark.digest,
                at: event.at,
                runs: Vec::with_capacity(1),
                bytes: BATCH_BYTES,
            };
            self.bytes += fresh.bytes;
            self.by_id.insert(mark.id, Arc::new(fresh));
        }
        let Some(batch) = self.by_id.get_mut(&mark.id) else { return };
        let batch = Arc::make_mut(batch);
        let before = batch.bytes;
        match &event.body {
            Body::Batch(record) => {
                batch.runs.clone_from(&record.runs);
                batch.bytes = BATCH_BYTES + record.runs.iter().map(|run| weigh(&run.result)).sum::<usize>();
            }
            Body::Variable(variable) => {
                let outcome = match variable.operation {
                    VariableOperation::Created | VariableOperation::Updated => ItemOutcome::Written,
                    VariableOperation::Deleted => ItemOutcome::Deleted,
                };
                batch.push(&ItemResult {
                    outcome,
                    revision: Some(variable.revision),
                    environment_revision: Some(variable.revision),
                });
            }
            Body::Project(_)
            | Body::Environment(_)
            | Body::Schema(_)
            | Body::Access(_)
            | Body::Version(_)
            | Body::RoleBinding(_)
            | Body::ServiceAccount(_)
            | Body::Actor(_) => {}
        }
        self.bytes = self.bytes - before + batch.bytes;
        self.keep_within_bounds();
    }
}

/// The results of a batch as the log keeps them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchRecord {
    items: u32,
    text: Arc<str>,
    runs: Vec<Run>,
}

impl BatchRecord {
    /// Encodes results.
    pub fn new(results: &[ItemResult]) -> Self {
        let mut runs = Vec::new();
        for result in results {
            push_run(&mut runs, result);
        }
        let encoded: Vec<Encoded<'_>> = runs.iter().map(Encoded::from).collect();
        let text = serde_json::to_string(&encoded).expect("texts, numbers and lists of them are always JSON");
        Self { items: runs.iter().map(|run| run.count).sum(), text: text.into(), runs }
    }

    /// Reads a record back.
    pub fn parse(items: u32, text: &str) -> Result<Self, RowError> {
        let bad = |why: String| RowError::Record(why);
        // The parser's own text may repeat a value.
        let encoded: Vec<Encoded<'_>> = serde_json::from_str(text)
            .map_err(|error| bad(format!("unexpected JSON at column {}", error.column())))?;
        let runs = encoded.into_iter().map(Encoded::into_run).collect::<Result<Vec<_>, _>>()?;
        let sum: u64 = runs.iter().map(|run| u64::from(run.count)).sum();
        if sum != u64::from(items) {
            return Err(bad(format!("{sum} results for {items} items")));
        }
        Ok(Self { items, text: text.into(), runs })
    }

    /// How many items the batch had.
    pub fn items(&self) -> u32 {
        self.items
    }

    /// The encoding: a JSON array of runs of equal results.
    pub fn text(&self) -> &str {
        &self.text
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum EncodedOutcome {
    Written,
    Unchanged,
    Deleted,
    Absent,
    Refused,
}

#[derive(Serialize, Deserialize)]
struct Encoded<'a> {
    outcome: EncodedOutcome,
    revision: u64,
    environment_revision: u64,
    count: u32,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    refusal: Option<EncodedRefusal<'a>>,
}

/// Texts are empty and numbers 0 for none, as in every row.
#[derive(Serialize, Deserialize)]
struct EncodedRefusal<'a> {
    code: Code,
    field: Cow<'a, str>,
    message: Cow<'a, str>,
    remedy: Cow<'a, str>,
    retry_after_ms: u64,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    current: Option<EncodedCurrent<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    violation: Option<Violation>,
}

#[derive(Serialize, Deserialize)]
struct EncodedCurrent<'a> {
    project: Cow<'a, str>,
    env: Cow<'a, str>,
    environment_revision: u64,
    key: Cow<'a, str>,
    r#type: Cow<'a, str>,
    value: Cow<'a, str>,
    description: Cow<'a, str>,
    revision: u64,
    actor: Cow<'a, str>,
    via: Cow<'a, str>,
    at_us: i64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    protected: bool,
}

impl<'a> From<&'a Run> for Encoded<'a> {
    fn from(run: &'a Run) -> Self {
        let (outcome, refusal) = match &run.result.outcome {
            ItemOutcome::Written => (EncodedOutcome::Written, None),
            ItemOutcome::Unchanged => (EncodedOutcome::Unchanged, None),
            ItemOutcome::Deleted => (EncodedOutcome::Deleted, None),
            ItemOutcome::Absent => (EncodedOutcome::Absent, None),
            ItemOutcome::Refused(refusal) => (EncodedOutcome::Refused, Some(refusal)),
        };
        Self {
            outcome,
            // The log holds 0 for none: revisions count from 1.
            revision: run.result.revision.unwrap_or_default(),
            environment_revision: run.result.environment_revision.unwrap_or_default(),
            count: run.count,
            refusal: refusal.map(|refusal| EncodedRefusal {
                code: refusal.code,
                field: refusal.field.as_deref().unwrap_or_default().into(),
                message: refusal.message.as_str().into(),
                remedy: refusal.remedy.as_deref().unwrap_or_default().into(),
                retry_after_ms: refusal.retry_after_ms.unwrap_or_default(),
                current: refusal.current.as_deref().map(|current| EncodedCurrent {
                    project: current.environment.project.as_str().into(),
                    env: current.environment.env.as_str().into(),
                    environment_revision: current.environment_revision,
                    key: current.variable.key.as_str().into(),
                    r#type: current.variable.kind.as_str().into(),
                    value: current.variable.value.as_ref().into(),
                    description: current.variable.description.as_ref().into(),
                    revision: current.variable.revision,
                    actor: current.variable.written.actor.as_ref().into(),
                    via: current.variable.written.via.as_ref().into(),
                    at_us: current.variable.written.at.as_microsecond(),
                    protected: current.variable.protected,
                }),
                violation: refusal.violation.as_deref().cloned(),
            }),
        }
    }
}

impl Encoded<'_> {
    fn into_run(self) -> Result<Run, RowError> {
        let outcome = match (self.outcome, self.refusal) {
            (EncodedOutcome::Written, None) => ItemOutcome::Written,
            (EncodedOutcome::Unchanged, None) => ItemOutcome::Unchanged,
            (EncodedOutcome::Deleted, None) => ItemOutcome::Deleted,
            (EncodedOutcome::Absent, None) => ItemOutcome::Absent,
            (EncodedOutcome::Refused, Some(refusal)) => {
                ItemOutcome::Refused(Arc::new(refusal.into_refusal()?))
            }
            _ => {
                return Err(RowError::Record(
                    "a refusal beside a success, or none beside a failure".to_owned(),
                ));
            }
        };
        let known = |revision: u64| (revision > 0).then_some(revision);
        let result = ItemResult {
            outcome,
            revision: known(self.revision),
            environment_revision: known(self.environment_revision),
        };
        Ok(Run { result, count: self.count })
    }
}

impl EncodedRefusal<'_> {
    fn into_refusal(self) -> Result<Refusal, RowError> {
        Ok(Refusal {
            code: self.code,
            field: (!self.field.is_empty()).then(|| Cow::Owned(self.field.into_owned())),
            message: self.message.into_owned(),
            remedy: (!self.remedy.is_empty()).then(|| self.remedy.into_owned()),
            current: self.current.map(EncodedCurrent::into_current).transpose()?.map(Box::new),
            retry_after_ms: (self.retry_after_ms > 0).then_some(self.retry_after_ms),
            violation: self.violation.map(Box::new),
        })
    }
}

impl EncodedCurrent<'_> {
    fn into_current(self) -> Result<Current, RowError> {
        let kind =
            self.r#type.parse().map_err(|()| RowError::Word(self.r#type.into_owned(), "type of a value"))?;
        let variable = Variable {
            key: self.key.parse()?,
            kind,
            value: self.value.as_ref().into(),
            description: self.description.as_ref().into(),
            revision: self.revision,
            written: Authorship {
                actor: self.actor.as_ref().into(),
                via: self.via.as_ref().into(),
                at: timestamp(self.at_us)?,
            },
            protected: self.protected,
        };
        Ok(Current {
            environment: EnvPath::new(&self.project, &self.env)?,
            environment_revision: self.environment_revision,
            variable: Arc::new(variable),
        })
    }
}
