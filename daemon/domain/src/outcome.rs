//! What a request led to.

use std::sync::Arc;

use super::{Environment, Project, Refusal, VariableSchema};

/// What a request that was done led to.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The project as it stands now.
    Project(Arc<Project>),
    /// The environment as it stands now.
    Environment(Arc<Environment>),
    /// The schema as it stands now.
    Schema(Arc<VariableSchema>),
    /// The environment as it was made again.
    Restored(Restored),
    /// It is gone.
    Deleted,
    /// One result for each item.
    Batch(BatchOutcome),
    /// It is in the log.
    Recorded,
}

/// What making an environment what it was led to.
#[derive(Debug, Clone, PartialEq)]
pub struct Restored {
    /// As it stands now.
    pub environment: Arc<Environment>,
    /// Variables written.
    pub written: usize,
    /// Variables deleted.
    pub deleted: usize,
}

/// What a batch led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchOutcome {
    /// In the order of the request, groups flattened.
    pub results: Vec<ItemResult>,
    /// The batch had been done before; this is the answer it got then.
    pub replayed: bool,
}

/// What one item led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemResult {
    /// The kind of the result.
    pub outcome: ItemOutcome,
    /// The key's revision after the request; 0 where the key does not exist and did not before.
    pub revision: u64,
    /// The environment's revision after the request; 0 where it does not exist.
    pub environment_revision: u64,
}

/// The kinds of results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemOutcome {
    /// Appended.
    Written,
    /// Type, value and description were as asked already.
    Unchanged,
    /// A deletion was appended.
    Deleted,
    /// There was nothing to delete.
    Absent,
    /// Not written.
    Refused(Arc<Refusal>),
}

impl ItemOutcome {
    /// Whether the item led to what was asked, also where there was nothing to do.
    pub fn is_success(&self) -> bool {
        !matches!(self, Self::Refused(_))
    }

    /// Whether the item appended to the log.
    pub fn is_write(&self) -> bool {
        matches!(self, Self::Written | Self::Deleted)
    }
}
