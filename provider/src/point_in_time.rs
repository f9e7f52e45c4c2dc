//! Points in time of an environment's history, as HCL writes them: a revision or a time. No network.

use kontraktor_proto::v1::{self, point_in_time};
use tfplugin_proto::value::{Type, Value};

use crate::framework::{Attr, Attribute, Diagnostic};

/// The argument `at` of the data sources.
pub(crate) fn attribute(description: &'static str) -> Attribute {
    Attribute::optional("at", Type::String, description).validator(at)
}

/// Validates an `at`.
fn at(value: &Value) -> Result<(), String> {
    parse(value.as_str().unwrap_or_default()).map(|_| ())
}

/// Parses an `at`; `None` means now.
pub(crate) fn parse_argument(at: &Attr<String>) -> Result<Option<v1::PointInTime>, Diagnostic> {
    at.known()
        .map(|text| parse(text))
        .transpose()
        .map_err(|message| Diagnostic::error("Invalid at", message).at("at"))
}

fn parse(text: &str) -> Result<v1::PointInTime, String> {
    let at = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        match text.parse() {
            Ok(revision) if revision > 0 => Some(point_in_time::At::Revision(revision)),
            _ => {
                return Err("at must be a revision between 1 and 2^64 - 1, or a time.".to_owned());
            }
        }
    } else {
        text.parse().ok().filter(|_| has_offset(text)).map(point_in_time::At::Time)
    };
    at.map(|at| v1::PointInTime { at: Some(at) }).ok_or_else(|| {
        "at must be a revision, such as \"12\", or an RFC 3339 time with an offset, such as \"2026-05-01T08:00:00Z\" or \
         \"2026-05-01T10:00:00+02:00\"."
            .to_owned()
    })
}

/// Returns whether a time has an offset. The parser reads a time without one as UTC, which its author may not have meant.
fn has_offset(text: &str) -> bool {
    let Some((_, time)) = text.split_once(['T', 't']) else { return false };
    time.ends_with(['Z', 'z']) || time.contains(['+', '-'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> point_in_time::At {
        parse_argument(&text.into()).expect("a valid at").and_then(|point| point.at).expect("not now")
    }

    #[test]
    fn digits_are_a_revision_and_all_else_is_a_time() {
        assert_eq!(at("12"), point_in_time::At::Revision(12));
        assert_eq!(at("2026-05-01T10:00:00.5+02:00"), at("2026-05-01T08:00:00.500Z"));
        let point_in_time::At::Time(time) = at("1970-01-02T00:00:00Z") else { panic!("it is a time") };
        assert_eq!((time.seconds, time.nanos), (86_400, 0));
        assert_eq!(parse_argument(&Attr::Null).expect("null is valid"), None);
    }

    #[test]
    fn what_is_neither_is_refused_with_both_forms() {
        for text in [
            "",
            "x",
            "-1",
            "1.5",
            "yesterday",
            "2026-05-01",
            "2026-05-01T08:00:00",
            "2026-13-01T08:00:00Z",
            "T+",
            "+1",
            "2026-05-01 08:00:00Z",
            "2026-05-01T08:00:00+99:00",
        ] {
            let message = parse_argument(&text.into()).expect_err(text).detail;
            assert!(message.starts_with("at must be a revision, such as"), "{text:?}: {message}");
        }
        for text in ["0", "99999999999999999999"] {
            let message = parse_argument(&text.into()).expect_err(text).detail;
            assert!(message.starts_with("at must be a revision between"), "{text:?}: {message}");
        }
    }
}
