//! How a command fails: a kind, which sets the exit code, a message, and a hint. Errors are reported here and nowhere else.

mod hints;

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use kontraktor_model::{names::NameError, value::ValueError};
use kontraktor_proto::{
    client::ClientError,
    v1::{Problem, ProblemCode},
};

use crate::{
    option_names::with_option_names,
    terminal::{printable_lines, uses_color},
    text::sentence,
};

/// What sets the exit code. The codes are documented in `ktr help` and in the README.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    General,
    Usage,
    NotFound,
    Conflict,
    NotReachable,
    OutcomeUnknown,
    TryAgain,
    /// The exit code is the whole report: a comparison found differences, or a child process ended.
    ExitCodeOnly,
    /// The reader of standard output is gone, which is not an error.
    ReaderGone,
}

impl Kind {
    fn exit_code(self) -> u8 {
        match self {
            Self::ReaderGone => 0,
            Self::General | Self::ExitCodeOnly => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Conflict => 4,
            Self::NotReachable => 5,
            Self::OutcomeUnknown => 6,
            Self::TryAgain => 7,
        }
    }
}

#[derive(Debug)]
pub(crate) struct CliError {
    pub(crate) kind: Kind,
    message: String,
    /// What to do about it: one imperative sentence.
    hint: Option<String>,
    /// The daemon's reason, if the daemon refused.
    code: Option<ProblemCode>,
    /// The field of the request that the daemon blames, where it blames one.
    field: Option<String>,
    /// Overrides the kind's exit code.
    exit_code: Option<u8>,
}

impl CliError {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, code: None, field: None, exit_code: None }
    }

    pub(crate) fn general(message: impl Into<String>) -> Self {
        Self::new(Kind::General, message)
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// Ends the program with this exit code, and prints nothing.
    pub(crate) fn exit_code_only(exit_code: u8) -> Self {
        Self::new(Kind::ExitCodeOnly, "").with_exit_code(exit_code)
    }

    /// Overrides the exit code of the error's kind.
    pub(crate) fn with_exit_code(mut self, exit_code: u8) -> Self {
        self.exit_code = Some(exit_code);
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Replaces the hint if the error is of this kind.
    pub(crate) fn hint_for(self, kind: Kind, hint: impl FnOnce() -> String) -> Self {
        if self.kind == kind { self.hint(hint()) } else { self }
    }

    /// Replaces the hint if the daemon refused for this reason.
    pub(crate) fn hint_on(self, code: ProblemCode, hint: impl FnOnce() -> String) -> Self {
        if self.code == Some(code) { self.hint(hint()) } else { self }
    }

    /// Prints the error to standard error and returns the program's exit code.
    pub(crate) fn report(&self) -> ExitCode {
        if !matches!(self.kind, Kind::ReaderGone | Kind::ExitCodeOnly) {
            let mut stderr = io::stderr();
            let (red, cyan, reset) =
                if uses_color(&stderr) { ("\x1b[1;31m", "\x1b[1;36m", "\x1b[0m") } else { ("", "", "") };
            let mut text = format!("{red}error:{reset} {}\n", printable_lines(&self.message));
            if let Some(hint) = &self.hint {
                text.push_str(&format!("{cyan}hint:{reset} {}\n", printable_lines(&sentence(hint))));
            }
            // If standard error is closed, the exit code is all there is.
            let _ = stderr.write_all(text.as_bytes());
        }
        ExitCode::from(self.exit_code.unwrap_or_else(|| self.kind.exit_code()))
    }
}

/// Prints help, the version, or what is wrong with the command line, and returns the exit code: for an invalid command line
/// `exit_code`, or the usual one.
pub(crate) fn report_usage(error: &clap::Error, exit_code: Option<u8>) -> ExitCode {
    // Fails only if the reader is gone.
    let _ = error.print();
    if !error.use_stderr() {
        return ExitCode::SUCCESS;
    }
    ExitCode::from(exit_code.unwrap_or_else(|| Kind::Usage.exit_code()))
}

impl From<ClientError> for CliError {
    fn from(error: ClientError) -> Self {
        let kind = match &error {
            ClientError::NotReachable { .. } | ClientError::NoToken { reached: false, .. } => {
                Kind::NotReachable
            }
            ClientError::OutcomeUnknown { .. } => Kind::OutcomeUnknown,
            ClientError::TimedOut { .. } => Kind::TryAgain,
            ClientError::Refused(problem) => kind_of(problem),
            _ => Kind::General,
        };
        let hint = error.remedy().map(|remedy| match &error {
            // The daemon's own words, which may repeat what it was sent.
            ClientError::Refused(_) => remedy.to_owned(),
            _ => with_option_names(remedy),
        });
        Self {
            kind,
            message: error.to_string(),
            hint,
            code: error.problem().map(Problem::code),
            field: error.problem().map(|problem| problem.field.clone()).filter(|field| !field.is_empty()),
            exit_code: None,
        }
    }
}

impl From<Problem> for CliError {
    fn from(problem: Problem) -> Self {
        Self::from(ClientError::Refused(Box::new(problem)))
    }
}

fn kind_of(problem: &Problem) -> Kind {
    match problem.code() {
        ProblemCode::Invalid
        | ProblemCode::SchemaViolation
        | ProblemCode::ImportCycle
        | ProblemCode::InvalidReference
        | ProblemCode::NotASecret => Kind::Usage,
        ProblemCode::NotFound
        | ProblemCode::SecretNotFound
        | ProblemCode::SecretVersionGone
        | ProblemCode::SecretVersionUnknown
        | ProblemCode::SecretFieldMissing
        | ProblemCode::UnknownVault
        | ProblemCode::HoldGone => Kind::NotFound,
        ProblemCode::AlreadyExists
        | ProblemCode::KeyExists
        | ProblemCode::Conflict
        | ProblemCode::NotEmpty
        | ProblemCode::Protected
        | ProblemCode::Imported
        | ProblemCode::Skipped
        | ProblemCode::BatchMismatch => Kind::Conflict,
        ProblemCode::Busy
        | ProblemCode::RateLimited
        | ProblemCode::StorageFull
        | ProblemCode::ShuttingDown
        | ProblemCode::IssuerUnavailable
        | ProblemCode::VaultUnavailable => Kind::TryAgain,
        ProblemCode::Unspecified
        | ProblemCode::Unimplemented
        | ProblemCode::DeadlineExceeded
        | ProblemCode::Storage
        | ProblemCode::StorageDamaged
        | ProblemCode::Denied
        | ProblemCode::Unauthenticated
        | ProblemCode::VaultSignIn
        | ProblemCode::VaultDenied
        | ProblemCode::VaultAnswer
        | ProblemCode::SecretDisabled
        | ProblemCode::SecretNotJson
        | ProblemCode::SecretTooLarge => Kind::General,
    }
}

impl From<NameError> for CliError {
    fn from(error: NameError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<ValueError> for CliError {
    fn from(error: ValueError) -> Self {
        Self::usage(error.to_string())
    }
}

/// For writing to standard output.
impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::new(Kind::ReaderGone, ""),
            _ => Self::general(format!("cannot write the output: {error}")),
        }
    }
}
