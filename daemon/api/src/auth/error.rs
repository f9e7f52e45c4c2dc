//! Why a request has no caller. What the client learns does not depend on the cause, which is in the log.

use kontraktor_domain::{Code, Refusal};

/// Why a request has no caller: it carries no credentials, they are invalid, or their owner may not use this daemon.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{refusal}")]
pub(crate) struct AuthenticationError {
    pub(crate) refusal: Refusal,
    /// Whether the request carried an access token, which is not valid (RFC 6750 §3.1).
    pub(crate) is_invalid_token: bool,
}

impl AuthenticationError {
    /// Returns the one error of a request whose credentials are missing or invalid.
    pub(super) fn unauthenticated() -> Self {
        let refusal = Refusal::new(
            Code::Unauthenticated,
            "unauthenticated: the request carries no credentials that this daemon accepts",
        )
        .remedy(
            "send a valid access token of an issuer that the daemon is configured for, or of its own `/oauth/token`, or a \
             client certificate; the daemon's log says what was wrong",
        );
        Self { refusal, is_invalid_token: false }
    }

    /// Returns the same for an access token.
    pub(super) fn invalid_token() -> Self {
        Self { is_invalid_token: true, ..Self::unauthenticated() }
    }
}

impl From<Refusal> for AuthenticationError {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, is_invalid_token: false }
    }
}
