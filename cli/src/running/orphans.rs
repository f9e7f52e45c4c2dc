//! The duty of an init process: orphans whose new parent is this process are reaped when they end, or they would stay as
//! zombies until it ends too.

use std::future::pending;

use tokio::signal::unix::Signal;

/// Reaps orphans, if they become children of this process.
pub(super) struct Orphans(Option<Signal>);

#[cfg(target_os = "linux")]
mod system {
    use std::io;

    use nix::{
        errno::Errno,
        sys::{
            prctl::get_child_subreaper,
            wait::{Id, WaitPidFlag, WaitStatus, waitid},
        },
        unistd::{Pid, getpid},
    };
    use tokio::signal::unix::{SignalKind, signal};

    use super::Orphans;

    /// Returns whether orphans become children of this process: it is process 1, such as the entry point of a container, or a
    /// child subreaper (prctl(2)).
    pub fn adopts_orphans() -> bool {
        getpid() == Pid::from_raw(1) || get_child_subreaper().unwrap_or_default()
    }

    impl Orphans {
        /// From now on no end of a child is missed.
        pub(in crate::running) fn watch() -> io::Result<Self> {
            let children = adopts_orphans().then(|| signal(SignalKind::child())).transpose()?;
            Ok(Self(children))
        }
    }

    /// Reaps every child that has ended except `command`, whose status belongs to the one who waits for it.
    pub(super) fn reap_except(command: Option<Pid>) {
        // Looks without reaping: of any children, the status of the command would be taken too.
        let peek = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        loop {
            let ended = match waitid(Id::All, peek) {
                Ok(WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, ..)) => pid,
                Err(Errno::EINTR) => continue,
                // No child has ended, or there are no children.
                _ => return,
            };
            // It hides the others until it is waited for, and then they are reaped.
            if Some(ended) == command {
                return;
            }
            let _ = waitid(Id::Pid(ended), WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG);
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::io;

    use nix::unistd::Pid;

    use super::Orphans;

    /// Elsewhere there are neither containers nor subreapers.
    pub fn adopts_orphans() -> bool {
        false
    }

    impl Orphans {
        pub(in crate::running) fn watch() -> io::Result<Self> {
            Ok(Self(None))
        }
    }

    pub(super) fn reap_except(_: Option<Pid>) {}
}

pub use system::adopts_orphans;

impl Orphans {
    /// Reaps the orphans that have ended, each time that a child ends. Never completes; safe to cancel. `command` is the child
    /// whose status is left alone, `None` once it has been waited for.
    pub(super) async fn reap(&mut self, command: Option<nix::unistd::Pid>) {
        let Some(children) = &mut self.0 else { return pending().await };
        loop {
            system::reap_except(command);
            if children.recv().await.is_none() {
                return pending().await;
            }
        }
    }
}
