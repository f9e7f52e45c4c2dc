//! What Kontraktor knows and the rules by which it changes: pure functions over immutable values. It refuses to know
//! about disks, clocks, threads and wire formats.

mod batch;
mod decide;
mod digest;
mod entry;
mod fact;
mod hash;
mod model;
mod outcome;
mod refusal;
mod request;
mod row;
mod state;

pub use batch::{BATCH_MEMORY, BatchRecord, Remembered};
pub use decide::{Decision, decide, find_environment, find_project};
pub use entry::{AuditEntry, Operation};
pub use fact::{
    BatchMark, Body, EnvironmentFact, EnvironmentOperation, Fact, ProjectFact, ProjectOperation,
    VariableFact, VariableOperation,
};
pub use hash::{Hash, HashError};
pub use model::{Authorship, Caller, Environment, Project, Variable};
pub use outcome::{BatchOutcome, ItemOutcome, ItemResult, Outcome};
pub use refusal::{Code, Current, Refusal};
pub use request::{Batch, Expect, Operate, Put, Request, WriteItem};
pub(crate) use row::timestamp;
pub use row::{Row, RowBody, RowError};
pub use state::{EnvironmentParts, Head, ProjectParts, State, Tombstone, VariableParts};
