//! Errors that the gRPC library reports itself, before or after our own code ran: it knows nothing of problems, so they are
//! rewritten as refusals like all others.
//!
//! What our code refuses carries details; what the library refuses does not. That distinguishes the two.

use kontraktor_model::limits::{MAX_ANSWER_BYTES, MAX_MESSAGE_BYTES};
use kontraktor_proto::{
    problem::to_status,
    v1::{Problem, ProblemCode},
};
use tonic::{
    Code, Status,
    codegen::http::{HeaderMap, HeaderValue, Request, Uri},
};

/// The header in which a client says how its messages are compressed.
const ENCODING: &str = "grpc-encoding";

/// The parts of a request that explain why the library refused it.
#[derive(Debug, Clone)]
pub(super) struct RequestParts {
    uri: Uri,
    encoding: Option<HeaderValue>,
}

impl RequestParts {
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        Self { uri: request.uri().clone(), encoding: request.headers().get(ENCODING).cloned() }
    }

    fn is_compressed(&self) -> bool {
        self.encoding.as_ref().is_some_and(|encoding| encoding != "identity")
    }

    /// Rewrites the refusal of a request that did not reach our code. Returns whether it was one.
    pub(super) fn explain(&self, headers: &mut HeaderMap) -> bool {
        let Some(code) = unexplained(headers) else { return false };
        let problem = match code {
            Code::OutOfRange => Problem::new(
                ProblemCode::Invalid,
                format!("the request is larger than {MAX_MESSAGE_BYTES} bytes (64 MiB), the maximum"),
            )
            .with_remedy("send it in several smaller batches"),
            Code::Unimplemented if self.is_compressed() => Problem::new(
                ProblemCode::Unimplemented,
                "the request is compressed, and the daemon supports no compression",
            )
            .with_remedy("send it uncompressed"),
            Code::Unimplemented => {
                Problem::new(ProblemCode::Unimplemented, format!("unknown method {}", self.uri.path()))
                    .with_remedy("use the same version of the client and kontraktord")
            }
            // The health service's answer for a service that it does not know.
            Code::NotFound => Problem::new(ProblemCode::NotFound, "unknown service").with_field("service"),
            // The library has several codes for this: a compression flag that is invalid, a message that is incomplete or no
            // protobuf, a stream that the client reset. All are faults of the client.
            _ => Problem::new(
                ProblemCode::Invalid,
                format!("the request's message is missing, incomplete or not valid for {}", self.uri.path()),
            )
            .with_remedy("send one message of the method's request type, encoded as protobuf"),
        };
        replace(headers, problem)
    }
}

/// Rewrites the error that ends an answer which could not be sent. Returns whether it was one.
pub(super) fn explain_answer(trailers: &mut HeaderMap) -> bool {
    if unexplained(trailers) != Some(Code::OutOfRange) {
        return false;
    }
    let problem = Problem::new(
        ProblemCode::Invalid,
        format!("the answer is larger than {MAX_ANSWER_BYTES} bytes (1 GiB), the maximum"),
    )
    .with_remedy("request less at once, such as the variables with one prefix");
    replace(trailers, problem)
}

/// Returns the code of an error without details.
fn unexplained(headers: &HeaderMap) -> Option<Code> {
    let code = super::code(headers);
    (code != Code::Ok && !headers.contains_key(Status::GRPC_STATUS_DETAILS)).then_some(code)
}

fn replace(headers: &mut HeaderMap, problem: Problem) -> bool {
    if let Err(status) = to_status(problem).add_header(headers) {
        tracing::warn!(%status, "cannot render a refusal");
        return false;
    }
    true
}

#[cfg(test)]
mod tests {
    use kontraktor_proto::problem::from_status;

    use super::*;

    fn headers(status: Status) -> HeaderMap {
        let mut headers = HeaderMap::new();
        status.add_header(&mut headers).unwrap();
        headers
    }

    fn request(encoding: Option<&'static str>) -> RequestParts {
        let encoding = encoding.map(HeaderValue::from_static);
        RequestParts { uri: Uri::from_static("/kontraktor.v1.System/GetStatus"), encoding }
    }

    #[test]
    fn every_error_of_the_library_becomes_a_problem_and_keeps_its_meaning() {
        let explained = |code: Code, encoding| {
            let mut headers = headers(Status::new(code, "in the library's words"));
            assert!(request(encoding).explain(&mut headers), "{code:?}");
            let status = Status::from_header_map(&headers).unwrap();
            format!("{:?}: {}", status.code(), from_status(&status).unwrap())
        };
        insta::assert_snapshot!(explained(Code::OutOfRange, None), @"InvalidArgument: the request is larger than 67108864 bytes (64 MiB), the maximum (send it in several smaller batches)");
        insta::assert_snapshot!(explained(Code::Unimplemented, None), @"Unimplemented: unknown method /kontraktor.v1.System/GetStatus (use the same version of the client and kontraktord)");
        insta::assert_snapshot!(explained(Code::Unimplemented, Some("gzip")), @"Unimplemented: the request is compressed, and the daemon supports no compression (send it uncompressed)");
        insta::assert_snapshot!(explained(Code::NotFound, None), @"NotFound: unknown service");
        for code in (1..=16).map(Code::from_i32) {
            if !matches!(code, Code::OutOfRange | Code::Unimplemented | Code::NotFound) {
                assert_eq!(
                    explained(code, Some("identity")),
                    "InvalidArgument: the request's message is missing, incomplete or not valid for \
                     /kontraktor.v1.System/GetStatus (send one message of the method's request type, encoded as protobuf)"
                );
            }
        }
    }

    #[test]
    fn what_our_code_refused_or_answered_is_left_alone() {
        let too_large = to_status(Problem::new(ProblemCode::SecretTooLarge, "larger than 16 MiB"));
        assert_eq!(too_large.code(), Code::OutOfRange);
        for before in [HeaderMap::new(), headers(Status::ok("")), headers(too_large)] {
            let mut after = before.clone();
            assert!(!request(None).explain(&mut after) && !explain_answer(&mut after));
            assert_eq!(after, before);
        }
    }

    #[test]
    fn an_answer_that_is_too_large_is_explained_at_its_end() {
        let mut trailers = headers(Status::out_of_range("in the library's words"));
        assert!(explain_answer(&mut trailers));
        let problem = from_status(&Status::from_header_map(&trailers).unwrap()).unwrap();
        insta::assert_snapshot!(problem, @"the answer is larger than 1073741824 bytes (1 GiB), the maximum (request less at once, such as the variables with one prefix)");
    }
}
