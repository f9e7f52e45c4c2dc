//! How the program ends: the exit codes, and the one report that reaches the person at the terminal.
//!
//! It refuses to know what failed; whoever fails says so in a [`Failure`].

use std::{fmt, process::ExitCode};

/// The exit codes of `kontraktord`. They are part of its interface: `--help` lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Something failed while it ran: a signal that came twice, a poisoned store, an error of the system.
    Failure = 1,
    /// The command line or the configuration is wrong. Nothing was touched.
    Usage = 2,
    /// Another daemon has the data directory or the socket.
    InUse = 3,
    /// The data cannot be used: damaged, no database, or written by a newer version. Nothing was touched.
    Data = 4,
    /// `audit verify` found that the chain is broken, or that the expected row is another.
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
    /// What to do about it, where something can be said.
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
