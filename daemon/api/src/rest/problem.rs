//! Errors as RFC 9457 has them: `application/problem+json`, with the codes that gRPC's `Problem` has.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use kontraktor_domain::{Code, Refusal};
use kontraktor_model::{access::AccessError, names::NameError, reference::ReferenceError};
use kontraktor_proto::{
    json::{self, problem_code},
    problem::http_status,
    v1,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::grpc;

/// The media type of a problem.
pub(super) const MEDIA_TYPE: &str = "application/problem+json";

/// Why a request failed (RFC 9457). Members that do not apply are absent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "type": "urn:kontraktor:problem:not_found",
    "title": "Not found",
    "status": 404,
    "detail": "project \"infra-demo\" does not exist",
    "code": "not_found",
    "field": "project",
    "remedy": "create it first"
}))]
pub(super) struct ProblemBody {
    /// `urn:kontraktor:problem:` and the code.
    #[serde(rename = "type")]
    problem_type: String,
    /// The code in words.
    title: String,
    /// The status of the answer.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What is wrong, in one sentence, with the limit that applies.
    detail: String,
    /// The code that the gRPC API has for the same, in lower case.
    code: String,
    /// The parameter or member that caused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    /// How to fix it.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
    /// After how many milliseconds the same request may succeed.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
    /// `conflict`, `key_exists`: the current variable.
    #[serde(skip_serializing_if = "Option::is_none")]
    current: Option<Box<json::Variable>>,
    /// `conflict`, `key_exists`: the current secret reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    current_secret_reference: Option<Box<json::SecretReference>>,
    /// Status 412: the current revision; absent where the resource does not exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    current_revision: Option<u64>,
    /// `schema_violation`: where.
    #[serde(skip_serializing_if = "Option::is_none")]
    schema_violation: Option<SchemaViolation>,
}

/// How a value violates a schema. It never contains the value.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SchemaViolation {
    /// The schema's name in its project.
    schema: String,
    /// JSON Pointer into the schema, to the keyword that failed.
    schema_path: String,
    /// JSON Pointer into the value; empty for the whole value.
    value_path: String,
}

/// A failed request.
#[derive(Debug)]
pub(super) struct Problem {
    body: Box<ProblemBody>,
    allow: Option<HeaderValue>,
}

impl Problem {
    /// Returns a problem with a status of its own: for what HTTP knows and the rules do not.
    pub(super) fn with_status(status: StatusCode, refusal: Refusal) -> Self {
        Self::from(refusal).at(status)
    }

    /// The same problem with another status.
    pub(super) fn at(mut self, status: StatusCode) -> Self {
        self.body.status = status.as_u16();
        self
    }

    pub(super) fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Refusal::invalid(field, message).into()
    }

    /// Names another field than the service does.
    pub(super) fn renamed(mut self, from: &str, to: &str) -> Self {
        if self.body.field.as_deref() == Some(from) {
            self.body.field = Some(to.to_owned());
        }
        self
    }

    /// The methods that the resource has.
    pub(super) fn allow(mut self, methods: Option<HeaderValue>) -> Self {
        self.allow = methods;
        self
    }

    /// The revision that the resource has now, where a precondition failed.
    pub(super) fn current_revision(mut self, revision: Option<u64>) -> Self {
        self.body.current_revision = revision;
        self
    }

    /// Makes a conflict a failed precondition, for requests that sent one.
    pub(super) fn precondition(mut self) -> Self {
        if matches!(self.body.code.as_str(), "conflict" | "key_exists") {
            self.body.status = StatusCode::PRECONDITION_FAILED.as_u16();
            let revision = self.body.current.as_ref().map(|current| current.revision);
            let reference = self.body.current_secret_reference.as_ref().map(|current| current.revision);
            self.body.current_revision = self.body.current_revision.or(revision).or(reference);
            return self.renamed("version", "if-match");
        }
        self
    }

    pub(super) fn is_not_found(&self) -> bool {
        self.body.status == StatusCode::NOT_FOUND
    }

    pub(super) fn into_body(self) -> ProblemBody {
        *self.body
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        grpc::problem(&refusal).into()
    }
}

