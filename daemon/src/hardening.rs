//! Protects the memory of a process that holds secrets.

use nix::sys::{
    prctl::set_dumpable,
    resource::{Resource, setrlimit},
};

/// Turns core dumps off (`RLIMIT_CORE`, setrlimit(2)), and keeps unprivileged processes of the same user from reading this
/// one's memory (`PR_SET_DUMPABLE`, prctl(2)). What the system does not allow is logged as a warning, and does not keep the
/// daemon from serving.
pub fn keep_memory_private() {
    if let Err(error) = setrlimit(Resource::RLIMIT_CORE, 0, 0) {
        tracing::warn!(%error, "cannot turn off core dumps: they would contain what is in memory, secrets too");
    }
    if let Err(error) = set_dumpable(false) {
        tracing::warn!(%error, "cannot protect the memory of the process: other processes of its user can read it");
    }
}
