//! Requests that are no requests: each is refused with a problem, and none is the operator's business.

use http_body_util::BodyExt as _;
use kontraktor_proto::{problem::from_status, v1::ProblemCode};
use tonic::{Code, Status, transport::Channel};
use tower::ServiceExt as _;

use super::common::{Home, framed, post};

const STATUS: &str = "/kontraktor.v1.System/GetStatus";
const WRITE: &str = "/kontraktor.v1.Variables/WriteVariables";
/// Its answer is a stream.
const STREAM: &str = "/kontraktor.v1.Secrets/StreamSecret";

/// The path, the headers and the body of a request, and the code and a part of the message of its refusal.
type Case = (&'static str, Vec<(&'static str, &'static str)>, Vec<u8>, Code, &'static str);

/// Sends these bytes as the body of a request, and returns the status of the answer.
async fn send(channel: Channel, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Status {
    let answer = channel.oneshot(post(path, headers, body)).await.unwrap();
    if let Some(status) = Status::from_header_map(answer.headers()) {
        return status;
    }
    let whole = answer.into_body().collect().await.unwrap();
    Status::from_header_map(whole.trailers().expect("an answer ends with its status")).unwrap()
}

#[tokio::test]
async fn what_is_no_request_is_refused_with_a_problem_and_logged_for_nobody() {
    let home = Home::new();
    let daemon = home.start();
    // A field of type 7, which protobuf has not; a string that is longer than its message; one that is not UTF-8.
    let broken = [&[0x0f_u8][..], &[0x0a, 0x7f], &[0x0a, 0x01, 0xff]];
    let length = |message: &[u8]| u32::try_from(message.len()).unwrap();
    let mut cases: Vec<Case> = Vec::new();
    for path in [WRITE, STREAM] {
        for message in broken {
            cases.push((
                path,
                vec![],
                framed(0, length(message), message),
                Code::InvalidArgument,
                "not valid for",
            ));
        }
        cases.push((path, vec![], framed(1, 0, &[]), Code::InvalidArgument, "not valid for"));
        cases.push((path, vec![], framed(9, 0, &[]), Code::InvalidArgument, "not valid for"));
        cases.push((path, vec![], framed(0, 100, b"short"), Code::InvalidArgument, "incomplete"));
        cases.push((path, vec![], vec![0, 0], Code::InvalidArgument, "incomplete"));
        cases.push((path, vec![], Vec::new(), Code::InvalidArgument, "missing"));
        cases.push((path, vec![], framed(0, 64 * 1024 * 1024 + 1, &[]), Code::InvalidArgument, "64 MiB"));
        let compressed = vec![("grpc-encoding", "gzip")];
        cases.push((path, compressed, framed(1, 0, &[]), Code::Unimplemented, "supports no compression"));
    }
    for path in ["/kontraktor.v1.System/GetWeather", "/kontraktor.v9.System/GetStatus", "/"] {
        cases.push((path, vec![], framed(0, 0, &[]), Code::Unimplemented, "unknown method"));
    }
    for (path, headers, body, code, message) in cases {
        let status = send(daemon.channel(), path, &headers, body.clone()).await;
        let problem = from_status(&status).unwrap_or_else(|| panic!("{path} {body:?}: {status:?}"));
        let expected = match code {
            Code::Unimplemented => ProblemCode::Unimplemented,
            _ => ProblemCode::Invalid,
        };
        assert_eq!((status.code(), problem.code()), (code, expected), "{path} {body:?}: {problem}");
        assert!(problem.message.contains(message), "{path} {body:?}: {problem}");
        assert!(!problem.remedy.is_empty(), "{problem}");
    }
    // A request as it should be, so that the helper above is known to make requests.
    assert_eq!(send(daemon.channel(), STATUS, &[], framed(0, 0, &[])).await.code(), Code::Ok);
    let log = daemon.terminate().ok();
    assert!(!log.contains("refused") && !log.contains("WARN") && !log.contains("ERROR"), "{log}");
}