impl From<v1::Problem> for Problem {
    fn from(problem: v1::Problem) -> Self {
        let code = problem.code();
        let name = problem_code(code);
        let (current, current_secret_reference) = match problem.current {
            Some(variable) if variable.reference().is_some() => {
                (None, json::SecretReference::from_variable(variable).map(Box::new))
            }
            Some(variable) => (Some(Box::new(variable.into())), None),
            None => (None, None),
        };
        let body = ProblemBody {
            problem_type: format!("urn:kontraktor:problem:{name}"),
            title: title(&name),
            status: http_status(code).as_u16(),
            detail: problem.message,
            code: name,
            field: Some(problem.field).filter(|field| !field.is_empty()),
            remedy: Some(problem.remedy).filter(|remedy| !remedy.is_empty()),
            retry_after_ms: Some(problem.retry_after_ms).filter(|wait| *wait > 0),
            current,
            current_secret_reference,
            current_revision: None,
            schema_violation: problem.schema_violation.map(|violation| SchemaViolation {
                schema: violation.schema,
                schema_path: violation.schema_path,
                value_path: violation.value_path,
            }),
        };
        Self { body: Box::new(body), allow: None }
    }
}

impl From<NameError> for Problem {
    fn from(error: NameError) -> Self {
        Refusal::from(error).into()
    }
}

impl From<AccessError> for Problem {
    fn from(error: AccessError) -> Self {
        Refusal::from(error).into()
    }
}

impl From<ReferenceError> for Problem {
    fn from(error: ReferenceError) -> Self {
        Refusal::from(error).into()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.body.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let bytes = serde_json::to_vec(&self.body).unwrap_or_default();
        let mut response = (status, bytes).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(milliseconds) = self.body.retry_after_ms {
            headers.insert(header::RETRY_AFTER, milliseconds.div_ceil(1000).into());
        }
        if let Some(allow) = self.allow {
            headers.insert(header::ALLOW, allow);
        }
        response
    }
}

/// Returns the problem of an item of a batch, whose status is that which a request for it alone would have had.
pub(super) fn of_item(refusal: &Refusal) -> ProblemBody {
    Problem::from(grpc::problem(refusal)).into_body()
}

/// The path is no resource.
pub(super) fn no_such_path() -> Problem {
    Refusal::new(Code::NotFound, "the path does not exist")
        .remedy("see /openapi.json for the paths that exist")
        .into()
}

/// The resource exists, and does not have the method.
pub(super) fn no_such_method(allow: Option<HeaderValue>) -> Problem {
    let methods = allow.as_ref().and_then(|allow| allow.to_str().ok()).unwrap_or_default().to_owned();
    let refusal = Refusal::new(Code::Invalid, "the resource does not have this method")
        .remedy(format!("use one of {}", methods.replace(',', ", ")));
    Problem::with_status(StatusCode::METHOD_NOT_ALLOWED, refusal).allow(allow)
}

fn title(code: &str) -> String {
    let mut words = code.replace('_', " ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

#[cfg(test)]
mod tests {
    use kontraktor_proto::v1::ProblemCode;

    use super::*;

    #[test]
    fn every_code_has_a_status_of_an_error_and_a_title() {
        for number in 1..=64 {
            let Ok(code) = ProblemCode::try_from(number) else { continue };
            let problem = Problem::from(v1::Problem::new(code, "what is wrong"));
            assert!((400..600).contains(&problem.body.status), "{code:?}");
            assert!(problem.body.title.starts_with(|first: char| first.is_ascii_uppercase()), "{code:?}");
        }
    }

    #[test]
    fn what_does_not_apply_is_absent() {
        let problem = Problem::from(Refusal::new(Code::Busy, "the write queue is full").retry_after_ms(50));
        let shown = serde_json::to_string(&problem.body).unwrap();
        insta::assert_snapshot!(shown, @r#"{"type":"urn:kontraktor:problem:busy","title":"Busy","status":503,"detail":"the write queue is full","code":"busy","retry_after_ms":50}"#);
        assert_eq!(problem.into_response().headers()["retry-after"], "1");
    }
}
