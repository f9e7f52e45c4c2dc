//! The requests that write, each a struct. Names of projects and environments are parsed; the items of a batch hold what
//! the client sent, because a bad name in one item refuses that item and not the batch.

use std::sync::Arc;

use imbl::OrdMap;
use jiff::SignedDuration;
use kontraktor_model::{
    access::Scopes,
    names::{AccountName, EnvPath, Key, ProjectName, SchemaName},
    value::ValueType,
};
use uuid::Uuid;

use super::{Access, Author, Hash, Refusal, ReportedVersion, RoleGrant, Variable};

/// Creates a project, or adopts an implicit one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateProject {
    /// The name.
    pub name: ProjectName,
    /// The settings to create it with.
    pub settings: ProjectSettings,
    /// Sets these settings on an explicit project instead of refusing.
    pub adopt_existing: bool,
}

/// Changes a project's settings and makes it explicit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateProject {
    /// The name.
    pub name: ProjectName,
    /// 1,024 bytes at most. None: unchanged.
    pub description: Option<String>,
    /// None: unchanged.
    pub protected: Option<bool>,
    /// Refuses where the current settings differ from these.
    pub expect: Option<ProjectSettings>,
}

/// Deletes a project with its empty implicit environments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteProject {
    /// The name.
    pub name: ProjectName,
    /// Deletes everything in it too.
    pub force: bool,
}

/// Creates an environment, or adopts an implicit one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateEnvironment {
    /// Project and name.
    pub path: EnvPath,
    /// The settings to create it with.
    pub settings: EnvironmentSettings,
    /// Creates a missing project too, as implicit.
    pub create_missing: bool,
    /// Sets these settings on an explicit environment instead of refusing.
    pub adopt_existing: bool,
}

/// Changes an environment's settings and makes it explicit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateEnvironment {
    /// Project and name.
    pub path: EnvPath,
    /// 1,024 bytes at most. None: unchanged.
    pub description: Option<String>,
    /// None: unchanged.
    pub protected: Option<bool>,
    /// None: unchanged.
    pub imports: Option<Vec<EnvPath>>,
    /// Refuses where the current settings differ from these.
    pub expect: Option<EnvironmentSettings>,
}

/// Deletes an environment without variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteEnvironment {
    /// Project and name.
    pub path: EnvPath,
    /// Deletes its variables too.
    pub force: bool,
}

/// Restores an earlier state of an environment, as a new revision.
#[derive(Debug, Clone, PartialEq)]
pub struct RestoreEnvironment {
    /// Project and name.
    pub path: EnvPath,
    /// The state to restore.
    pub earlier: EarlierState,
    /// Refuses where the environment is at another revision.
    pub expect_revision: Option<u64>,
}

/// Attaches a schema to keys of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateSchema {
    /// The project.
    pub project: ProjectName,
    /// The schema's name in the project.
    pub name: SchemaName,
    /// Which keys, and what their values must conform to.
    pub settings: SchemaSettings,
    /// Creates a missing project too, as implicit.
    pub create_missing: bool,
    /// Sets these settings on an existing schema instead of refusing.
    pub adopt_existing: bool,
}

/// Changes a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateSchema {
    /// The project.
    pub project: ProjectName,
    /// The schema's name in the project.
    pub name: SchemaName,
    /// Which keys, and what their values must conform to.
    pub settings: SchemaSettings,
    /// Refuses where the current settings differ from these.
    pub expect: Option<SchemaSettings>,
}

/// Deletes a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteSchema {
    /// The project.
    pub project: ProjectName,
    /// The schema's name in the project.
    pub name: SchemaName,
}

/// Grants a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantRole {
    /// What to grant.
    pub grant: RoleGrant,
}

/// Revokes a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokeRole {
    /// What to revoke.
    pub grant: RoleGrant,
    /// Refuses where nobody would own everything any more.
    pub keep_last_owner: bool,
}

/// Creates a service account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateServiceAccount {
    /// The name.
    pub name: AccountName,
    /// 1,024 bytes at most.
    pub description: String,
    /// The scopes that its tokens may have.
    pub scopes: Scopes,
    /// Its identifier at the token endpoint, which must be new.
    pub client_id: Arc<str>,
    /// What it proves its identity with.
    pub credential: AccountCredential,
}

