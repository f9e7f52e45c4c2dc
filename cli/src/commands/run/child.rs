//! The command as a process: how it is started, what reaches it, and how it ends.

use std::{
    ffi::{OsStr, OsString},
    io::{self, ErrorKind},
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    process::{Command, ExitStatus},
};

use nix::{sys::signal::kill, unistd::Pid};
use tokio::{process::Child as Process, sync::watch, task::JoinSet};

use super::{
    FAILED,
    signals::{Received, Signals},
    streams::redirect,
};
use crate::{error::CliError, mask::Secrets, output::warn};

/// The command cannot be executed.
const NOT_EXECUTABLE: u8 = 126;

/// There is no such command.
const NOT_FOUND: u8 = 127;

/// What shall run.
pub(super) struct Call<'a> {
    pub(super) program: &'a OsStr,
    pub(super) arguments: &'a [OsString],
    /// These win over those that we have ourselves.
    pub(super) variables: Vec<(OsString, OsString)>,
}

impl Call<'_> {
    fn command(self) -> Command {
        let mut command = Command::new(self.program);
        command.args(self.arguments).envs(self.variables);
        command
    }

    /// Makes this process the command; comes back where that fails.
    pub(super) fn replace(self) -> CliError {
        let program = self.program;
        refused(program, &self.command().exec())
    }
}

/// A command that runs.
pub(super) struct Child {
    process: Process,
    signals: Signals,
    passing: JoinSet<io::Result<()>>,
    ended: watch::Sender<bool>,
}

impl Child {
    pub(super) fn start(call: Call<'_>, masked: Option<&Secrets>) -> Result<Self, CliError> {
        let failed = |what: &str, error: io::Error| {
            CliError::general(format!("cannot {what}: {error}")).exits_with(FAILED)
        };
        // Before it is there: a signal that comes now must neither be lost nor end us.
        let signals = Signals::catch().map_err(|error| failed("catch signals", error))?;
        let program = call.program;
        let mut command = call.command();
        let streams = match masked {
            Some(secrets) => redirect(&mut command, secrets).map_err(|error| failed("make a pipe", error))?,
            None => Vec::new(),
        };
        // It, and with it our side of what the command prints into, is gone behind this line.
        let process =
            tokio::process::Command::from(command).spawn().map_err(|error| refused(program, &error))?;
        let (ended, command_ended) = watch::channel(false);
        let passing = streams.into_iter().map(|stream| stream.pass(command_ended.clone())).collect();
        Ok(Self { process, signals, passing, ended })
    }

    /// Waits until it has ended, and passes signals on meanwhile; its exit code.
    pub(super) async fn wait(mut self) -> Result<u8, CliError> {
        let status = loop {
            tokio::select! {
                status = self.process.wait() => break status,
                received = self.signals.next() => self.pass_on(received),
            }
        };
        self.ended.send_replace(true);
        while !self.passing.is_empty() {
            tokio::select! {
                passed = self.passing.join_next() => match passed {
                    Some(Ok(Err(error))) if error.kind() != ErrorKind::BrokenPipe => {
                        warn(&format!("the command's output was cut off: {error}"));
                    }
                    _ => {}
                },
                // Whoever reads our output does not, and there is no command any more to be told.
                received = self.signals.next() => if received.ends() { break },
            }
        }
        status
            .map(exit_code)
            .map_err(|error| CliError::general(format!("cannot wait for the command: {error}")))
    }

    fn pass_on(&self, received: Received) {
        if let Some(pid) = self.process.id().and_then(|pid| i32::try_from(pid).ok())
            && received.is_for(pid)
        {
            // It may have ended just now.
            let _ = kill(Pid::from_raw(pid), received.signal);
        }
    }
}

/// As env(1) says it.
fn refused(program: &OsStr, error: &io::Error) -> CliError {
    let failed = CliError::general(format!("cannot run {:?}: {error}", program.to_string_lossy()));
    match error.kind() {
        ErrorKind::NotFound => failed
            .exits_with(NOT_FOUND)
            .hint("check its name, and whether it is on the PATH that the environment gives it"),
        ErrorKind::ArgumentListTooLong => failed
            .exits_with(NOT_EXECUTABLE)
            .hint("its environment is too large for the system: leave some out with --prefix"),
        _ => failed.exits_with(NOT_EXECUTABLE),
    }
}

/// As shells say it.
fn exit_code(status: ExitStatus) -> u8 {
    match (status.code(), status.signal()) {
        (Some(code), _) => u8::try_from(code).unwrap_or(u8::MAX),
        (None, Some(signal)) => u8::try_from(128 + signal).unwrap_or(u8::MAX),
        (None, None) => u8::MAX,
    }
}
