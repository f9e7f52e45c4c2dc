//! Problems as HTTP answers (RFC 9457), for what is refused before a request reaches a handler.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Response, StatusCode, header::CONTENT_TYPE},
};
use kontraktor_proto::{json::problem_code, v1::Problem};
use serde_json::{Map, Value};

const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Returns whether the request is a gRPC call: its answer must be one, too.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    content_type.starts_with(b"application/grpc")
}

/// Returns the problem as an answer with this status: `type`, `title`, `status` and `detail` of the RFC, and `code`, `field`
/// and `remedy` as members of its own.
pub(crate) fn response(status: StatusCode, problem: &Problem) -> Response<Body> {
    let mut members = Map::new();
    members.insert("type".to_owned(), "about:blank".into());
    members.insert("title".to_owned(), status.canonical_reason().unwrap_or_default().into());
    members.insert("status".to_owned(), status.as_u16().into());
    members.insert("detail".to_owned(), problem.message.as_str().into());
    members.insert("code".to_owned(), problem_code(problem.code()).into());
    for (name, text) in [("field", &problem.field), ("remedy", &problem.remedy)] {
        if !text.is_empty() {
            members.insert(name.to_owned(), text.as_str().into());
        }
    }
    let mut response = Response::new(Body::from(Value::Object(members).to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, PROBLEM_JSON);
    response
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
        insta::assert_snapshot!(str::from_utf8(&body).unwrap(), @r#"{"code":"denied","detail":"not you","remedy":"ask somebody","status":401,"title":"Unauthorized","type":"about:blank"}"#);
    }
}
