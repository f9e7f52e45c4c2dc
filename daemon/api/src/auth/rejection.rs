//! How a request that has no caller is answered: the one place that knows the protocols' forms of it.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Response, StatusCode, header::WWW_AUTHENTICATE},
};
use kontraktor_proto::problem::from_status;

use super::AuthenticationError;
use crate::{
    grpc::status,
    http_problem::{self, is_grpc},
};

/// What the daemon accepts as credentials (RFC 9110 §11.6.1, RFC 6750 §3).
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer");

/// Returns the answer to a rejected request with these headers: a gRPC status with its problem, or 401 with the same one.
pub(super) fn reject(headers: &HeaderMap, error: AuthenticationError) -> Response<Body> {
    let status = status(error.0);
    if is_grpc(headers) {
        return status.into_http();
    }
    let problem = from_status(&status).unwrap_or_default();
    let mut response = http_problem::response(StatusCode::UNAUTHORIZED, &problem);
    response.headers_mut().insert(WWW_AUTHENTICATE, CHALLENGE);
    response
}
