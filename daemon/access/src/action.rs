//! Actions: one for each call of the service, and the one table that says which scopes each of them requires.

use strum::{Display, EnumString, IntoStaticStr, VariantArray};

use super::{Scope, Scopes};

/// What a caller wants to do. Its text (`environment.read`) is part of the API: the log and refusals show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Display, EnumString, IntoStaticStr, VariantArray)]
pub enum Action {
    /// Ask how the daemon is.
    #[strum(serialize = "daemon.status")]
    DaemonStatus,
    /// Read everything that exists at once.
    #[strum(serialize = "state.read")]
    StateRead,
    /// List projects.
    #[strum(serialize = "project.list")]
    ProjectList,
    /// Read a project.
    #[strum(serialize = "project.read")]
    ProjectRead,
    /// Create or adopt a project.
    #[strum(serialize = "project.create")]
    ProjectCreate,
    /// Change the settings of a project.
    #[strum(serialize = "project.update")]
    ProjectUpdate,
    /// Delete a project.
    #[strum(serialize = "project.delete")]
    ProjectDelete,
    /// List the schemas of a project.
    #[strum(serialize = "schema.list")]
    SchemaList,
    /// Read a schema.
    #[strum(serialize = "schema.read")]
    SchemaRead,
    /// Attach or adopt a schema.
    #[strum(serialize = "schema.create")]
    SchemaCreate,
    /// Change a schema.
    #[strum(serialize = "schema.update")]
    SchemaUpdate,
    /// Delete a schema.
    #[strum(serialize = "schema.delete")]
    SchemaDelete,
    /// List environments.
    #[strum(serialize = "environment.list")]
    EnvironmentList,
    /// Read the settings of an environment.
    #[strum(serialize = "environment.read")]
    EnvironmentRead,
    /// Create or adopt an environment.
    #[strum(serialize = "environment.create")]
    EnvironmentCreate,
    /// Change the settings of an environment.
    #[strum(serialize = "environment.update")]
    EnvironmentUpdate,
    /// Delete an environment.
    #[strum(serialize = "environment.delete")]
    EnvironmentDelete,
    /// Return an environment to an earlier revision.
    #[strum(serialize = "environment.rollback")]
    EnvironmentRollback,
    /// Read the effective variables of an environment, now or at a point in time.
    #[strum(serialize = "snapshot.read")]
    SnapshotRead,
    /// Read one variable.
    #[strum(serialize = "variable.read")]
    VariableRead,
    /// List the own variables of an environment.
    #[strum(serialize = "variable.list")]
    VariableList,
    /// Write or delete variables.
    #[strum(serialize = "variable.write")]
    VariableWrite,
    /// Read the audit log.
    #[strum(serialize = "audit.read")]
    AuditRead,
    /// Read the history of an environment.
    #[strum(serialize = "history.read")]
    HistoryRead,
    /// Verify the hash chain of the log.
    #[strum(serialize = "audit.verify")]
    AuditVerify,
    /// Receive secrets.
    #[strum(serialize = "secret.read")]
    SecretRead,
    /// Receive one secret in pieces.
    #[strum(serialize = "secret.stream")]
    SecretStream,
    /// Receive an environment with all its secrets.
    #[strum(serialize = "secret.read-environment")]
    SecretReadEnvironment,
    /// Ask whether secrets can be resolved.
    #[strum(serialize = "secret.check")]
    SecretCheck,
    /// Forget cached secrets.
    #[strum(serialize = "secret.purge")]
    SecretPurge,
    /// Extend a hold.
    #[strum(serialize = "hold.renew")]
    HoldRenew,
    /// Release a hold.
    #[strum(serialize = "hold.release")]
    HoldRelease,
    /// List the configured vaults.
    #[strum(serialize = "vault.list")]
    VaultList,
}

/// Which scopes an action requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requirement {
    /// None: every authenticated caller may do it.
    KnownCaller,
    /// Every one of these.
    All(Scopes),
    /// At least one of these.
    Any(Scopes),
}

impl Action {
    /// Returns what the action requires: the one table.
    pub const fn requirement(self) -> Requirement {
        const READ: Requirement = Requirement::All(Scopes::of(&[Scope::EnvRead]));
        const WRITE: Requirement = Requirement::All(Scopes::of(&[Scope::EnvWrite]));
        const SECRET: Requirement = Requirement::All(Scopes::of(&[Scope::SecretRead]));
        match self {
            Self::DaemonStatus => Requirement::KnownCaller,

            Self::StateRead
            | Self::ProjectList
            | Self::ProjectRead
            | Self::SchemaList
            | Self::SchemaRead
            | Self::EnvironmentList
            | Self::EnvironmentRead
            | Self::SnapshotRead
            | Self::VariableRead
            | Self::VariableList
            | Self::AuditRead
            | Self::HistoryRead
            | Self::AuditVerify
            | Self::VaultList => READ,

            Self::ProjectCreate
            | Self::ProjectUpdate
            | Self::ProjectDelete
            | Self::SchemaCreate
            | Self::SchemaUpdate
            | Self::SchemaDelete
            | Self::EnvironmentCreate
            | Self::EnvironmentUpdate
            | Self::EnvironmentDelete
            | Self::EnvironmentRollback
            | Self::VariableWrite => WRITE,

            Self::SecretRead
            | Self::SecretStream
            | Self::SecretPurge
            | Self::HoldRenew
            | Self::HoldRelease => SECRET,

            Self::SecretReadEnvironment => Requirement::All(Scopes::of(&[Scope::EnvRead, Scope::SecretRead])),
            // Those who write references may ask whether they can be resolved.
            Self::SecretCheck => Requirement::Any(Scopes::of(&[Scope::EnvWrite, Scope::SecretRead])),
        }
    }
}