/// What a service account proves its identity with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountCredential {
    /// A secret.
    Secret(NewSecret),
    /// The key that belongs to this public one, in PEM.
    PublicKey(Arc<str>),
}

/// A new secret of a service account, without the secret itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSecret {
    /// SHA-256 of it.
    pub hash: Hash,
    /// Its first characters.
    pub hint: String,
    /// How long it is valid. None: for ever.
    pub lifetime: Option<SignedDuration>,
}

/// Gives a service account another secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RotateServiceAccount {
    /// The name.
    pub name: AccountName,
    /// The secret that it gets.
    pub secret: NewSecret,
    /// How long the secret before remains valid.
    pub overlap: SignedDuration,
}

/// Deletes a service account and its role bindings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteServiceAccount {
    /// The name.
    pub name: AccountName,
    /// Refuses where nobody would own everything any more.
    pub keep_last_owner: bool,
}

/// Records who accessed secrets, and which versions the vaults reported. Nothing in it is ever refused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordAccesses {
    /// Each with the number of equal accesses that it stands for.
    pub accesses: Vec<(Author, Access, u64)>,
    /// Versions that vaults reported.
    pub versions: Vec<ReportedVersion>,
}

/// What can be set of a project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProjectSettings {
    /// 1,024 bytes at most.
    pub description: String,
    /// Whether deleting it is refused.
    pub protected: bool,
}

/// What can be set of an environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EnvironmentSettings {
    /// 1,024 bytes at most.
    pub description: String,
    /// Whether deleting it is refused.
    pub protected: bool,
    /// In order, 64 at most, none twice.
    pub imports: Vec<EnvPath>,
}

/// What can be set of a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaSettings {
    /// A regular expression that must match the whole key; 1,024 bytes at most.
    pub key_pattern: String,
    /// JSON, 64 KiB at most.
    pub schema: String,
}

/// An environment at an earlier revision, as far as it can be restored.
#[derive(Debug, Clone, PartialEq)]
pub struct EarlierState {
    /// The revision.
    pub revision: u64,
    /// Its description at that revision.
    pub description: Arc<str>,
    /// Its imports at that revision, in order.
    pub imports: Arc<[EnvPath]>,
    /// Its own variables at that revision, by key.
    pub variables: OrdMap<Key, Arc<Variable>>,
}

/// Writes variables: groups of items under an id of the client's choice. A refused item is a result, not an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The client's choice; repeating it with the same content writes nothing again.
    pub id: Uuid,
    /// Each group is written whole or not at all.
    pub groups: Vec<Vec<WriteItem>>,
}

impl Batch {
    /// Returns the number of items in all groups.
    pub fn len(&self) -> usize {
        self.groups.iter().map(Vec::len).sum()
    }

    /// Returns whether there is no item at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One key to write or delete. Its names are the client's texts and not checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteItem {
    /// The project's name.
    pub project: String,
    /// The environment's name.
    pub env: String,
    /// The key.
    pub key: String,
    /// What to do. Err: the client's item says nothing that can be done, and is refused with this.
    pub operation: Result<Operate, Box<Refusal>>,
    /// What must be true of the key.
    pub expect: Expect,
}

/// What to do with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operate {
    /// Set it.
    Put(Put),
    /// Delete it.
    Delete,
}

/// What to set a key to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// A value, or a reference to a secret.
    pub content: PutContent,
    /// 1,024 bytes at most.
    pub description: String,
    /// Creates a missing project and environment too, as implicit.
    pub create_missing: bool,
    /// Whether deleting it is refused from now on. None: unchanged, and false for a new key.
    pub protected: Option<bool>,
}

/// The content to write, as the client sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutContent {
    /// A value. It is stored in the canonical form of its type.
    Value {
        /// The type.
        value_type: ValueType,
        /// The text; it may be empty.
        text: String,
    },
    /// The URL of a secret in a vault.
    Reference(String),
}

impl PutContent {
    /// Returns the value's text, or the reference.
    pub fn text(&self) -> &str {
        match self {
            Self::Value { text, .. } | Self::Reference(text) => text,
        }
    }
}

/// What must be true of a key for its item to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Expect {
    /// Nothing: write in any case.
    #[default]
    Nothing,
    /// The key does not exist.
    Absent,
    /// The key exists and is at this revision.
    Revision(u64),
}
