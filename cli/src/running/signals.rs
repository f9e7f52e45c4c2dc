//! The signals that this process receives, and which of them to forward to the command.
//!
//! A terminal sends its signals to every process in its foreground, the command included: forwarded, they would arrive twice,
//! and a second interrupt makes many programs stop at once. So it matters who sent a signal.

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

const FORWARDED: [Signal; 7] = [
    Signal::SIGINT,
    Signal::SIGTERM,
    Signal::SIGHUP,
    Signal::SIGQUIT,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGWINCH,
];

/// The signals to forward, caught from the time that this is made.
pub(super) struct Signals(mpsc::UnboundedReceiver<ReceivedSignal>);

/// A signal and its sender.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReceivedSignal {
    pub(super) signal: Signal,
    sender: Sender,
}

#[derive(Debug, Clone, Copy)]
enum Sender {
    Process(i32),
    Kernel,
    /// Some systems do not report the sender.
    Unknown,
}

impl Signals {
    /// Catches the signals, except those that were ignored when this process started: they stay ignored, for the command too.
    /// That is how `nohup` works, and how shells keep interrupts from background jobs.
    pub(super) fn catch() -> io::Result<Self> {
        let ignored = ignored_signals();
        let caught =
            FORWARDED.iter().map(|signal| *signal as i32).filter(|signal| !contains(ignored, *signal));
        let mut caught = SignalsInfo::<WithOrigin>::new(caught)?;
        let (sender, receiver) = mpsc::unbounded_channel();
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for received in caught.forever().filter_map(|origin| ReceivedSignal::new(&origin)) {
                if sender.send(received).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self(receiver))
    }

    /// Returns the next signal. Safe to cancel.
    pub(super) async fn next(&mut self) -> ReceivedSignal {
        match self.0.recv().await {
            Some(received) => received,
            // The thread is gone, and no signal arrives any more.
            None => std::future::pending().await,
        }
    }
}

impl ReceivedSignal {
    fn new(origin: &Origin) -> Option<Self> {
        let signal = Signal::try_from(origin.signal).ok()?;
        let sender = match (origin.cause, origin.process) {
            (Cause::Sent(_), Some(process)) => Sender::Process(process.pid),
            (Cause::Kernel, _) => Sender::Kernel,
            _ => Sender::Unknown,
        };
        Some(Self { signal, sender })
    }

    /// Returns whether the command with this process id neither received the signal already nor sent it.
    pub(super) fn must_be_forwarded_to(self, command: i32) -> bool {
        match self.sender {
            Sender::Process(process) => process != command,
            // A terminal that closes signals only the leader of its session.
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

    /// Returns whether the signal asks the process to end.
    pub(super) fn asks_to_end(self) -> bool {
        matches!(self.signal, Signal::SIGINT | Signal::SIGTERM | Signal::SIGHUP | Signal::SIGQUIT)
    }
}

fn is_in_foreground() -> bool {
    let stdin = io::stdin();
    stdin.is_terminal() && tcgetpgrp(&stdin).is_ok_and(|foreground| foreground == getpgrp())
}

/// Returns the signals that this process ignores, one bit for each, as Linux reports them; elsewhere none.
fn ignored_signals() -> u64 {
    fs::read_to_string("/proc/self/status").map(|status| parse_ignored(&status)).unwrap_or_default()
}

fn parse_ignored(status: &str) -> u64 {
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
    fn ignored_signals_are_parsed() {
        let mask =
            parse_ignored("Name:\tktr\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\nSigCgt:\t0\n");
        let ignored = |signal: Signal| contains(mask, signal as i32);
        assert!(ignored(Signal::SIGHUP) && ignored(Signal::SIGPIPE));
        assert!(!ignored(Signal::SIGINT) && !ignored(Signal::SIGTERM));
        assert_eq!(parse_ignored("something else"), 0);
    }

    #[test]
    fn only_signals_that_the_command_did_not_receive_are_forwarded() {
        let forwarded = |signal, sender| ReceivedSignal { signal, sender }.must_be_forwarded_to(4711);
        assert!(forwarded(Signal::SIGINT, Sender::Process(1)));
        assert!(!forwarded(Signal::SIGTERM, Sender::Process(4711)), "the command sent it");
        assert!(!forwarded(Signal::SIGINT, Sender::Kernel), "the terminal sent it to both");
        assert!(forwarded(Signal::SIGTERM, Sender::Unknown));
    }
}
