//! How a call can fail, told by what the caller must know: whether anything can have been written.

use std::time::Duration;

use crate::v1::Problem;

/// A call that brought no answer, or a refusal.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The daemon is not there; nothing was sent.
    #[error("cannot reach kontraktord at {target}: {reason}")]
    NotReachable {
        /// The host, as it is written in a setting.
        target: String,
        /// Why.
        reason: String,
        /// What to do about it.
        remedy: String,
    },
    /// A write was sent and its answer is lost: it may have been carried out, or not.
    #[error(
        "{operation} was sent to kontraktord at {target}, and no answer came back ({reason}): the outcome is unknown"
    )]
    OutcomeUnknown {
        /// The host.
        target: String,
        /// The RPC's name.
        operation: &'static str,
        /// What happened to the answer.
        reason: String,
    },
    /// A read took too long; nothing was written.
    #[error("kontraktord at {target} did not answer {operation} within {}: {reason}", humantime::format_duration(*timeout))]
    TimedOut {
        /// The host.
        target: String,
        /// The RPC's name.
        operation: &'static str,
        /// The timeout that was set.
        timeout: Duration,
        /// What the last attempt met.
        reason: String,
    },
    /// The daemon refused; nothing was written.
    #[error("{}", .0.message)]
    Refused(Box<Problem>),
    /// The host's kind is not served yet; nothing was sent.
    #[error("cannot connect to {target}: {reason}")]
    Unsupported {
        /// The host.
        target: String,
        /// Why.
        reason: String,
    },
    /// The answer came in pieces, and ended before the last one. None of it is handed out.
    #[error(
        "kontraktord at {target} broke off its answer to {operation} after {received} of {size} bytes: {reason}"
    )]
    BrokenOff {
        /// The host.
        target: String,
        /// The RPC's name.
        operation: &'static str,
        /// How many bytes had come.
        received: usize,
        /// How many were announced.
        size: usize,
        /// What ended it.
        reason: String,
    },
    /// What answered does not speak `kontraktor.v1` as this client does.
    #[error("{operation} failed at {target}: {reason}")]
    Protocol {
        /// The host.
        target: String,
        /// The RPC's name.
        operation: &'static str,
        /// What was answered.
        reason: String,
    },
}

impl ClientError {
    /// What to do about it, as one sentence without a full stop; none where nothing can be said.
    pub fn remedy(&self) -> Option<&str> {
        match self {
            Self::NotReachable { remedy, .. } => Some(remedy),
            Self::OutcomeUnknown { .. } => Some("look at what is stored now before the write is repeated"),
            Self::TimedOut { .. } => {
                Some("look at the daemon's log, or allow more time with the timeout setting")
            }
            Self::BrokenOff { .. } => Some("try again, or look at the daemon's log"),
            Self::Refused(problem) => Some(problem.remedy.as_str()).filter(|remedy| !remedy.is_empty()),
            Self::Unsupported { .. } => Some("leave the host out, or name the local socket as unix:///path"),
            Self::Protocol { .. } => Some("use the same version of the client and of kontraktord"),
        }
    }

    /// The refusal, where the daemon answered with one.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Refused(problem) => Some(problem),
            _ => None,
        }
    }
}
