//! What Kontraktor knows and the rules by which it changes: pure functions over immutable values. It refuses to know
//! about disks, clocks, threads and wire formats.

mod access;
mod actor;
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
mod roles;
mod row;
mod schema;
mod service_account;
mod sight;
mod state;

pub use access::{Access, AccessEvent, AccessOperation, ReportedVersion, SeenVersion, VersionEvent};
pub use actor::{ActorEvent, DisplayNames};
pub use batch::{BATCH_MEMORY, BatchRecord, Remembered};
pub use decide::{
    AnyCommand, AtVersion, Command, Decision, Draft, Versioned, Weight, find_environment, find_project,
    find_role_binding, find_schema, find_service_account,
};
pub use entry::{AuditEntry, AuditSubject, Operation};
pub use event::{
    BatchMark, Body, EnvironmentEvent, EnvironmentOperation, Event, ProjectEvent, ProjectOperation,
    SchemaEvent, SchemaOperation, VariableEvent, VariableOperation,
};
pub use hash::FieldHasher;
pub use hash::{Hash, HashError};
pub use kind::VariableKind;
pub use model::{Author, Authorship, Environment, Project, Variable, VariableSchema};
pub use outcome::{BatchOutcome, ItemOutcome, ItemResult, Restored, RoleGranted};
pub use refusal::{Code, Current, Refusal, Violation};
pub use request::{
    AccountCredential, Batch, CreateEnvironment, CreateProject, CreateSchema, CreateServiceAccount,
    DeleteEnvironment, DeleteProject, DeleteSchema, DeleteServiceAccount, EarlierState, EnvironmentSettings,
    Expect, GrantRole, NewSecret, Operate, ProjectSettings, Put, PutContent, RecordAccesses,
    RestoreEnvironment, RevokeRole, RotateServiceAccount, SchemaSettings, UpdateEnvironment, UpdateProject,
    UpdateSchema, WriteItem,
};
pub use roles::{RoleBinding, RoleBindingEvent, RoleBindingOperation, RoleBindings, RoleGrant};
pub use row::{Column, ColumnType, Field, FieldReader, LOGS, Log, Row, RowBody, RowError};
pub use row::{imports, timestamp};
pub use schema::DECIDE_STACK_BYTES;
pub use service_account::{
    AccountSecret, ServiceAccount, ServiceAccountEvent, ServiceAccountOperation, ServiceAccounts,
};
pub use sight::{Everything, Sight};
pub use state::{EnvironmentParts, Head, ProjectParts, State, Tombstone, VariableParts};
