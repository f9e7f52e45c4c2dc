//! The log as its readers see it.

use kontraktor_model::names::{EnvPath, Key, ProjectName};
use uuid::Uuid;

use super::{
    AccessEvent, AccessOperation, ActorEvent, Authorship, Body, EnvironmentEvent, EnvironmentOperation,
    Event, Hash, ProjectEvent, ProjectOperation, RoleBindingEvent, RoleBindingOperation, SchemaEvent,
    SchemaOperation, ServiceAccountEvent, ServiceAccountOperation, VariableEvent, VariableOperation,
    VersionEvent,
};

/// One row of the log, for its readers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Place in the one sequence of all logs, from 1.
    pub seq: u64,
    /// Who, when, through what.
    pub written: Authorship,
    /// The batch that the write came in.
    pub batch_id: Option<Uuid>,
    /// What the row is about.
    pub subject: AuditSubject,
    /// Over this row and the one before.
    pub hash: Hash,
}

/// What a row of the log is about, and what happened to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditSubject {
    /// A project.
    Project(ProjectEvent),
    /// An environment.
    Environment(EnvironmentEvent),
    /// A variable.
    Variable(VariableEvent),
    /// A schema of a project.
    Schema(SchemaEvent),
    /// A batch of which some items wrote nothing. Its results are for the daemon alone.
    Batch,
    /// An access to a secret, or a denial.
    Access(AccessEvent),
    /// Another version of a secret.
    Version(VersionEvent),
    /// A role binding.
    RoleBinding(RoleBindingEvent),
    /// A service account.
    ServiceAccount(ServiceAccountEvent),
    /// The readable name of the row's own actor.
    Actor(ActorEvent),
}

impl AuditEntry {
    /// Returns what was done.
    pub fn operation(&self) -> Operation {
        match &self.subject {
            AuditSubject::Project(project) => project.operation.into(),
            AuditSubject::Environment(environment) => environment.operation.into(),
            AuditSubject::Variable(variable) => variable.operation.into(),
            AuditSubject::Schema(schema) => schema.operation.into(),
            AuditSubject::Batch => Operation::BatchRecorded,
            AuditSubject::Access(event) if event.access.action.is_some() => Operation::AccessDenied,
            AuditSubject::Access(event) => event.access.operation.into(),
            AuditSubject::Version(_) => Operation::SecretVersion,
            AuditSubject::RoleBinding(binding) => binding.operation.into(),
            AuditSubject::ServiceAccount(account) => account.operation.into(),
            AuditSubject::Actor(_) => Operation::ActorNamed,
        }
    }

    /// Returns the environment that the row is about, or that holds what it is about.
    pub fn environment(&self) -> Option<&EnvPath> {
        match &self.subject {
            AuditSubject::Environment(environment) => Some(&environment.path),
            AuditSubject::Variable(variable) => Some(&variable.path),
            AuditSubject::Access(event) => event.access.environment.as_ref(),
            AuditSubject::Version(version) => Some(&version.path),
            AuditSubject::Project(_)
            | AuditSubject::Schema(_)
            | AuditSubject::Batch
            | AuditSubject::RoleBinding(_)
            | AuditSubject::ServiceAccount(_)
            | AuditSubject::Actor(_) => None,
        }
    }

    /// Returns the project that the row is about, or that holds what it is about.
    pub fn project(&self) -> Option<&ProjectName> {
        match &self.subject {
            AuditSubject::Project(project) => Some(&project.name),
            AuditSubject::Schema(schema) => Some(&schema.project),
            AuditSubject::Access(event) => event.access.project_name(),
            AuditSubject::RoleBinding(binding) => binding.grant.pattern.project(),
            _ => self.environment().map(|path| &path.project),
        }
    }

