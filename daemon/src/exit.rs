//! How the program ends: the exit codes, and the one report that reaches the person at the terminal.
//!
//! It does not know what failed; that is described by a [`Failure`].

use std::{fmt, process::ExitCode};

/// The exit codes of `kontraktord`. They are part of its interface: `--help` lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Something failed at run time: a second signal, a failed store, an error of the system.
    Failure = 1,
    /// The command line or the configuration is invalid. Nothing was changed.
    Usage = 2,
    /// Another daemon has the data directory or the socket.
    InUse = 3,
    /// The data is unusable: damaged, not a database, or written by a newer version. Nothing was changed.
    Data = 4,
    /// `audit verify` found that the chain is broken, or that the expected row differs.
    Broken = 5,
    /// `vault check` found that the vault cannot be used.
    Vault = 6,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why the program ends without success: what happened, and what to do about it.
#[derive(Debug)]
pub struct Failure {
    /// Sets the exit code.
    pub exit: Exit,
    /// What happened, in one sentence.
    pub message: String,
    /// What to do about it, where that is known.
    pub hint: Option<String>,
}

impl Failure {
    /// A failure without a hint.
    pub fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self { exit, message: message.to_string(), hint: None }
    }

    /// Adds what to do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}
