//! Errors of the token endpoint, as RFC 6749 §5.2 has them.

use axum::{
    body::Body,
    http::{
        HeaderValue, Response, StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE, PRAGMA, WWW_AUTHENTICATE},
    },
};
use serde_json::{Value, json};

use crate::limits::FailedAuthentication;

pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");
const BASIC: HeaderValue = HeaderValue::from_static("Basic realm=\"kontraktor\"");

/// Why no token is issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenEndpointError {
    /// The request is malformed.
    InvalidRequest(&'static str),
    /// The client is unknown, or its credentials are wrong.
    InvalidClient,
    /// Only client credentials are supported.
    UnsupportedGrantType,
    /// A scope is unknown, or more than the client may have.
    InvalidScope(&'static str),
    /// The token is to be for somebody else (RFC 8707 §2).
    InvalidTarget,
    /// It cannot be recorded or signed now.
    Unavailable,
}

impl TokenEndpointError {
    pub(super) fn answer(self) -> Response<Body> {
        let (status, error, description) = match self {
            Self::InvalidRequest(problem) => (StatusCode::BAD_REQUEST, "invalid_request", problem),
            Self::InvalidClient => (
                StatusCode::UNAUTHORIZED,
                "invalid_client",
                "the client is unknown, or its credentials are not valid",
            ),
            Self::UnsupportedGrantType => (
                StatusCode::BAD_REQUEST,
                "unsupported_grant_type",
                "expected the grant type client_credentials",
            ),
            Self::InvalidScope(problem) => (StatusCode::BAD_REQUEST, "invalid_scope", problem),
            Self::InvalidTarget => (
                StatusCode::BAD_REQUEST,
                "invalid_target",
                "tokens are for this daemon only: leave out resource",
            ),
            Self::Unavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "temporarily_unavailable",
                "no token can be issued now; try again in a few seconds",
            ),
        };
        let mut answer = answer(status, &json!({ "error": error, "error_description": description }));
        if self == Self::InvalidClient {
            answer.headers_mut().insert(WWW_AUTHENTICATE, BASIC);
            answer.extensions_mut().insert(FailedAuthentication);
        }
        answer
    }
}

/// Returns an answer that nobody may keep.
pub(super) fn answer(status: StatusCode, body: &Value) -> Response<Body> {
    let mut answer = Response::new(Body::from(body.to_string()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, JSON);
    headers.insert(CACHE_CONTROL, NO_STORE);
    headers.insert(PRAGMA, NO_CACHE);
    answer
}
