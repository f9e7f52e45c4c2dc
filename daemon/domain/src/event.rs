//! Events: what happened, one for each row of the log, in the words of the domain.

use std::sync::Arc;

use jiff::Timestamp;
use kontraktor_model::names::{EnvPath, Key, ProjectName, SchemaName};
use uuid::Uuid;

use super::{
    AccessEvent, ActorEvent, Authorship, BatchRecord, Hash, RoleBindingEvent, ServiceAccountEvent,
    VariableKind, VersionEvent,
};

/// One thing that happened, at its place in the one sequence that all logs share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// From 1, without gaps.
    pub seq: u64,
    /// UTC, in whole microseconds.
    pub at: Timestamp,
    /// Who.
    pub actor: Arc<str>,
    /// Through what.
    pub via: Arc<str>,
    /// The batch that it came in.
    pub batch: Option<BatchMark>,
    /// What.
    pub body: Body,
    /// SHA-256 over this event and the hash of the one before; see [`super::Row::hash_after`].
    pub hash: Hash,
}

impl Event {
    /// Who, when, through what.
    pub fn authorship(&self) -> Authorship {
        Authorship { actor: self.actor.clone(), via: self.via.clone(), at: self.at }
    }
}

/// Which item of which batch a event comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchMark {
    /// The client's id.
    pub id: Uuid,
    /// Of the batch's content.
    pub digest: Hash,
    /// The item's place in the batch, from 0. None for what belongs to no single item.
    pub item: Option<u32>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// To a project.
    Project(ProjectEvent),
    /// To an environment.
    Environment(EnvironmentEvent),
    /// To a variable.
    Variable(VariableEvent),
    /// To a schema of a project.
    Schema(SchemaEvent),
    /// A batch was done of which some items wrote nothing: all its results.
    Batch(BatchRecord),
    /// A secret was accessed.
    Access(AccessEvent),
    /// A vault reported another version of a secret.
    Version(VersionEvent),
    /// To a role binding.
    RoleBinding(RoleBindingEvent),
    /// To a service account.
    ServiceAccount(ServiceAccountEvent),
    /// The actor has another readable name.
    Actor(ActorEvent),
}

/// What happened to a project.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, strum::Display, strum::EnumString, strum::IntoStaticStr,
)]
#[strum(serialize_all = "snake_case")]
pub enum ProjectOperation {
    /// It was created.
    Created,
    /// It was implicit and became explicit.
    Adopted,
    /// Its settings changed.
    Updated,
    /// It was deleted.
    Deleted,
}

impl ProjectOperation {
    /// Returns the word that the log holds.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// What happened to an environment.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, strum::Display, strum::EnumString, strum::IntoStaticStr,
)]
#[strum(serialize_all = "snake_case")]
pub enum EnvironmentOperation {
    /// It was created.
    Created,
    /// It was implicit and became explicit.
    Adopted,
    /// Its settings changed.
    Updated,
    /// It was deleted.
    Deleted,
}

impl EnvironmentOperation {
    /// Returns the word that the log holds.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// What happened to a schema.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, strum::Display, strum::EnumString, strum::IntoStaticStr,
)]
#[strum(serialize_all = "snake_case")]
pub enum SchemaOperation {
    /// It was attached.
    Created,
    /// Its pattern or its text changed.
    Updated,
    /// It was taken away.
    Deleted,
}

impl SchemaOperation {
    /// Returns the word that the log holds.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// What happened to a variable.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, strum::Display, strum::EnumString, strum::IntoStaticStr,
)]
#[strum(serialize_all = "snake_case")]
pub enum VariableOperation {
    /// The key did not exist.
    Created,
    /// The key existed.
    Updated,
    /// The key is gone.
    Deleted,
}

impl VariableOperation {
    /// Returns the word that the log holds.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// What happened to a project, and its state afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectEvent {
    /// The name.
    pub name: ProjectName,
    /// What happened.
    pub operation: ProjectOperation,
    /// Afterwards.
    pub description: Arc<str>,
    /// Afterwards.
    pub implicit: bool,
    /// Afterwards: whether deleting it is refused.
    pub protected: bool,
}

/// What happened to an environment, and its state afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentEvent {
    /// Stays with the name for ever.
    pub id: Uuid,
    /// Project and name.
    pub path: EnvPath,
    /// What happened.
    pub operation: EnvironmentOperation,
    /// The environment's, afterwards.
    pub revision: u64,
    /// Afterwards.
    pub description: Arc<str>,
    /// Afterwards.
    pub implicit: bool,
    /// Afterwards: whether deleting it is refused.
    pub protected: bool,
    /// Afterwards, in order: later ones win.
    pub imports: Arc<[EnvPath]>,
}

/// What happened to a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariableEvent {
    /// The environment.
    pub environment: Uuid,
    /// The environment's name. Not in the row: the environment's own log has it.
    pub path: EnvPath,
    /// The key.
    pub key: Key,
    /// What happened.
    pub operation: VariableOperation,
    /// The environment's, afterwards.
    pub revision: u64,
    /// Of the new value; of the old one where the key was deleted.
    pub kind: VariableKind,
    /// None: the key did not exist.
    pub old_value: Option<Arc<str>>,
    /// None: the key was deleted.
    pub new_value: Option<Arc<str>>,
    /// Of the new value; of the old one where the key was deleted.
    pub description: Arc<str>,
    /// Of the new value: whether deleting it is refused. False where the key was deleted.
    pub protected: bool,
}

/// What happened to a schema, and its state afterwards; for a deletion, its state before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaEvent {
    /// The project that it belongs to.
    pub project: ProjectName,
    /// Its name there.
    pub name: SchemaName,
    /// What happened.
    pub operation: SchemaOperation,
    /// The regular expression for the keys that it is for.
    pub key_pattern: Arc<str>,
    /// The JSON Schema, as its author wrote it.
    pub schema: Arc<str>,
}
