//! Problems as HTTP answers (RFC 9457), for what is refused before a request reaches a handler.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Response, StatusCode, header::CONTENT_TYPE},
};
use kontraktor_proto::v1::Problem;

use super::rest;

/// Returns whether the request is a gRPC call: its answer must be one, too.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    content_type.starts_with(b"application/grpc")
}

/// Returns the problem as an answer with this status, of the form that every problem of the REST API has.
pub(crate) fn response(status: StatusCode, problem: &Problem) -> Response<Body> {
    rest::problem_response(status, problem.clone())
}

#[cfg(test)]
mod tests {
    use kontraktor_proto::v1::ProblemCode;

    use super::*;

    #[tokio::test]
    async fn a_problem_has_the_members_of_the_rfc_and_its_own() {
        let problem = Problem::new(ProblemCode::Denied, "not you").with_remedy("ask somebody");
        let response = response(StatusCode::UNAUTHORIZED, &problem);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        let body = axum::body::to_bytes(response.into_body(), 1024).await.unwrap();
        insta::assert_snapshot!(str::from_utf8(&body).unwrap(), @r#"{"type":"urn:kontraktor:problem:denied","title":"Denied","status":401,"detail":"not you","code":"denied","remedy":"ask somebody"}"#);
    }
}
