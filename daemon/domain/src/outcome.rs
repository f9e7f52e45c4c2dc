//! The outcomes of commands.

use std::sync::Arc;

use super::{Environment, Refusal, RoleBinding};

/// The outcome of restoring an environment.
#[derive(Debug, Clone, PartialEq)]
pub struct Restored {
    /// The environment afterwards.
    pub environment: Arc<Environment>,
    /// Variables written.
    pub written: usize,
    /// Variables deleted.
    pub deleted: usize,
}

/// The outcome of granting a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleGranted {
    /// The binding.
    pub binding: RoleBinding,
    /// Whether it is new.
    pub created: bool,
}

/// The outcome of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchOutcome {
    /// In the order of the request, groups flattened.
    pub results: Vec<ItemResult>,
    /// The batch had been done before; this is the answer it got then.
    pub replayed: bool,
}

/// The result of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemResult {
    /// The kind of the result.
    pub outcome: ItemOutcome,
    /// The key's revision after the request; for a deletion, the revision that deleted it. None: it did not exist before.
    pub revision: Option<u64>,
    /// The environment's revision after the request. None: it does not exist.
    pub environment_revision: Option<u64>,
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
