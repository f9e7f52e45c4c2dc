//! Actions: one for each call of the service, and the one table that says what each of them requires.

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
    /// Import an environment into another one.
    #[strum(serialize = "environment.import")]
    EnvironmentImport,
    /// Read the effective variables of an environment, now or at a point in time.
    #[strum(serialize = "snapshot.read")]
    SnapshotRead,
    /// Read the own variables of an environment, now or at a point in time.
    #[strum(serialize = "snapshot.read-own")]
    SnapshotReadOwn,
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
    /// Grant a role.
    #[strum(serialize = "role.grant")]
    RoleGrant,
    /// Revoke a role.
    #[strum(serialize = "role.revoke")]
    RoleRevoke,
    /// Read a role binding.
    #[strum(serialize = "role.read")]
    RoleRead,
    /// List role bindings.
    #[strum(serialize = "role.list")]
    RoleList,
    /// Create a service account.
    #[strum(serialize = "service-account.create")]
    ServiceAccountCreate,
    /// Read a service account.
    #[strum(serialize = "service-account.read")]
    ServiceAccountRead,
    /// List service accounts.
    #[strum(serialize = "service-account.list")]
    ServiceAccountList,
    /// Give a service account another secret.
    #[strum(serialize = "service-account.rotate")]
    ServiceAccountRotate,
    /// Delete a service account.
    #[strum(serialize = "service-account.delete")]
    ServiceAccountDelete,
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

/// Where roles must give the scopes of an action. A caller whose authority is unrestricted needs no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Nowhere: the answer shows only what the caller may see.
    Shown,
    /// On the resource itself.
    Itself,
    /// On the project, or on an environment that it could have. The answer shows only what the caller may see.
    Within,
    /// On anything.
    Anywhere,
    /// As [`Self::Itself`], and the role must be `owner`.
    Owner,
}

/// What a caller hears who lacks the role and may not see the resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unseen {
    /// That the resource does not exist.
    NotFound,
    /// That the role is missing, whether the resource exists or not: the action may create it, or it is the daemon's.
    Denied,
}

/// What an action requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// The scopes, of the caller and of the roles.
    pub scopes: Requirement,
    /// Where the roles must give them.
    pub reach: Reach,
    /// What is said about what the caller may not see.
    pub unseen: Unseen,
}

impl Action {
    /// Returns what the action requires: the one table.
    pub const fn rule(self) -> Rule {
        use Reach::{Anywhere, Itself, Owner, Shown, Within};
        use Unseen::{Denied, NotFound};

        const READ: Requirement = Requirement::All(Scopes::of(&[Scope::EnvRead]));
        const WRITE: Requirement = Requirement::All(Scopes::of(&[Scope::EnvWrite]));
        const SECRET: Requirement = Requirement::All(Scopes::of(&[Scope::SecretRead]));
        const ADMIN: Requirement = Requirement::All(Scopes::of(&[Scope::Admin]));
        // Those who write variables may read them where they write.
        const OWN: Requirement = Requirement::Any(Scopes::of(&[Scope::EnvRead, Scope::EnvWrite]));
        // Those who write references may ask whether they can be resolved.
        const CHECK: Requirement = Requirement::Any(Scopes::of(&[Scope::EnvWrite, Scope::SecretRead]));
        const BOTH: Requirement = Requirement::All(Scopes::of(&[Scope::EnvRead, Scope::SecretRead]));

        let (scopes, reach, unseen) = match self {
            Self::DaemonStatus => (Requirement::KnownCaller, Shown, Denied),

            Self::ProjectList | Self::AuditRead | Self::VaultList => (READ, Shown, Denied),
            Self::RoleList | Self::ServiceAccountList => (ADMIN, Shown, Denied),

            Self::ProjectRead | Self::SchemaList | Self::EnvironmentList => (READ, Within, NotFound),
            Self::SchemaRead
            | Self::EnvironmentRead
            | Self::EnvironmentImport
            | Self::SnapshotRead
            | Self::HistoryRead => (READ, Itself, NotFound),
            Self::SnapshotReadOwn | Self::VariableRead | Self::VariableList => (OWN, Itself, NotFound),
            Self::StateRead => (READ, Itself, Denied),
            Self::AuditVerify => (READ, Owner, Denied),

            Self::ProjectCreate | Self::SchemaCreate | Self::EnvironmentCreate | Self::VariableWrite => {
                (WRITE, Itself, Denied)
            }
            Self::ProjectUpdate
            | Self::ProjectDelete
            | Self::SchemaUpdate
            | Self::SchemaDelete
            | Self::EnvironmentUpdate
            | Self::EnvironmentDelete
            | Self::EnvironmentRollback => (WRITE, Itself, NotFound),

            Self::SecretRead | Self::SecretStream => (SECRET, Itself, NotFound),
            Self::SecretReadEnvironment => (BOTH, Itself, NotFound),
            Self::SecretCheck => (CHECK, Itself, NotFound),
            Self::SecretPurge => (SECRET, Itself, Denied),
            Self::HoldRenew | Self::HoldRelease => (SECRET, Anywhere, Denied),

            Self::RoleGrant | Self::ServiceAccountCreate => (ADMIN, Owner, Denied),
            Self::RoleRevoke
            | Self::RoleRead
            | Self::ServiceAccountRead
            | Self::ServiceAccountRotate
            | Self::ServiceAccountDelete => (ADMIN, Owner, NotFound),
        };
        Rule { scopes, reach, unseen }
    }
}
