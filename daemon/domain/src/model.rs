//! Projects, environments and variables at one point in time. Cloning any of them is cheap: maps share their structure
//! and texts are counted references.

use std::sync::Arc;

use imbl::OrdMap;
use jiff::Timestamp;
use kontraktor_model::names::{EnvName, EnvPath, Key, ProjectName, SchemaName};
use uuid::Uuid;

use super::{FieldHasher, Hash, SeenVersion, VariableKind, schema::Compiled};

/// Who writes, and through what: what the log keeps of a caller.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Author {
    /// `unix:NAME` or `unix:UID` for a local peer.
    pub actor: Arc<str>,
    /// The client's name for itself: `terraform`, `ktr`, `api`.
    pub via: Arc<str>,
    /// The actor's readable name, where it is known. It is no part of a row, but where it is new it becomes one of its own.
    pub display_name: Option<Arc<str>>,
}

impl Author {
    /// Returns an author without a readable name.
    pub fn new(actor: impl Into<Arc<str>>, via: impl Into<Arc<str>>) -> Self {
        Self { actor: actor.into(), via: via.into(), display_name: None }
    }
}

/// Who wrote, when, and through what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorship {
    /// As in [`Author`].
    pub actor: Arc<str>,
    /// As in [`Author`].
    pub via: Arc<str>,
    /// UTC, in whole microseconds.
    pub at: Timestamp,
}

/// One key and its content: a plain variable or a secret reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// The key.
    pub key: Key,
    /// What it holds.
    pub kind: VariableKind,
    /// The canonical text, or the reference.
    pub value: Arc<str>,
    /// May be empty.
    pub description: Arc<str>,
    /// The environment's revision that wrote this key last.
    pub revision: u64,
    /// The last write.
    pub written: Authorship,
    /// Whether deleting it is refused.
    pub protected: bool,
}

/// One environment with its own variables.
#[derive(Debug, Clone, PartialEq)]
pub struct Environment {
    /// Stays with the name for ever, also when the environment is deleted and created again.
    pub id: Uuid,
    /// Project and name.
    pub path: EnvPath,
    /// May be empty.
    pub description: Arc<str>,
    /// Made by a write into it, not by a request for it.
    pub implicit: bool,
    /// Grows by one with each request that changes the environment.
    pub revision: u64,
    /// Whether deleting it is refused.
    pub protected: bool,
    /// What it imports, in order: later ones win over earlier ones, and its own variables over all.
    pub imports: Arc<[EnvPath]>,
    /// The newest creation.
    pub created: Authorship,
    /// The last change of the environment itself, not of its variables.
    pub changed: Authorship,
    /// The last change of the environment or of one of its variables: who made its newest revision.
    pub written: Authorship,
    /// Its own, by key, secret references among them.
    pub variables: OrdMap<Key, Arc<Variable>>,
    /// The hash of the newest row about this environment or one of its variables.
    pub last: Hash,
    /// The lockfile: of each key the version that its reference was resolved to last, since the environment was created.
    pub versions: OrdMap<Key, Arc<SeenVersion>>,
    /// The hash of the newest row of the lockfile; [`Hash::ZERO`] while the lockfile is empty.
    pub last_version: Hash,
}

impl Authorship {
    fn added_to(&self, hasher: FieldHasher) -> FieldHasher {
        hasher.text(&self.actor).text(&self.via).signed(self.at.as_microsecond())
    }
}

impl Project {
    /// Returns the version of what readers see of the project itself: its settings, and how much is in it. Opaque to clients.
    pub fn version(&self) -> String {
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let hasher = FieldHasher::new("kontraktor project version 1")
            .text(&self.description)
            .flag(self.implicit)
            .flag(self.protected)
            .number(count(self.environments.len()))
            .number(count(self.schemas.len()));
        version_of(self.changed.added_to(self.created.added_to(hasher)))
    }
}

impl VariableSchema {
    /// Returns the version of the schema. Opaque to clients.
    pub fn version(&self) -> String {
        let hasher =
            FieldHasher::new("kontraktor schema version 1").text(&self.key_pattern).text(&self.schema);
        version_of(self.changed.added_to(hasher))
    }
}

fn version_of(hasher: FieldHasher) -> String {
    hex::encode(&hasher.finish().as_bytes()[..12])
}

impl Environment {
    /// Opaque to clients. Two environments of one version hold the same: it carries the hash of the newest row, which
    /// covers all the rows before it, so that a restored backup that went another way shows. A new line of the lockfile
    /// makes another version, and no other revision.
    pub fn version(&self) -> String {
        let hash = hex::encode(&self.fingerprint().as_bytes()[..12]);
        format!("{}-{hash}", self.revision)
    }

    /// Over everything that readers see of its own.
    pub fn fingerprint(&self) -> Hash {
        if self.last_version == Hash::ZERO {
            return self.last;
        }
        FieldHasher::new("kontraktor environment with lockfile 1")
            .bytes(self.last.as_bytes())
            .bytes(self.last_version.as_bytes())
            .finish()
    }

    /// The version that the reference of a key was resolved to last.
    pub fn seen_version(&self, variable: &Variable) -> Option<&SeenVersion> {
        let seen = self.versions.get(&variable.key)?;
        (variable.kind.is_reference() && seen.reference == variable.value).then_some(&**seen)
    }

    /// How many secret references it has of its own.
    pub fn reference_count(&self) -> usize {
        self.variables.values().filter(|variable| variable.kind.is_reference()).count()
    }
}

/// One project with its environments.
#[derive(Debug, Clone, PartialEq)]
pub struct Project {
    /// The name.
    pub name: ProjectName,
    /// May be empty.
    pub description: Arc<str>,
    /// Made by a write into one of its environments, not by a request for it.
    pub implicit: bool,
    /// Whether deleting it is refused.
    pub protected: bool,
    /// The newest creation.
    pub created: Authorship,
    /// The last change of the project itself, not of what is in it.
    pub changed: Authorship,
    /// By name.
    pub environments: OrdMap<EnvName, Arc<Environment>>,
    /// By name.
    pub schemas: OrdMap<SchemaName, Arc<VariableSchema>>,
}

/// A JSON Schema that a project attaches to some of its keys.
#[derive(Debug, Clone, PartialEq)]
pub struct VariableSchema {
    /// The project.
    pub project: ProjectName,
    /// The name there.
    pub name: SchemaName,
    /// The regular expression that must match the whole key.
    pub key_pattern: Arc<str>,
    /// The schema, as its author wrote it.
    pub schema: Arc<str>,
    /// The last change.
    pub changed: Authorship,
    /// What is made of the texts to check values with.
    pub(super) compiled: Compiled,
}
