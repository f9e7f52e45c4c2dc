//! Why TLS cannot be used: always a file and a reason.

use std::path::{Path, PathBuf};

use kontraktor_hardening::file::OpenError;

/// Why TLS cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's message.
        reason: String,
    },
    /// A file is not what it should be.
    #[error("{} {problem}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, with the remedy: a predicate whose subject is the file's path.
        problem: String,
    },
    /// A file of the daemon's own cannot be created.
    #[error("cannot create {}: {reason}", path.display())]
    NotCreated {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// The library does not support what is asked of it.
    #[error("TLS is not available: {0}")]
    Unsupported(String),
}

impl TlsError {
    pub(super) fn unusable(path: &Path, problem: impl Into<String>) -> Self {
        Self::Unusable { path: path.to_owned(), problem: problem.into() }
    }

    pub(super) fn not_created(path: &Path, reason: impl std::fmt::Display) -> Self {
        Self::NotCreated { path: path.to_owned(), reason: reason.to_string() }
    }

    pub(super) fn unopened(path: &Path, error: OpenError) -> Self {
        match error {
            OpenError::Io(error) => Self::Unreadable { path: path.to_owned(), reason: error.to_string() },
            OpenError::Untrusted(untrusted) => Self::unusable(path, untrusted.to_string()),
        }
    }
}
