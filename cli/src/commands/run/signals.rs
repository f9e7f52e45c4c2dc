//! The signals that we get, and which of them the command must still be told of.
//!
//! What a terminal sends, it sends to everybody in its foreground, the command among them: passed on, it would come twice,
//! and a second interrupt makes many programs give up at once. So it matters who sent a signal.

use std::{
    fs,
    io::{self, IsTerminal as _},
    thread,
};

use nix::{
    sys::signal::Signal,
    unistd::{getpgrp, getpid, getsid, tcgetpgrp},
};
use signal_hook::{
    iterator::{SignalsInfo, exfiltrator::WithOrigin},
    low_level::siginfo::{Cause, Origin},
};
use tokio::sync::mpsc;

/// What is passed on.
const PASSED_ON: [Signal; 7] = [
    Signal::SIGINT,
    Signal::SIGTERM,
    Signal::SIGHUP,
    Signal::SIGQUIT,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGWINCH,
];

/// The signals that are passed on, caught from the moment that this is made.
pub(super) struct Signals(mpsc::UnboundedReceiver<Received>);

/// A signal, and who sent it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Received {
    pub(super) signal: Signal,
    from: Sender,
}

#[derive(Debug, Clone, Copy)]
enum Sender {
    Process(i32),
    Kernel,
    /// Some systems do not say.
    Unknown,
}

impl Signals {
    /// Signals that were ignored when we were started stay so, for the command too: that is how `nohup` works, and how
    /// shells keep interrupts from what runs in their background.
    pub(super) fn catch() -> io::Result<Self> {
        let ignored = ignored();
        let caught =
            PASSED_ON.iter().map(|signal| *signal as i32).filter(|signal| !contains(ignored, *signal));
        let mut caught = SignalsInfo::<WithOrigin>::new(caught)?;
        let (sender, receiver) = mpsc::unbounded_channel();
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for received in caught.forever().filter_map(|origin| Received::new(&origin)) {
                if sender.send(received).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self(receiver))
    }

    /// The next one.
    pub(super) async fn next(&mut self) -> Received {
        match self.0.recv().await {
            Some(received) => received,
            // The thread is gone, and no signal comes any more.
            None => std::future::pending().await,
        }
    }
}

impl Received {
    fn new(origin: &Origin) -> Option<Self> {
        let signal = Signal::try_from(origin.signal).ok()?;
        let from = match (origin.cause, origin.process) {
            (Cause::Sent(_), Some(process)) => Sender::Process(process.pid),
            (Cause::Kernel, _) => Sender::Kernel,
            _ => Sender::Unknown,
        };
        Some(Self { signal, from })
    }

    /// Whether the command, with this process id, must be told: it has not got the signal already, nor sent it.
    pub(super) fn is_for(self, command: i32) -> bool {
        match self.from {
            Sender::Process(process) => process != command,
            // A terminal that goes away tells the leader of its session alone.
            Sender::Kernel if self.signal == Signal::SIGHUP => {
                getsid(None).is_ok_and(|leader| leader == getpid())
            }
            Sender::Kernel => false,
            Sender::Unknown => {
                !(matches!(self.signal, Signal::SIGINT | Signal::SIGQUIT | Signal::SIGWINCH)
                    && is_in_foreground())
            }
        }
    }

    /// Whether it asks for an end.
    pub(super) fn ends(self) -> bool {
        matches!(self.signal, Signal::SIGINT | Signal::SIGTERM | Signal::SIGHUP | Signal::SIGQUIT)
    }
}

fn is_in_foreground() -> bool {
    let stdin = io::stdin();
    stdin.is_terminal() && tcgetpgrp(&stdin).is_ok_and(|foreground| foreground == getpgrp())
}

/// The signals that this process ignores, one bit for each, as Linux tells it; elsewhere none.
fn ignored() -> u64 {
    fs::read_to_string("/proc/self/status").map(|status| ignored_in(&status)).unwrap_or_default()
}

fn ignored_in(status: &str) -> u64 {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}

fn contains(mask: u64, signal: i32) -> bool {
    u32::try_from(signal - 1).ok().and_then(|bit| mask.checked_shr(bit)).is_some_and(|mask| mask & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ignored_is_found() {
        let mask =
            ignored_in("Name:\tktr\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\nSigCgt:\t0\n");
        let ignored = |signal: Signal| contains(mask, signal as i32);
        assert!(ignored(Signal::SIGHUP) && ignored(Signal::SIGPIPE));
        assert!(!ignored(Signal::SIGINT) && !ignored(Signal::SIGTERM));
        assert_eq!(ignored_in("something else"), 0);
    }

    #[test]
    fn the_command_is_told_what_it_has_not_got() {
        let received = |signal, from| Received { signal, from };
        assert!(received(Signal::SIGINT, Sender::Process(1)).is_for(4711));
        assert!(!received(Signal::SIGTERM, Sender::Process(4711)).is_for(4711), "it sent that itself");
        assert!(!received(Signal::SIGINT, Sender::Kernel).is_for(4711), "the terminal sent that to both");
        assert!(received(Signal::SIGTERM, Sender::Unknown).is_for(4711));
    }
}
