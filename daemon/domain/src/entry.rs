//! The log as its readers see it: one shape for the rows of every log.

use std::sync::Arc;

use kontraktor_model::names::{EnvPath, Key};
use uuid::Uuid;

use super::{
    AccessEvent, AccessOperation, Authorship, Body, Code, EnvironmentOperation, Event, Hash, Kind,
    ProjectOperation, SchemaOperation, VariableOperation,
};

/// One row of the log, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Place in the one sequence of all logs, from 1.
    pub seq: u64,
    /// Who, when, through what.
    pub written: Authorship,
    /// What was done.
    pub operation: Operation,
    /// Empty for a batch record.
    pub project: String,
    /// Empty where the row is about a project or a batch.
    pub env: String,
    /// Empty where the row is not about a variable.
    pub key: String,
    /// The environment's revision; 0 for projects and batch records.
    pub revision: u64,
    /// Of a variable.
    pub kind: Option<Kind>,
    /// None: the key did not exist.
    pub old_value: Option<String>,
    /// None: the key was deleted.
    pub new_value: Option<String>,
    /// May be empty.
    pub description: String,
    /// The batch that the write came in.
    pub batch_id: Option<Uuid>,
    /// The schema's name; its text is the new value then.
    pub schema: String,
    /// Of the project, environment or variable, afterwards.
    pub protected: bool,
    /// Of the environment, afterwards.
    pub imports: Arc<[EnvPath]>,
    /// Of an access to a secret, of a denial, or of a line of the lockfile.
    pub access: Option<AccessEntry>,
    /// Over this row and the one before.
    pub hash: Hash,
}

/// What an entry says of an access to a secret, or of a denial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessEntry {
    /// What was denied, where it was not an access to a secret: `variable.write`. Empty elsewhere.
    pub action: String,
    /// The reference that was resolved.
    pub reference: String,
    /// What the vault calls the version; empty where there is none.
    pub version: String,
    /// From where; empty for a line of the lockfile.
    pub peer: String,
    /// How often, together.
    pub count: u64,
    /// Why it failed or was denied.
    pub problem: Option<Code>,
}

