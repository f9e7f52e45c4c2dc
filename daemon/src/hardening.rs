//! Keeping the memory of a process that holds secrets to itself.

use nix::sys::{
    prctl::set_dumpable,
    resource::{Resource, setrlimit},
};

/// Turns core dumps off (`RLIMIT_CORE`, setrlimit(2)), and keeps unprivileged processes of the same user from reading this
/// one's memory (`PR_SET_DUMPABLE`, prctl(2)). What the system does not let us turn off is warned of: it is no reason not to
/// serve.
pub fn keep_memory_private() {
    if let Err(error) = setrlimit(Resource::RLIMIT_CORE, 0, 0) {
        tracing::warn!(%error, "core dumps cannot be turned off: one would hold what is in memory, secrets too");
    }
    if let Err(error) = set_dumpable(false) {
        tracing::warn!(%error, "the process cannot be closed to others of its user: they can read its memory");
    }
}
