//! Problems on the wire: how a [`Problem`] travels inside a gRPC status. It does not know when which code is due.

use std::fmt;

use kontraktor_model::{names::NameError, reference::ReferenceError, value::ValueError};
use prost::Message as _;
use tonic::{Code, Status};

use crate::v1::{Problem, ProblemCode};

/// The type of a problem inside `google.protobuf.Any`.
const TYPE_URL: &str = "type.googleapis.com/kontraktor.v1.Problem";

/// Status details travel in a header, and peers reject header lists over 16 KiB by default. Base64 adds a third.
const MAX_DETAIL_BYTES: usize = 8 * 1024;

/// The longest message of the status itself, in bytes. The details carry the whole text.
const MAX_STATUS_MESSAGE_BYTES: usize = 1024;

/// `google.rpc.Status`, the envelope that every gRPC library can decode.
#[derive(Clone, PartialEq, prost::Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<prost_types::Any>,
}

/// Returns the status of a call that failed with this problem.
///
/// A problem that does not fit into a header is cut: first `current` is dropped, then the message is shortened.
pub fn to_status(mut problem: Problem) -> Status {
    if problem.encoded_len() > MAX_DETAIL_BYTES {
        problem.current = None;
    }
    let excess = problem.encoded_len().saturating_sub(MAX_DETAIL_BYTES);
    if excess > 0 {
        let keep = problem.message.len().saturating_sub(excess);
        problem.message = shortened(&problem.message, keep);
        problem.remedy = shortened(&problem.remedy, MAX_STATUS_MESSAGE_BYTES);
    }
    let code = status_code(problem.code());
    let message = shortened(&problem.message, MAX_STATUS_MESSAGE_BYTES);
    let envelope = RpcStatus {
        code: i32::from(code),
        message: message.clone(),
        details: vec![prost_types::Any { type_url: TYPE_URL.to_owned(), value: problem.encode_to_vec() }],
    };
    Status::with_details(code, message, envelope.encode_to_vec().into())
}

/// Returns the problem inside a status, if it carries a valid one.
pub fn from_status(status: &Status) -> Option<Problem> {
    let envelope = RpcStatus::decode(status.details()).ok()?;
    let detail = envelope.details.into_iter().find(|detail| detail.type_url == TYPE_URL)?;
    Problem::decode(detail.value.as_slice()).ok()
}

fn shortened(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(max)])
}

/// Returns the status of HTTP for a problem of the REST API.
pub fn http_status(code: ProblemCode) -> http::StatusCode {
    statuses(code).1
}

fn status_code(code: ProblemCode) -> Code {
    statuses(code).0
}

/// The one table: the status of gRPC and of HTTP for each code.
fn statuses(code: ProblemCode) -> (Code, http::StatusCode) {
    use http::StatusCode as Http;
    match code {
        ProblemCode::Unspecified => (Code::Unknown, Http::INTERNAL_SERVER_ERROR),
        ProblemCode::Invalid | ProblemCode::InvalidReference => (Code::InvalidArgument, Http::BAD_REQUEST),
        ProblemCode::SchemaViolation => (Code::InvalidArgument, Http::UNPROCESSABLE_ENTITY),
        ProblemCode::NotFound | ProblemCode::SecretNotFound | ProblemCode::HoldGone => {
            (Code::NotFound, Http::NOT_FOUND)
        }
        ProblemCode::AlreadyExists | ProblemCode::KeyExists => (Code::AlreadyExists, Http::CONFLICT),
        ProblemCode::Conflict | ProblemCode::Skipped => (Code::Aborted, Http::CONFLICT),
        ProblemCode::NotEmpty
        | ProblemCode::BatchMismatch
        | ProblemCode::Protected
        | ProblemCode::Imported
        | ProblemCode::ImportCycle => (Code::FailedPrecondition, Http::CONFLICT),
        ProblemCode::NotASecret
        | ProblemCode::UnknownVault
        | ProblemCode::SecretVersionUnknown
        | ProblemCode::SecretDisabled
        | ProblemCode::SecretFieldMissing
        | ProblemCode::SecretNotJson => (Code::FailedPrecondition, Http::UNPROCESSABLE_ENTITY),
        ProblemCode::SecretVersionGone => (Code::FailedPrecondition, Http::GONE),
        // The vault's fault, or that of the daemon's account there: another request of the client does not help.
        ProblemCode::VaultSignIn | ProblemCode::VaultDenied => (Code::FailedPrecondition, Http::BAD_GATEWAY),
        ProblemCode::SecretTooLarge => (Code::OutOfRange, Http::UNPROCESSABLE_ENTITY),
        ProblemCode::Busy => (Code::ResourceExhausted, Http::SERVICE_UNAVAILABLE),
        ProblemCode::StorageFull => (Code::ResourceExhausted, Http::INSUFFICIENT_STORAGE),
        ProblemCode::Storage => (Code::Internal, Http::INTERNAL_SERVER_ERROR),
        ProblemCode::VaultAnswer => (Code::Internal, Http::BAD_GATEWAY),
        ProblemCode::ShuttingDown | ProblemCode::VaultUnavailable | ProblemCode::IssuerUnavailable => {
            (Code::Unavailable, Http::SERVICE_UNAVAILABLE)
        }
        ProblemCode::RateLimited => (Code::ResourceExhausted, Http::TOO_MANY_REQUESTS),
        ProblemCode::DeadlineExceeded => (Code::DeadlineExceeded, Http::GATEWAY_TIMEOUT),
        ProblemCode::Denied => (Code::PermissionDenied, Http::FORBIDDEN),
        ProblemCode::Unauthenticated => (Code::Unauthenticated, Http::UNAUTHORIZED),
        ProblemCode::Unimplemented => (Code::Unimplemented, Http::NOT_IMPLEMENTED),
        ProblemCode::StorageDamaged => (Code::DataLoss, Http::INTERNAL_SERVER_ERROR),
    }
}

