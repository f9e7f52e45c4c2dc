//! What Kontraktor knows and the rules by which it changes: pure functions over immutable values. It refuses to know
//! about disks, clocks, threads and wire formats.

mod access;
mod batch;
mod decide;
mod digest;
mod entry;
mod event;
mod hash;
mod kind;
mod model;
mod outcome;
mod refusal;
mod request;
mod row;
mod schema;
mod state;

pub use access::{Access, AccessEvent, AccessOperation, ReportedVersion, SeenVersion, VersionEvent};
pub use batch::{BATCH_MEMORY, BatchRecord, Remembered};
pub use decide::{AnyCommand, Command, Decision, Draft, Weight, find_environment, find_project, find_schema};
pub use entry::{AuditEntry, AuditSubject, Operation};
pub use event::{
    BatchMark, Body, EnvironmentEvent, EnvironmentOperation, Event, ProjectEvent, ProjectOperation,
    SchemaEvent, SchemaOperation, VariableEvent, VariableOperation,
};
pub use hash::FieldHasher;
pub use hash::{Hash, HashError};
pub use kind::VariableKind;
pub use model::{Author, Authorship, Environment, Project, Variable, VariableSchema};
pub use outcome::{BatchOutcome, ItemOutcome, ItemResult, Restored};
pub use refusal::{Code, Current, Refusal, Violation};
pub use request::{
    Batch, CreateEnvironment, CreateProject, CreateSchema, DeleteEnvironment, DeleteProject, DeleteSchema,
    EarlierState, EnvironmentSettings, Expect, Operate, ProjectSettings, Put, PutContent, RecordAccesses,
    RestoreEnvironment, SchemaSettings, UpdateEnvironment, UpdateProject, UpdateSchema, WriteItem,
};
pub use row::{Column, ColumnType, Field, FieldReader, LOGS, Log, Row, RowBody, RowError};
pub use row::{imports, timestamp};
pub use schema::DECIDE_STACK_BYTES;
pub use state::{EnvironmentParts, Head, ProjectParts, State, Tombstone, VariableParts};
