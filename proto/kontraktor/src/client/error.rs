//! How a call can fail, by what the caller must know: whether anything can have been written.

use std::time::Duration;

use crate::v1::Problem;

/// A call that failed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// There is no connection to the daemon; nothing was sent.
    #[error("cannot reach kontraktord at {target}: {reason}")]
    NotReachable {
        /// The host, as written in a setting.
        target: String,
        /// Why.
        reason: String,
        /// What to do about it.
        remedy: String,
    },
    /// A write was sent and its response was lost: it may or may not have been carried out.
    #[error(
        "the outcome of {operation} is unknown: it was sent to kontraktord at {target}, and no response came back \
         ({reason})"
    )]
    OutcomeUnknown {
        /// The host.
        target: String,
        /// The RPC's name.
        operation: &'static str,
        /// What happened to the response.
        reason: String,
    },
    /// A read took too long; nothing was written.
    #[error("kontraktord at {target} did not respond to {operation} within {}: {reason}", humantime::format_duration(*timeout))]
    TimedOut {
        /// The host.
        target: String,
        /// The RPC's name.
        operation: &'static str,
        /// The timeout that was set.
        timeout: Duration,
        /// How the last attempt failed.
        reason: String,
    },
    /// The daemon refused; nothing was written.
    #[error("{}", .0.message)]
    Refused(Box<Problem>),
    /// There is no access token; nothing was sent to the daemon.
    #[error("cannot get an access token from {url}: {reason}")]
    NoToken {
        /// The token endpoint.
        url: String,
        /// Why.
        reason: String,
        /// What to do about it.
        remedy: String,
        /// Whether the endpoint was reached, and refused.
        reached: bool,
    },
    /// The daemon does not accept the credentials; nothing was written.
    #[error("kontraktord at {target} {reason}")]
    Unauthenticated {
        /// The host.
        target: String,
        /// What was not accepted: a predicate whose subject is the daemon.
        reason: String,
        /// What to do about it.
        remedy: &'static str,
        /// What the daemon reported.
        problem: Option<Box<Problem>>,
    },
    /// A streamed response ended before its last chunk. None of it is returned.
    #[error(
        "the response of kontraktord at {target} to {operation} was interrupted after {received} of {size} bytes: \
         {reason}"
    )]
    Interrupted {
        /// The host.
        target: String,
        /// The RPC's name.
        operation: &'static str,
        /// How many bytes were received.
        received: usize,
        /// How many were announced.
        size: usize,
        /// What interrupted it.
        reason: String,
    },
    /// The server does not speak `kontraktor.v1` as this client does.
    #[error("{operation} failed at {target}: {reason}")]
    Protocol {
        /// The host.
        target: String,
        /// The RPC's name.
        operation: &'static str,
        /// What the server returned.
        reason: String,
    },
}

impl ClientError {
    /// Returns what to do about it, as an imperative sentence without capital and full stop.
    pub fn remedy(&self) -> Option<&str> {
        match self {
            Self::NotReachable { remedy, .. } | Self::NoToken { remedy, .. } => Some(remedy),
            Self::Unauthenticated { remedy, .. } => Some(remedy),
            Self::OutcomeUnknown { .. } => Some("check what is stored before you repeat the write"),
            Self::TimedOut { .. } => Some("check the daemon's log, or increase the timeout"),
            Self::Interrupted { .. } => Some("try again, or check the daemon's log"),
            Self::Refused(problem) => Some(problem.remedy.as_str()).filter(|remedy| !remedy.is_empty()),
            Self::Protocol { .. } => Some("use the same version of the client and kontraktord"),
        }
    }

    /// Returns the problem that the daemon reported, if it refused.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Refused(problem) => Some(problem),
            Self::Unauthenticated { problem, .. } => problem.as_deref(),
            _ => None,
        }
    }
}
