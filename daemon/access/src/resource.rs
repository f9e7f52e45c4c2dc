//! What an action is done to.

use kontraktor_domain::RoleGrant;
use kontraktor_model::{
    access::Pattern,
    names::{AccountName, EnvPath, Key, ProjectName, SchemaName, VaultName},
    reference::Reference,
};
use uuid::Uuid;

/// What an action is done to, by name: it need not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource<'a> {
    /// The daemon as a whole: its status, and lists over all projects.
    Daemon,
    /// A project.
    Project(&'a ProjectName),
    /// A schema of a project.
    Schema(&'a ProjectName, &'a SchemaName),
    /// An environment.
    Environment(&'a EnvPath),
    /// A key of an environment.
    Key(&'a EnvPath, &'a Key),
    /// A secret by its reference.
    Reference(&'a Reference),
    /// A configured vault.
    Vault(&'a VaultName),
    /// A caller's claim on leases.
    Hold(Uuid),
    /// The audit log.
    Log,
    /// A role binding.
    Role(&'a RoleGrant),
    /// A service account.
    ServiceAccount(&'a AccountName),
}

impl Resource<'_> {
    /// Returns the narrowest pattern of a role that reaches the resource.
    pub fn pattern(&self) -> Pattern {
        match *self {
            Self::Project(name) | Self::Schema(name, _) => Pattern::of_project(name),
            Self::Environment(path) | Self::Key(path, _) => Pattern::of_environment(path),
            Self::Role(grant) => grant.pattern.clone(),
            Self::Daemon
            | Self::Reference(_)
            | Self::Vault(_)
            | Self::Hold(_)
            | Self::Log
            | Self::ServiceAccount(_) => Pattern::ALL,
        }
    }

    /// Returns whether roles on a pattern reach the resource.
    pub fn is_matched_by(&self, pattern: &Pattern) -> bool {
        match *self {
            Self::Project(name) | Self::Schema(name, _) => pattern.matches_project(name),
            Self::Environment(path) | Self::Key(path, _) => pattern.matches(path),
            Self::Role(grant) => pattern.covers(&grant.pattern),
            Self::Daemon
            | Self::Reference(_)
            | Self::Vault(_)
            | Self::Hold(_)
            | Self::Log
            | Self::ServiceAccount(_) => pattern.matches_all(),
        }
    }
}