impl Problem {
    /// Returns a problem with only a code and a message.
    pub fn new(code: ProblemCode, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), ..Self::default() }
    }

    /// Returns the problem with the field that it is about.
    pub fn with_field(mut self, field: impl Into<String>) -> Self {
        self.field = field.into();
        self
    }

    /// Returns the problem with what to do about it.
    pub fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }
}

/// Shows the message and the remedy.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if !self.remedy.is_empty() {
            write!(f, " ({})", self.remedy)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}

impl From<NameError> for Problem {
    fn from(error: NameError) -> Self {
        Self::new(ProblemCode::Invalid, error.to_string()).with_field(error.field())
    }
}

impl From<ReferenceError> for Problem {
    fn from(error: ReferenceError) -> Self {
        Self::new(ProblemCode::InvalidReference, error.to_string()).with_field("reference")
    }
}

impl From<ValueError> for Problem {
    fn from(error: ValueError) -> Self {
        Self::new(ProblemCode::Invalid, error.to_string()).with_field(error.field())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1::{Variable, variable::Content};

    #[test]
    fn a_problem_survives_the_status() {
        let problem = Problem::new(ProblemCode::Invalid, "value is not a bool")
            .with_field("value")
            .with_remedy("write true or false");
        let status = to_status(problem.clone());
        assert_eq!((status.code(), status.message()), (Code::InvalidArgument, "value is not a bool"));
        assert_eq!(from_status(&status), Some(problem));
    }

    #[test]
    fn a_status_without_a_problem_has_none() {
        assert_eq!(from_status(&Status::unavailable("gone")), None);
        let rubbish = Status::with_details(Code::Internal, "x", vec![0xff; 7].into());
        assert_eq!(from_status(&rubbish), None);
    }

    #[test]
    fn a_problem_too_large_for_a_header_is_cut() {
        let mut problem = Problem::new(ProblemCode::Conflict, "ü".repeat(20_000)).with_field("key");
        problem.current =
            Some(Variable { content: Some(Content::Value("v".repeat(65_536))), ..Variable::default() });
        let status = to_status(problem);
        assert!(status.details().len() < 12 * 1024, "{}", status.details().len());
        let back = from_status(&status).expect("still readable");
        assert_eq!((back.code(), back.field.as_str(), back.current), (ProblemCode::Conflict, "key", None));
        assert!(back.message.ends_with('…'));
    }

    #[test]
    fn only_the_dropped_value_is_lost_where_that_suffices() {
        let mut problem = Problem::new(ProblemCode::KeyExists, "it exists");
        problem.current =
            Some(Variable { content: Some(Content::Value("v".repeat(65_536))), ..Variable::default() });
        let back = from_status(&to_status(problem)).expect("still readable");
        assert_eq!((back.message.as_str(), back.current), ("it exists", None));
    }
}
