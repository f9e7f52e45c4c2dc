//! What may be asked of the rules. Names of projects and environments come parsed; the items of a batch come as the
//! client wrote them, because a bad name in one item refuses that item and not the batch.

use kontraktor_proto::{
    names::{EnvPath, ProjectName},
    value::ValueType,
};
use uuid::Uuid;

/// One request that writes.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Creates a project, or adopts an implicit one.
    CreateProject {
        /// The name.
        name: ProjectName,
        /// 1,024 bytes at most.
        description: String,
    },
    /// Sets a project's description and makes it explicit.
    UpdateProject {
        /// The name.
        name: ProjectName,
        /// 1,024 bytes at most.
        description: String,
    },
    /// Deletes a project with its empty implicit environments.
    DeleteProject {
        /// The name.
        name: ProjectName,
    },
    /// Creates an environment, or adopts an implicit one.
    CreateEnvironment {
        /// Project and name.
        path: EnvPath,
        /// 1,024 bytes at most.
        description: String,
        /// Create the project too, as implicit, where it does not exist.
        create_missing: bool,
    },
    /// Sets an environment's description and makes it explicit.
    UpdateEnvironment {
        /// Project and name.
        path: EnvPath,
        /// 1,024 bytes at most.
        description: String,
    },
    /// Deletes an environment without variables.
    DeleteEnvironment {
        /// Project and name.
        path: EnvPath,
    },
    /// Writes variables.
    WriteVariables(Batch),
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
    /// The author's text. None: the client sent no content.
    pub value: Option<String>,
    /// 1,024 bytes at most.
    pub description: String,
    /// Create project and environment, as implicit, where they do not exist.
    pub create_missing: bool,
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
