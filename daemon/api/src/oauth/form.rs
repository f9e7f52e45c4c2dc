//! The body of a request for a token: a form of a few parameters, each at most once (RFC 6749 §3.2).

use std::collections::HashMap;

use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, header::CONTENT_TYPE},
};
use zeroize::Zeroizing;

use super::error::TokenEndpointError;

/// The largest body, in bytes: an assertion of the largest size, and the rest.
const MAX_BODY_BYTES: usize = 32 * 1024;

/// The most parameters.
const MAX_PARAMETERS: usize = 32;

/// The parameters of a request. They are wiped when it has been answered.
pub(super) struct Form(HashMap<String, Zeroizing<String>>);

impl Form {
    pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<Self, TokenEndpointError> {
        let invalid = |problem| Err(TokenEndpointError::InvalidRequest(problem));
        let content_type =
            headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return invalid("expected the content type application/x-www-form-urlencoded");
        }
        let Ok(body) = to_bytes(body, MAX_BODY_BYTES).await else {
            return invalid("the body is larger than 32768 bytes, or incomplete");
        };
        let mut parameters = HashMap::new();
        for (name, value) in form_urlencoded::parse(&body) {
            if parameters.len() == MAX_PARAMETERS {
                return invalid("the body has more than 32 parameters");
            }
            // A parameter without a value counts as absent.
            if value.is_empty() {
                continue;
            }
            if parameters.insert(name.into_owned(), Zeroizing::new(value.into_owned())).is_some() {
                return invalid("a parameter is repeated");
            }
        }
        Ok(Self(parameters))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.as_str())
    }
}
