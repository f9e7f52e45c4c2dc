//! What an action is done to.

use kontraktor_model::{
    names::{EnvPath, Key, ProjectName, VaultName},
    reference::Reference,
};
use uuid::Uuid;

/// What an action is done to, by name: it need not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource<'a> {
    /// The daemon as a whole: its status, and lists over all projects.
    Daemon,
    /// A project, with its schemas.
    Project(&'a ProjectName),
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
}
