//! How a request that has no caller is answered: the one place that knows the protocols' forms of it.

use tonic::{body::Body, codegen::http};

use super::AuthenticationError;
use crate::grpc::status;

/// Returns the answer to a rejected request: a gRPC status with its problem.
pub(super) fn reject(error: AuthenticationError) -> http::Response<Body> {
    status(error.0).into_http()
}
