//! An access token as requests carry it, and why one could not be fetched.

use std::time::Duration;

use tonic::metadata::{Ascii, MetadataValue};

use crate::client::connect::{ConnectError, Retryability};

/// Why there is no token.
#[derive(Debug, Clone)]
pub(in super::super) struct TokenError {
    /// Where it was asked for.
    pub(in super::super) url: String,
    pub(in super::super) retryability: Retryability,
    /// How long the endpoint asks to wait.
    pub(in super::super) retry_after: Duration,
    pub(in super::super) reason: String,
    pub(in super::super) remedy: String,
}

impl TokenError {
    pub(super) fn unreachable(url: &str, error: ConnectError) -> Self {
        let ConnectError { retryability, reason, remedy } = error;
        Self { url: url.to_owned(), retryability, retry_after: Duration::ZERO, reason, remedy }
    }
}

/// An access token.
pub(super) struct AccessToken {
    pub(super) header: MetadataValue<Ascii>,
    /// How long it is valid; `None`: the endpoint does not say.
    pub(super) lifetime: Option<Duration>,
}

/// Returns the header for a token; `None`: the token contains what no header may.
pub(super) fn bearer(token: &str) -> Option<MetadataValue<Ascii>> {
    let mut header: MetadataValue<Ascii> = format!("Bearer {token}").parse().ok()?;
    // Never printed, and never in the table with which HTTP/2 compresses headers.
    header.set_sensitive(true);
    Some(header)
}
