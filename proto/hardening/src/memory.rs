//! Keeping what a process has in memory, secrets too, out of core dumps and from other processes of its user.

use std::sync::OnceLock;

use nix::{
    errno::Errno,
    sys::resource::{Resource, getrlimit, rlim_t, setrlimit},
};

/// The soft limit of core dumps before [`keep_private`], for [`with_former_limits`].
static FORMER: OnceLock<rlim_t> = OnceLock::new();

/// The processes that cannot dump core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// This process and every process that it starts.
    Descendants,
    /// This process. What is started by [`with_former_limits`] has the limit that this process had.
    ThisProcess,
}

/// A protection that the system does not allow. It is no reason to stop.
#[derive(Debug, Clone, Copy, thiserror::Error)]
pub enum MissingProtection {
    /// Core dumps stay possible.
    #[error("cannot turn off core dumps, which would contain what is in memory, secrets too: {0}")]
    CoreDumps(Errno),
    /// The memory stays readable.
    #[error("cannot protect the memory of the process, which other processes of its user can read: {0}")]
    Reading(Errno),
}

/// Turns core dumps off (`RLIMIT_CORE`, setrlimit(2)), and keeps unprivileged processes of the same user from reading this
/// one's memory (`PR_SET_DUMPABLE`, prctl(2), which a program loses when it replaces itself). Returns what the system does
/// not allow.
pub fn keep_private(scope: Scope) -> Vec<MissingProtection> {
    let limited = limit_core_dumps(scope).map_err(MissingProtection::CoreDumps);
    let protected = forbid_reading().map_err(MissingProtection::Reading);
    [limited, protected].into_iter().filter_map(Result::err).collect()
}

fn limit_core_dumps(scope: Scope) -> Result<(), Errno> {
    match scope {
        Scope::Descendants => setrlimit(Resource::RLIMIT_CORE, 0, 0),
        Scope::ThisProcess => {
            let (soft, hard) = getrlimit(Resource::RLIMIT_CORE)?;
            FORMER.get_or_init(|| soft);
            setrlimit(Resource::RLIMIT_CORE, 0, hard)
        }
    }
}

#[cfg(target_os = "linux")]
fn forbid_reading() -> Result<(), Errno> {
    nix::sys::prctl::set_dumpable(false)
}

/// Elsewhere the system has no such protection.
#[cfg(not(target_os = "linux"))]
fn forbid_reading() -> Result<(), Errno> {
    Ok(())
}

/// Starts a process, or replaces this one, with the limit of core dumps from before [`keep_private`]. Meanwhile this process
/// still does not dump core where the system knows `PR_SET_DUMPABLE`.
pub fn with_former_limits<T>(start: impl FnOnce() -> T) -> T {
    let Some(former) = FORMER.get() else { return start() };
    set_soft_limit(*former);
    let started = start();
    set_soft_limit(0);
    started
}

/// Cannot fail: it never asks for more than what this process had.
fn set_soft_limit(limit: rlim_t) {
    let _ = getrlimit(Resource::RLIMIT_CORE)
        .and_then(|(_, hard)| setrlimit(Resource::RLIMIT_CORE, limit.min(hard), hard));
}
