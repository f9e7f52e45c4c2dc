//! What is answered for a path that nobody serves, in the request's protocol.

use axum::{extract::Request, response::Response};
use kontraktor_proto::v1::{Problem, ProblemCode};
use tonic::Status;

use crate::http_problem;

pub(super) async fn unknown_path(request: Request) -> Response {
    if http_problem::is_grpc(request.headers()) {
        // Explained like every refusal of the library's (`calls/transport_error.rs`).
        return Status::unimplemented("").into_http();
    }
    let problem = Problem::new(ProblemCode::NotFound, "unknown path")
        .with_remedy("see /openapi.json for the paths of the API, or use a gRPC client for kontraktor.v1");
    http_problem::response(axum::http::StatusCode::NOT_FOUND, &problem)
}
