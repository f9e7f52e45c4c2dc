//! How a request that has no caller is answered: the one place that knows the protocols' forms of it.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Response, StatusCode, header::WWW_AUTHENTICATE},
};
use kontraktor_proto::problem::{from_status, http_status};

use super::AuthenticationError;
use crate::{
    grpc::status,
    http_problem::{self, is_grpc},
    limits::FailedAuthentication,
};

/// What the daemon accepts as credentials (RFC 9110 §11.6.1, RFC 6750 §3): without an error where the request had none.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer");
const INVALID_TOKEN: HeaderValue = HeaderValue::from_static(
    "Bearer error=\"invalid_token\", error_description=\"the access token is not valid\"",
);

/// Returns the answer to a rejected request with these headers: a gRPC status with its problem, or the same problem with its
/// status of HTTP.
pub(super) fn reject(headers: &HeaderMap, error: AuthenticationError) -> Response<Body> {
    let status = status(error.refusal);
    let problem = from_status(&status).unwrap_or_default();
    let code = http_status(problem.code());
    let challenge = if error.is_invalid_token { INVALID_TOKEN } else { CHALLENGE };
    let mut response =
        if is_grpc(headers) { status.into_http() } else { http_problem::response(code, &problem) };
    if code == StatusCode::UNAUTHORIZED {
        if !is_grpc(headers) {
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response.extensions_mut().insert(FailedAuthentication);
    }
    response
}
