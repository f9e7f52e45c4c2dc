//! The command as a child process: its start, what reaches it, and its end.

use std::{
    io::{self, ErrorKind},
    os::unix::process::ExitStatusExt as _,
    process::ExitStatus,
};

use kontraktor_hardening::memory;
use nix::{sys::signal::kill, unistd::Pid};
use tokio::{
    process::{Child as Process, Command},
    sync::watch,
    task::JoinSet,
};

use super::{
    invocation::{Invocation, StartError},
    orphans::Orphans,
    signals::{ReceivedSignal, Signals},
    streams::redirect,
};
use crate::masking::Secrets;

/// A running command.
pub struct Child {
    process: Process,
    signals: Signals,
    orphans: Orphans,
    streams: JoinSet<io::Result<()>>,
    ended: watch::Sender<bool>,
}

/// How a command ended.
pub struct Exit {
    /// The command's exit code, or 128 plus the number of the signal that ended it.
    pub code: u8,
    /// Why not all of its output could be passed through.
    pub output_error: Option<io::Error>,
}

impl Child {
    /// Starts the command. With secrets to mask, its standard output and standard error are pipes; without, they are those of
    /// this process. Needs a running tokio.
    pub fn start(invocation: Invocation<'_>, secrets: Option<&Secrets>) -> Result<Self, StartError> {
        let setup = |action| move |source| StartError::Setup { action, source };
        // Before the command exists: a signal that arrives meanwhile must neither be lost nor end this process.
        let signals = Signals::catch().map_err(setup("catch signals"))?;
        let orphans = Orphans::watch().map_err(setup("watch for orphans"))?;
        let program = invocation.program;
        let mut command = invocation.command();
        let streams = match secrets {
            Some(secrets) => redirect(&mut command, secrets).map_err(setup("create a pipe"))?,
            None => Vec::new(),
        };
        let mut command = Command::from(command);
        let process = memory::with_former_limits(|| command.spawn());
        // And with it this process's copy of the pipes' writing ends.
        drop(command);
        let process = process.map_err(|error| StartError::new(program, error))?;
        let (ended, command_ended) = watch::channel(false);
        let streams = streams.into_iter().map(|stream| stream.pass_through(command_ended.clone())).collect();
        Ok(Self { process, signals, orphans, streams, ended })
    }

    /// Waits until the command has ended and its output is written, and forwards signals meanwhile.
    pub async fn wait(mut self) -> io::Result<Exit> {
        let command = self.pid();
        let status = loop {
            tokio::select! {
                status = self.process.wait() => break status,
                received = self.signals.next() => self.forward(received),
                () = self.orphans.reap(command) => {}
            }
        };
        self.ended.send_replace(true);
        let mut output_error = None;
        while !self.streams.is_empty() {
            tokio::select! {
                joined = self.streams.join_next() => match joined {
                    Some(Ok(Err(error))) if error.kind() != ErrorKind::BrokenPipe => output_error = Some(error),
                    _ => {}
                },
                // The reader of our output does not read, and there is no command left to forward the signal to.
                received = self.signals.next() => if received.asks_to_end() { break },
                () = self.orphans.reap(None) => {}
            }
        }
        Ok(Exit { code: exit_code(status?), output_error })
    }

    fn forward(&self, received: ReceivedSignal) {
        if let Some(pid) = self.pid()
            && received.must_be_forwarded_to(pid.as_raw())
        {
            // The command may have ended just now.
            let _ = kill(pid, received.signal);
        }
    }

    /// Returns the command's process id, until it has been waited for.
    fn pid(&self) -> Option<Pid> {
        self.process.id().and_then(|pid| i32::try_from(pid).ok()).map(Pid::from_raw)
    }
}

/// Returns the exit code as shells report it.
fn exit_code(status: ExitStatus) -> u8 {
    match (status.code(), status.signal()) {
        (Some(code), _) => u8::try_from(code).unwrap_or(u8::MAX),
        (None, Some(signal)) => u8::try_from(128 + signal).unwrap_or(u8::MAX),
        (None, None) => u8::MAX,
    }
}
