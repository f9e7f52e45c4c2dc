//! The command to run, and why it could not be started.

use std::{
    ffi::{OsStr, OsString},
    io::{self, ErrorKind},
    os::unix::process::CommandExt as _,
    process::Command,
};

use kontraktor_hardening::memory;

/// A command to run.
pub struct Invocation<'a> {
    /// The program, as a path or as a name to find on `PATH`.
    pub program: &'a OsStr,
    /// Its arguments.
    pub arguments: &'a [OsString],
    /// Environment variables that are added to those of this process, and override them.
    pub variables: Vec<(OsString, OsString)>,
}

impl Invocation<'_> {
    pub(super) fn command(self) -> Command {
        let mut command = Command::new(self.program);
        command.args(self.arguments).envs(self.variables);
        command
    }

    /// Replaces this process with the command. Returns only if that fails.
    pub fn exec(self) -> StartError {
        let program = self.program.to_owned();
        let mut command = self.command();
        let error = memory::with_former_limits(|| command.exec());
        StartError::new(&program, error)
    }
}

/// Why a command was not started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// This process could not prepare to run a command.
    #[error("cannot {action}: {source}")]
    Setup {
        /// What it could not do, such as `create a pipe`.
        action: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The program does not exist.
    #[error("cannot run {:?}: {source}", .program.to_string_lossy())]
    NotFound {
        /// The program.
        program: OsString,
        /// What the system reported.
        source: io::Error,
    },
    /// The arguments and variables are larger than the system allows.
    #[error("cannot run {:?}: {source}", .program.to_string_lossy())]
    TooLarge {
        /// The program.
        program: OsString,
        /// What the system reported.
        source: io::Error,
    },
    /// The program exists, and the system does not execute it.
    #[error("cannot run {:?}: {source}", .program.to_string_lossy())]
    NotExecutable {
        /// The program.
        program: OsString,
        /// What the system reported.
        source: io::Error,
    },
}

impl StartError {
    pub(super) fn new(program: &OsStr, source: io::Error) -> Self {
        let program = program.to_owned();
        match source.kind() {
            ErrorKind::NotFound => Self::NotFound { program, source },
            ErrorKind::ArgumentListTooLong => Self::TooLarge { program, source },
            _ => Self::NotExecutable { program, source },
        }
    }
}
