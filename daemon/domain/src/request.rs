//! What may be asked of the rules. Names of projects and environments come parsed; the items of a batch come as the
//! client wrote them, because a bad name in one item refuses that item and not the batch.

use std::sync::Arc;

use imbl::OrdMap;
use kontraktor_model::{
    names::{EnvPath, Key, ProjectName, SchemaName},
    value::ValueType,
};
use uuid::Uuid;

use super::{Trail, Variable};

/// One request that writes.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Creates a project, or adopts an implicit one.
    CreateProject {
        /// The name.
        name: ProjectName,
        /// How it shall stand.
        settings: ProjectSettings,
        /// Where it exists explicitly: set this instead of refusing.
        adopt_existing: bool,
    },
    /// Changes a project's settings and makes it explicit.
    UpdateProject {
        /// The name.
        name: ProjectName,
        /// 1,024 bytes at most. None: as it is.
        description: Option<String>,
        /// None: as it is.
        protected: Option<bool>,
        /// Refuse where the settings are others than these.
        expect: Option<ProjectSettings>,
    },
    /// Deletes a project with its empty implicit environments.
    DeleteProject {
        /// The name.
        name: ProjectName,
        /// With everything that is in it.
        force: bool,
    },
    /// Creates an environment, or adopts an implicit one.
    CreateEnvironment {
        /// Project and name.
        path: EnvPath,
        /// How it shall stand.
        settings: EnvironmentSettings,
        /// Create the project too, as implicit, where it does not exist.
        create_missing: bool,
        /// Where it exists explicitly: set this instead of refusing.
        adopt_existing: bool,
    },
    /// Changes an environment's settings and makes it explicit.
    UpdateEnvironment {
        /// Project and name.
        path: EnvPath,
        /// 1,024 bytes at most. None: as it is.
        description: Option<String>,
        /// None: as it is.
        protected: Option<bool>,
        /// None: as they are.
        imports: Option<Vec<EnvPath>>,
        /// Refuse where the settings are others than these.
        expect: Option<EnvironmentSettings>,
    },
    /// Deletes an environment without variables.
    DeleteEnvironment {
        /// Project and name.
        path: EnvPath,
        /// With its variables.
        force: bool,
    },
    /// Makes an environment what it was.
    RestoreEnvironment {
        /// Project and name.
        path: EnvPath,
        /// What it was.
        past: EarlierState,
        /// Refuse where it is at another revision.
        expect_revision: Option<u64>,
    },
    /// Attaches a schema to keys of a project.
    CreateSchema {
        /// The project.
        project: ProjectName,
        /// The schema's name there.
        name: SchemaName,
        /// Which keys, and what they must be.
        settings: SchemaSettings,
        /// Create the project, as implicit, where it does not exist.
        create_missing: bool,
        /// Where it exists: set this instead of refusing.
        adopt_existing: bool,
    },
    /// Changes a schema.
    UpdateSchema {
        /// The project.
        project: ProjectName,
        /// The schema's name there.
        name: SchemaName,
        /// Which keys, and what they must be.
        settings: SchemaSettings,
        /// Refuse where the settings are others than these.
        expect: Option<SchemaSettings>,
    },
    /// Takes a schema away.
    DeleteSchema {
        /// The project.
        project: ProjectName,
        /// The schema's name there.
        name: SchemaName,
    },
    /// Writes variables.
    WriteVariables(Batch),
    /// Writes down who accessed secrets.
    Record(Trail),
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

/// How an environment stood at an earlier revision, as far as it can be made so again.
#[derive(Debug, Clone, PartialEq)]
pub struct EarlierState {
    /// The revision.
    pub revision: u64,
    /// Then.
    pub description: Arc<str>,
    /// Then, in order.
    pub imports: Arc<[EnvPath]>,
    /// Its own, then, by key.
    pub variables: OrdMap<Key, Arc<Variable>>,
}

/// Groups of items that travel together under the client's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Chosen by the client; repeating it with the same content writes nothing again.
    pub id: Uuid,
    /// Each group is written whole or not at all.
    pub groups: Vec<Vec<WriteItem>>,
}

impl Batch {
    /// How many items all groups hold.
    pub fn len(&self) -> usize {
        self.groups.iter().map(Vec::len).sum()
    }

    /// Whether there is no item at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One key to write or delete, as the client wrote it: nothing here is checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteItem {
    /// The project's name.
    pub project: String,
    /// The environment's name.
    pub env: String,
    /// The key.
    pub key: String,
    /// None: the client named no operation.
    pub operation: Option<Operate>,
    /// What must be true of the key.
    pub expect: Expect,
}

/// What to do with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operate {
    /// Set it.
    Put(Put),
    /// Take it away.
    Delete,
}

/// What a key shall hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// None: the client named no type, or one that this daemon does not know.
    pub value_type: Option<ValueType>,
    /// The author's text. None: the client sent no value.
    pub value: Option<String>,
    /// A reference to a secret, instead of type and value.
    pub reference: Option<String>,
    /// 1,024 bytes at most.
    pub description: String,
    /// Create project and environment, as implicit, where they do not exist.
    pub create_missing: bool,
    /// Whether deleting it shall be refused. None: as it is; not, for a new key.
    pub protected: Option<bool>,
}

/// What must be true of a key for its item to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Expect {
    /// Write in any case.
    #[default]
    Nothing,
    /// The key must not exist.
    Absent,
    /// The key must exist and be at this revision.
    Revision(u64),
}