macro_rules! words {
    ($(#[$doc:meta])* $type:ident { $($(#[$arm_doc:meta])* $arm:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $type { $($(#[$arm_doc])* $arm,)* }

        impl $type {
            /// The word that stands in the log.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$arm => $word,)* }
            }
        }

        impl ::std::str::FromStr for $type {
            type Err = ();

            fn from_str(word: &str) -> Result<Self, ()> {
                match word { $($word => Ok(Self::$arm),)* _ => Err(()) }
            }
        }

        impl ::std::fmt::Display for $type {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}
pub(crate) use words;

words! {
    /// What a row of the log says was done.
    Operation {
        /// A project was created.
        ProjectCreated = "project created",
        /// An implicit project became explicit.
        ProjectAdopted = "project adopted",
        /// A project's description changed.
        ProjectUpdated = "project updated",
        /// A project was deleted.
        ProjectDeleted = "project deleted",
        /// An environment was created.
        EnvironmentCreated = "environment created",
        /// An implicit environment became explicit.
        EnvironmentAdopted = "environment adopted",
        /// An environment's description changed.
        EnvironmentUpdated = "environment updated",
        /// An environment was deleted.
        EnvironmentDeleted = "environment deleted",
        /// A key was set that did not exist.
        VariableCreated = "variable created",
        /// A key was set that existed.
        VariableUpdated = "variable updated",
        /// A key was taken away.
        VariableDeleted = "variable deleted",
        /// A batch was recorded of which some items wrote nothing.
        BatchRecorded = "batch recorded",
        /// A schema was attached to a project.
        SchemaCreated = "schema created",
        /// A schema changed.
        SchemaUpdated = "schema updated",
        /// A schema was taken away.
        SchemaDeleted = "schema deleted",
        /// A secret was handed out.
        SecretRead = "secret read",
        /// A secret was resolved, and not handed out.
        SecretChecked = "secret checked",
        /// A secret could not be had.
        SecretFailed = "secret failed",
        /// A secret was asked for by somebody who may not.
        SecretDenied = "secret denied",
        /// A vault reported another version of a secret.
        SecretVersion = "secret version",
        /// A caller was denied what is not an access to a secret.
        AccessDenied = "access denied",
    }
}

impl Operation {
    /// Whether it is an access to a secret or a denial, and wrote nothing but itself.
    pub fn is_access(self) -> bool {
        matches!(
            self,
            Self::SecretRead
                | Self::SecretChecked
                | Self::SecretFailed
                | Self::SecretDenied
                | Self::AccessDenied
        )
    }
}

impl From<&Event> for AuditEntry {
    fn from(event: &Event) -> Self {
        let mut entry = Self {
            seq: event.seq,
            written: event.authorship(),
            operation: Operation::BatchRecorded,
            project: String::new(),
            env: String::new(),
            key: String::new(),
            revision: 0,
            kind: None,
            old_value: None,
            new_value: None,
            description: String::new(),
            batch_id: event.batch.map(|mark| mark.id),
            schema: String::new(),
            protected: false,
            imports: Arc::default(),
            access: None,
            hash: event.hash,
        };
        match &event.body {
            Body::Project(project) => {
                entry.operation = project.operation.into();
                entry.project = project.name.to_string();
                entry.description = project.description.to_string();
                entry.protected = project.protected;
            }
            Body::Environment(environment) => {
                entry.operation = environment.operation.into();
                entry.project = environment.path.project.to_string();
                entry.env = environment.path.env.to_string();
                entry.revision = environment.revision;
                entry.description = environment.description.to_string();
                entry.protected = environment.protected;
                entry.imports = environment.imports.clone();
            }
            Body::Variable(variable) => {
                entry.operation = variable.operation.into();
                entry.project = variable.path.project.to_string();
                entry.env = variable.path.env.to_string();
                entry.key = variable.key.to_string();
                entry.revision = variable.revision;
                entry.kind = Some(variable.kind);
                entry.old_value = variable.old_value.as_deref().map(str::to_owned);
                entry.new_value = variable.new_value.as_deref().map(str::to_owned);
                entry.description = variable.description.to_string();
                entry.protected = variable.protected;
            }
            Body::Schema(schema) => {
                entry.operation = schema.operation.into();
                entry.project = schema.project.to_string();
                entry.schema = schema.name.to_string();
                entry.new_value = match schema.operation {
                    SchemaOperation::Deleted => None,
                    SchemaOperation::Created | SchemaOperation::Updated => Some(schema.schema.to_string()),
                };
            }
            Body::Batch(_) => {}
            Body::Access(AccessEvent { access, count }) => {
                let text = |name: Option<String>| name.unwrap_or_default();
                entry.operation = match access.action {
                    Some(_) => Operation::AccessDenied,
                    None => access.operation.into(),
                };
                entry.project = text(access.project_name().map(ToString::to_string));
                entry.env = text(access.environment.as_ref().map(|path| path.env.to_string()));
                entry.key = text(access.key.as_ref().map(Key::to_string));
                entry.access = Some(AccessEntry {
                    action: text(access.action.as_ref().map(ToString::to_string)),
                    reference: access.reference.to_string(),
                    version: access.version.to_string(),
                    peer: access.peer.to_string(),
                    count: *count,
                    problem: access.problem,
                });
            }
            Body::Version(version) => {
                entry.operation = Operation::SecretVersion;
                entry.project = version.path.project.to_string();
                entry.env = version.path.env.to_string();
                entry.key = version.key.to_string();
                entry.access = Some(AccessEntry {
                    action: String::new(),
                    reference: version.reference.to_string(),
                    version: version.version.to_string(),
                    peer: String::new(),
                    count: 1,
                    problem: None,
                });
            }
        }
        entry
    }
}

impl From<AccessOperation> for Operation {
    fn from(operation: AccessOperation) -> Self {
        match operation {
            AccessOperation::Read => Self::SecretRead,
            AccessOperation::Checked => Self::SecretChecked,
            AccessOperation::Failed => Self::SecretFailed,
            AccessOperation::Denied => Self::SecretDenied,
        }
    }
}

impl From<ProjectOperation> for Operation {
    fn from(operation: ProjectOperation) -> Self {
        match operation {
            ProjectOperation::Created => Self::ProjectCreated,
            ProjectOperation::Adopted => Self::ProjectAdopted,
            ProjectOperation::Updated => Self::ProjectUpdated,
            ProjectOperation::Deleted => Self::ProjectDeleted,
        }
    }
}

impl From<EnvironmentOperation> for Operation {
    fn from(operation: EnvironmentOperation) -> Self {
        match operation {
            EnvironmentOperation::Created => Self::EnvironmentCreated,
            EnvironmentOperation::Adopted => Self::EnvironmentAdopted,
            EnvironmentOperation::Updated => Self::EnvironmentUpdated,
            EnvironmentOperation::Deleted => Self::EnvironmentDeleted,
        }
    }
}

impl From<VariableOperation> for Operation {
    fn from(operation: VariableOperation) -> Self {
        match operation {
            VariableOperation::Created => Self::VariableCreated,
            VariableOperation::Updated => Self::VariableUpdated,
            VariableOperation::Deleted => Self::VariableDeleted,
        }
    }
}

impl From<SchemaOperation> for Operation {
    fn from(operation: SchemaOperation) -> Self {
        match operation {
            SchemaOperation::Created => Self::SchemaCreated,
            SchemaOperation::Updated => Self::SchemaUpdated,
            SchemaOperation::Deleted => Self::SchemaDeleted,
        }
    }
}
