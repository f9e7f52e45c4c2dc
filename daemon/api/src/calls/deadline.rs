//! The deadline that a gRPC client gives its call: the work ends when nobody waits for it any more.

use std::time::Duration;

use kontraktor_proto::{
    problem::to_status,
    v1::{Problem, ProblemCode},
};
use tonic::codegen::http;

use crate::http_problem::is_grpc;

const HEADER: &str = "grpc-timeout";

/// Returns how long the client of a gRPC call waits, where it says so in the form of the protocol: 1 to 8 digits and a unit.
/// Anything else is no deadline.
pub(super) fn of(headers: &http::HeaderMap) -> Option<Duration> {
    if !is_grpc(headers) {
        return None;
    }
    let text = headers.get(HEADER)?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let is_number = (1..=8).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let amount: u64 = if is_number { digits.parse().ok()? } else { return None };
    Some(match unit {
        "H" => Duration::from_hours(amount),
        "M" => Duration::from_mins(amount),
        "S" => Duration::from_secs(amount),
        "m" => Duration::from_millis(amount),
        "u" => Duration::from_micros(amount),
        "n" => Duration::from_nanos(amount),
        _ => return None,
    })
}

/// Returns the answer to a call whose deadline has passed. Its client has most likely gone.
pub(super) fn exceeded<B: Default>() -> http::Response<B> {
    let problem = Problem::new(
        ProblemCode::DeadlineExceeded,
        "the deadline passed before the daemon answered; what was requested may still happen",
    );
    to_status(problem.with_remedy("read what there is before you repeat a write, or set a longer deadline"))
        .into_http()
}

#[cfg(test)]
mod tests {
    use kontraktor_proto::problem::from_status;
    use tonic::{Code, Status};

    use super::*;

    #[test]
    fn the_answer_says_what_is_unknown_as_a_problem() {
        let answer = exceeded::<()>();
        let status = Status::from_header_map(answer.headers()).unwrap();
        assert_eq!(status.code(), Code::DeadlineExceeded);
        let problem = from_status(&status).unwrap();
        assert_eq!(problem.code(), ProblemCode::DeadlineExceeded);
        insta::assert_snapshot!(problem, @"the deadline passed before the daemon answered; what was requested may still happen (read what there is before you repeat a write, or set a longer deadline)");
    }

    #[test]
    fn the_header_is_one_of_grpc_calls() {
        let headers =
            http::HeaderMap::from_iter([(http::HeaderName::from_static(HEADER), "1S".parse().unwrap())]);
        assert_eq!(of(&headers), None);
    }

    #[test]
    fn every_unit_of_the_protocol_is_read_and_nothing_else() {
        let read = |text: &str| {
            let mut headers = http::HeaderMap::new();
            headers.insert(http::header::CONTENT_TYPE, "application/grpc".parse().unwrap());
            headers.insert(HEADER, text.parse().unwrap());
            of(&headers)
        };
        for (text, expected) in [
            ("1H", Duration::from_hours(1)),
            ("2M", Duration::from_mins(2)),
            ("99999999S", Duration::from_secs(99_999_999)),
            ("30m", Duration::from_millis(30)),
            ("0u", Duration::ZERO),
            ("5n", Duration::from_nanos(5)),
        ] {
            assert_eq!(read(text), Some(expected), "{text}");
        }
        for text in ["", "S", "1", "1s", "1 S", "-1S", "+1S", "999999999S", "1.5S", "\u{e9}"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