    /// Returns the key that the row is about.
    pub fn key(&self) -> Option<&Key> {
        match &self.subject {
            AuditSubject::Variable(variable) => Some(&variable.key),
            AuditSubject::Access(event) => event.access.key.as_ref(),
            AuditSubject::Version(version) => Some(&version.key),
            _ => None,
        }
    }

    /// Returns the access to a secret, or the denial, that the row records.
    pub fn access(&self) -> Option<&AccessEvent> {
        match &self.subject {
            AuditSubject::Access(access) => Some(access),
            _ => None,
        }
    }

    /// Returns the environment's revision that the row made.
    pub fn revision(&self) -> Option<u64> {
        match &self.subject {
            AuditSubject::Environment(environment) => Some(environment.revision),
            AuditSubject::Variable(variable) => Some(variable.revision),
            _ => None,
        }
    }

    /// Returns the variable's value before the row.
    pub fn old_value(&self) -> Option<&str> {
        match &self.subject {
            AuditSubject::Variable(variable) => variable.old_value.as_deref(),
            _ => None,
        }
    }

    /// Returns the variable's value after the row, the schema's text, or the actor's name.
    pub fn new_value(&self) -> Option<&str> {
        match &self.subject {
            AuditSubject::Variable(variable) => variable.new_value.as_deref(),
            AuditSubject::Schema(schema) if schema.operation != SchemaOperation::Deleted => {
                Some(&schema.schema)
            }
            AuditSubject::Actor(actor) => Some(&actor.display_name),
            _ => None,
        }
    }

    /// Returns the description of the project, environment or variable.
    pub fn description(&self) -> Option<&str> {
        match &self.subject {
            AuditSubject::Project(project) => Some(&project.description),
            AuditSubject::Environment(environment) => Some(&environment.description),
            AuditSubject::Variable(variable) => Some(&variable.description),
            AuditSubject::ServiceAccount(account) => Some(&account.description),
            _ => None,
        }
    }
}

impl From<&Event> for AuditEntry {
    fn from(event: &Event) -> Self {
        let subject = match &event.body {
            Body::Project(project) => AuditSubject::Project(project.clone()),
            Body::Environment(environment) => AuditSubject::Environment(environment.clone()),
            Body::Variable(variable) => AuditSubject::Variable(variable.clone()),
            Body::Schema(schema) => AuditSubject::Schema(schema.clone()),
            Body::Batch(_) => AuditSubject::Batch,
            Body::Access(access) => AuditSubject::Access(access.clone()),
            Body::Version(version) => AuditSubject::Version(version.clone()),
            Body::RoleBinding(binding) => AuditSubject::RoleBinding(binding.clone()),
            Body::ServiceAccount(account) => AuditSubject::ServiceAccount(account.clone()),
            Body::Actor(actor) => AuditSubject::Actor(actor.clone()),
        };
        Self {
            seq: event.seq,
            written: event.authorship(),
            batch_id: event.batch.map(|mark| mark.id),
            subject,
            hash: event.hash,
        }
    }
}

