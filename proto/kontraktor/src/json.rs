//! The JSON shapes of the API: serde structs made from the `v1` messages.
//!
//! These are the objects that `ktr … --output json` prints and that REST answers with; `cli/README.md` documents them for
//! users. They are stable: a field may be added, none is renamed, removed or given another meaning.
//!
//! Conventions: values of variables are always text, in the canonical form of their type. Times are RFC 3339 in UTC with
//! six digits after the second. What does not exist is `null`; empty text is `""`.
//!
//! A field has the name that it has in its message. Only the names of projects and environments are always `project` and
//! `env`, and the URL of a secret reference is `reference`, because messages nest where these objects are flat.
//!
//! This module knows messages and their documented form. It does not know how a person sees them.

mod access;
mod audit;
mod authorship;
mod diff;
mod environment;
mod project;
mod schema;
mod secret;
mod status;
mod text;
mod variable;
mod vault;

pub use self::{
    access::{
        RoleBinding, RoleBindingList, ServiceAccount, ServiceAccountCredentials, ServiceAccountList,
        ServiceAccountSecret,
    },
    audit::{AuditEntry, AuditEntryList, SecretAccess},
    authorship::Authorship,
    diff::{EnvironmentDiff, KeyChange, KeyDiff, ResolvedVersionChange, Side},
    environment::{Environment, EnvironmentChange, EnvironmentList, Snapshot},
    project::{Project, ProjectList},
    schema::{Schema, SchemaList},
    secret::{Lease, Problem, ResolvedSecret, SecretMetadata, SecretMetadataList, SecretReference},
    status::Status,
    text::{environment_names, problem_code, time},
    variable::{Origin, Variable},
    vault::{Vault, VaultList},
};
