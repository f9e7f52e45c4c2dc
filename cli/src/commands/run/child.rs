//! The command as a process: how it is started, what reaches it, and how it ends.

use std::{
    ffi::{OsStr, OsString},
    io::{ErrorKind, IsTerminal as _},
    os::unix::process::ExitStatusExt as _,
    process::{ExitStatus, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, getpgrp, tcgetpgrp},
};
use tokio::{
    process::{Child as Process, Command},
    signal::unix::{Signal as Caught, SignalKind, signal},
};

use super::{FAILED, shown, streams::Stream};
use crate::{error::CliError, mask::Secrets};

/// The command cannot be executed.
const NOT_EXECUTABLE: u8 = 126;

/// There is no such command.
const NOT_FOUND: u8 = 127;

/// What is passed on.
const SIGNALS: [Signal; 7] = [
    Signal::SIGINT,
    Signal::SIGTERM,
    Signal::SIGHUP,
    Signal::SIGQUIT,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGWINCH,
];

/// A command that runs.
pub(super) struct Child {
    process: Process,
    streams: Vec<Stream>,
    signals: Signals,
}

impl Child {
    /// Starts it with further variables, which win over those that we have ourselves.
    pub(super) fn start(
        program: &OsStr,
        arguments: &[OsString],
        variables: Vec<(OsString, OsString)>,
        masked: Option<Secrets>,
    ) -> Result<Self, CliError> {
        // Before it is there: a signal that comes now must neither be lost nor end us.
        let signals = Signals::new().map_err(|error| {
            CliError::general(format!("cannot catch signals: {error}")).exits_with(FAILED)
        })?;
        let mut command = Command::new(program);
        command.args(arguments).envs(variables);
        if masked.is_some() {
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
        }
        let mut process = command.spawn().map_err(|error| {
            let (code, hint) = match error.kind() {
                ErrorKind::NotFound => (NOT_FOUND, Some("check its name, and whether it is on the PATH")),
                ErrorKind::ArgumentListTooLong => (
                    NOT_EXECUTABLE,
                    Some("its environment is too large for the system: leave some out with --prefix"),
                ),
                _ => (NOT_EXECUTABLE, None),
            };
            let failed =
                CliError::general(format!("cannot run {}: {error}", shown(program))).exits_with(code);
            match hint {
                Some(hint) => failed.hint(hint),
                None => failed,
            }
        })?;
        let mut streams = Vec::new();
        if let Some(masked) = masked {
            if let Some(stdout) = process.stdout.take() {
                streams.push(Stream::pass(stdout, tokio::io::stdout(), masked.masker()));
            }
            if let Some(stderr) = process.stderr.take() {
                streams.push(Stream::pass(stderr, tokio::io::stderr(), masked.masker()));
            }
        }
        Ok(Self { process, streams, signals })
    }

    /// Waits until it has ended, and passes signals on meanwhile; its exit code.
    pub(super) async fn wait(mut self) -> Result<u8, CliError> {
        let status = loop {
            tokio::select! {
                status = self.process.wait() => break status,
                signal = self.signals.next() => self.pass_on(signal),
            }
        };
        let status =
            status.map_err(|error| CliError::general(format!("cannot wait for the command: {error}")))?;
        for stream in self.streams {
            stream.finish().await;
        }
        Ok(exit_code(status))
    }

    fn pass_on(&self, signal: Signal) {
        // A terminal sends these to everybody in the foreground, the command among them.
        let from_terminal = matches!(signal, Signal::SIGINT | Signal::SIGQUIT | Signal::SIGWINCH);
        if from_terminal && is_in_foreground() {
            return;
        }
        if let Some(pid) = self.process.id().and_then(|pid| i32::try_from(pid).ok()) {
            // It may have ended just now.
            let _ = kill(Pid::from_raw(pid), signal);
        }
    }
}

fn is_in_foreground() -> bool {
    let stdin = std::io::stdin();
    stdin.is_terminal() && tcgetpgrp(&stdin).is_ok_and(|foreground| foreground == getpgrp())
}

/// As shells say it.
fn exit_code(status: ExitStatus) -> u8 {
    match (status.code(), status.signal()) {
        (Some(code), _) => u8::try_from(code).unwrap_or(u8::MAX),
        (None, Some(signal)) => u8::try_from(128 + signal).unwrap_or(u8::MAX),
        (None, None) => u8::MAX,
    }
}

/// The signals that are passed on, caught from the moment that this is made.
struct Signals(Vec<(Signal, Caught)>);

impl Signals {
    fn new() -> std::io::Result<Self> {
        let caught =
            SIGNALS.map(|each| signal(SignalKind::from_raw(each as i32)).map(|stream| (each, stream)));
        caught.into_iter().collect::<std::io::Result<_>>().map(Self)
    }

    /// The next one.
    async fn next(&mut self) -> Signal {
        std::future::poll_fn(|context| {
            for (signal, stream) in &mut self.0 {
                if stream.poll_recv(context).is_ready() {
                    return std::task::Poll::Ready(*signal);
                }
            }
            std::task::Poll::Pending
        })
        .await
    }
}