/// What a row of the log says was done. Its text is the word that the log shows.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, strum::Display, strum::EnumString, strum::IntoStaticStr,
)]
pub enum Operation {
    /// A project was created.
    #[strum(serialize = "project created")]
    ProjectCreated,
    /// An implicit project became explicit.
    #[strum(serialize = "project adopted")]
    ProjectAdopted,
    /// A project's description changed.
    #[strum(serialize = "project updated")]
    ProjectUpdated,
    /// A project was deleted.
    #[strum(serialize = "project deleted")]
    ProjectDeleted,
    /// An environment was created.
    #[strum(serialize = "environment created")]
    EnvironmentCreated,
    /// An implicit environment became explicit.
    #[strum(serialize = "environment adopted")]
    EnvironmentAdopted,
    /// An environment's description changed.
    #[strum(serialize = "environment updated")]
    EnvironmentUpdated,
    /// An environment was deleted.
    #[strum(serialize = "environment deleted")]
    EnvironmentDeleted,
    /// A key was set that did not exist.
    #[strum(serialize = "variable created")]
    VariableCreated,
    /// A key was set that existed.
    #[strum(serialize = "variable updated")]
    VariableUpdated,
    /// A key was deleted.
    #[strum(serialize = "variable deleted")]
    VariableDeleted,
    /// A batch was recorded of which some items wrote nothing.
    #[strum(serialize = "batch recorded")]
    BatchRecorded,
    /// A schema was attached to a project.
    #[strum(serialize = "schema created")]
    SchemaCreated,
    /// A schema changed.
    #[strum(serialize = "schema updated")]
    SchemaUpdated,
    /// A schema was deleted.
    #[strum(serialize = "schema deleted")]
    SchemaDeleted,
    /// A secret was returned.
    #[strum(serialize = "secret read")]
    SecretRead,
    /// A secret was resolved without being returned.
    #[strum(serialize = "secret checked")]
    SecretChecked,
    /// A secret could not be resolved.
    #[strum(serialize = "secret failed")]
    SecretFailed,
    /// An access to a secret was denied.
    #[strum(serialize = "secret denied")]
    SecretDenied,
    /// A vault reported another version of a secret.
    #[strum(serialize = "secret version")]
    SecretVersion,
    /// A caller was denied what is not an access to a secret.
    #[strum(serialize = "access denied")]
    AccessDenied,
    /// A role was granted.
    #[strum(serialize = "role granted")]
    RoleGranted,
    /// A role was revoked.
    #[strum(serialize = "role revoked")]
    RoleRevoked,
    /// A service account was created.
    #[strum(serialize = "service account created")]
    ServiceAccountCreated,
    /// A service account got another secret.
    #[strum(serialize = "service account rotated")]
    ServiceAccountRotated,
    /// A service account was deleted.
    #[strum(serialize = "service account deleted")]
    ServiceAccountDeleted,
    /// A token was issued to a service account.
    #[strum(serialize = "token issued")]
    TokenIssued,
    /// A token was refused.
    #[strum(serialize = "token refused")]
    TokenRefused,
    /// An actor has another readable name than before.
    #[strum(serialize = "actor named")]
    ActorNamed,
}

impl Operation {
    /// Returns the word that the log shows.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Returns whether a token was issued or refused.
    pub fn is_token(self) -> bool {
        matches!(self, Self::TokenIssued | Self::TokenRefused)
    }

    /// Returns whether it is an access to a secret, a denial or a token, which changes nothing.
    pub fn is_access(self) -> bool {
        matches!(
            self,
            Self::SecretRead
                | Self::SecretChecked
                | Self::SecretFailed
                | Self::SecretDenied
                | Self::AccessDenied
                | Self::TokenIssued
                | Self::TokenRefused
        )
    }
}

impl From<AccessOperation> for Operation {
    fn from(operation: AccessOperation) -> Self {
        match operation {
            AccessOperation::Read => Self::SecretRead,
            AccessOperation::Checked => Self::SecretChecked,
            AccessOperation::Failed => Self::SecretFailed,
            AccessOperation::Denied => Self::SecretDenied,
            AccessOperation::TokenIssued => Self::TokenIssued,
            AccessOperation::TokenRefused => Self::TokenRefused,
        }
    }
}

impl From<RoleBindingOperation> for Operation {
    fn from(operation: RoleBindingOperation) -> Self {
        match operation {
            RoleBindingOperation::Granted => Self::RoleGranted,
            RoleBindingOperation::Revoked => Self::RoleRevoked,
        }
    }
}

impl From<ServiceAccountOperation> for Operation {
    fn from(operation: ServiceAccountOperation) -> Self {
        match operation {
            ServiceAccountOperation::Created => Self::ServiceAccountCreated,
            ServiceAccountOperation::Rotated => Self::ServiceAccountRotated,
            ServiceAccountOperation::Deleted => Self::ServiceAccountDeleted,
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
