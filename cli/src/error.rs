//! How a command fails: a kind, which sets the exit code, a message, and a hint. Reported here and nowhere else.

use std::{
    io::{self, IsTerminal as _, Write as _},
    process::ExitCode,
};

use kontraktor_model::{names::NameError, value::ValueError};
use kontraktor_proto::{
    client::ClientError,
    v1::{Problem, ProblemCode},
};

use crate::output::{colours_wanted, printable};

/// What sets the exit code. The codes are promised in `ktr help` and in the README.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    General,
    Usage,
    NotFound,
    Conflict,
    NotReachable,
    OutcomeUnknown,
    NotNow,
    /// Nothing failed: a comparison was asked to say by the exit code that there is a difference.
    Different,
    /// The reader of our output has gone: nothing is wrong, and there is no one to tell.
    ReaderGone,
}

impl Kind {
    fn exit_code(self) -> u8 {
        match self {
            Self::ReaderGone => 0,
            Self::General | Self::Different => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Conflict => 4,
            Self::NotReachable => 5,
            Self::OutcomeUnknown => 6,
            Self::NotNow => 7,
        }
    }
}

const ENVIRONMENTS: &str = "list them with: ktr env list";

#[derive(Debug)]
pub(crate) struct CliError {
    pub(crate) kind: Kind,
    message: String,
    hint: Option<String>,
    /// What the daemon refused for, where it did.
    code: Option<ProblemCode>,
    /// The field of the request that the refusal blames; empty for none.
    field: String,
    /// Instead of what the kind says.
    exit: Option<u8>,
}

impl CliError {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, code: None, field: String::new(), exit: None }
    }

    /// A comparison that found a difference, told by the exit code alone.
    pub(crate) fn different() -> Self {
        Self::new(Kind::Different, "")
    }

    /// A command that was run for somebody has ended with this code; nothing is to be said about it.
    pub(crate) fn ended(code: u8) -> Self {
        Self::different().exits_with(code)
    }

    /// The same, with an exit code that is not that of its kind.
    pub(crate) fn exits_with(mut self, code: u8) -> Self {
        self.exit = Some(code);
        self
    }

    pub(crate) fn general(message: impl Into<String>) -> Self {
        Self::new(Kind::General, message)
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A better hint where the error is of this kind; others keep theirs.
    pub(crate) fn hint_for(self, kind: Kind, hint: impl FnOnce() -> String) -> Self {
        if self.kind == kind { self.hint(hint()) } else { self }
    }

    /// A better hint where the daemon refused for this reason; others keep theirs.
    pub(crate) fn hint_on(self, code: ProblemCode, hint: impl FnOnce() -> String) -> Self {
        if self.code == Some(code) { self.hint(hint()) } else { self }
    }

    /// Where to look when an environment does not exist. For a moment that does not, the daemon says which there are; of
    /// keys, secrets and vaults it knows better, too.
    pub(crate) fn hint_environments(self) -> Self {
        let other = matches!(self.field.as_str(), "at" | "until" | "to_revision" | "key");
        let absent = self.code.is_none_or(|code| code == ProblemCode::NotFound);
        if self.kind == Kind::NotFound && absent && !other { self.hint(ENVIRONMENTS) } else { self }
    }

    /// The same for environments that are to be imported, and for nothing else.
    pub(crate) fn hint_imports(self) -> Self {
        if self.field == "imports" { self.hint_environments() } else { self }
    }

    /// Writes the error to standard error and says how the program ends.
    pub(crate) fn report(&self) -> ExitCode {
        if !matches!(self.kind, Kind::ReaderGone | Kind::Different) {
            let (red, cyan, plain) = if io::stderr().is_terminal() && colours_wanted() {
                ("\x1b[1;31m", "\x1b[1;36m", "\x1b[0m")
            } else {
                ("", "", "")
            };
            let mut text = format!("{red}error:{plain} {}\n", printable_lines(&self.message));
            if let Some(hint) = &self.hint {
                text.push_str(&format!("{cyan}hint:{plain} {}\n", printable_lines(hint)));
            }
            // Standard error may be closed; then the exit code has to do.
            let _ = io::stderr().write_all(text.as_bytes());
        }
        ExitCode::from(self.exit.unwrap_or_else(|| self.kind.exit_code()))
    }
}

/// Help, version, or what is wrong with the command line.
///
/// `exit`: with which code something wrong ends, where that is not the usual one.
pub(crate) fn report_usage(message: &clap::Error, exit: impl FnOnce() -> Option<u8>) -> ExitCode {
    // A reader that has gone needs no help.
    let _ = message.print();
    if !message.use_stderr() {
        return ExitCode::SUCCESS;
    }
    ExitCode::from(exit().unwrap_or_else(|| Kind::Usage.exit_code()))
}

fn printable_lines(text: &str) -> String {
    text.lines().map(printable).collect::<Vec<_>>().join("\n")
}

impl From<ClientError> for CliError {
    fn from(error: ClientError) -> Self {
        let kind = match &error {
            ClientError::NotReachable { .. } | ClientError::Unsupported { .. } => Kind::NotReachable,
            ClientError::OutcomeUnknown { .. } => Kind::OutcomeUnknown,
            ClientError::TimedOut { .. } => Kind::NotNow,
            ClientError::Refused(problem) => kind_of(problem),
            _ => Kind::General,
        };
        Self {
            kind,
            message: error.to_string(),
            hint: error.remedy().map(str::to_owned),
            code: error.problem().map(Problem::code),
            field: error.problem().map(|problem| problem.field.clone()).unwrap_or_default(),
            exit: None,
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
        | ProblemCode::StorageFull
        | ProblemCode::ShuttingDown
        | ProblemCode::VaultUnavailable => Kind::NotNow,
        ProblemCode::Unspecified
        | ProblemCode::Storage
        | ProblemCode::Denied
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
