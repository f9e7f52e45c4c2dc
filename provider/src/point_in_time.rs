//! Moments of an environment's history, as HCL writes them: a revision or a time. No network.

use kontraktor_proto::v1::{self, point_in_time};
use tfplugin_proto::value::{Type, Value};

use crate::framework::{Attr, Attribute, Diagnostic};

/// The argument `at` of the data sources.
pub(crate) fn attribute(description: &'static str) -> Attribute {
    Attribute::optional("at", Type::String, description).check(at)
}

/// The check of an `at`.
fn at(value: &Value) -> Result<(), String> {
    parse(value.as_str().unwrap_or_default()).map(|_| ())
}

/// The moment that an `at` names; `None`: now.
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
                return Err(
                    "at is not a revision: revisions are whole numbers from 1 to 2^64 - 1.".to_owned()
                );
            }
        }
    } else {
        text.parse().ok().filter(|_| has_offset(text)).map(point_in_time::At::Time)
    };
    at.map(|at| v1::PointInTime { at: Some(at) }).ok_or_else(|| {
        "at is neither a revision nor a time: write a revision such as \"12\", or a time with its offset by RFC 3339, \
         such as \"2026-05-01T08:00:00Z\" or \"2026-05-01T10:00:00+02:00\"."
            .to_owned()
    })
}

/// Whether a time says where: the parser takes one that does not for UTC, which its author may not have meant.
fn has_offset(text: &str) -> bool {
    let Some((_, time)) = text.split_once(['T', 't']) else { return false };
    time.ends_with(['Z', 'z']) || time.contains(['+', '-'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> point_in_time::At {
        parse_argument(&text.into()).expect("a moment").and_then(|moment| moment.at).expect("not now")
    }

    #[test]
    fn digits_are_a_revision_and_all_else_is_a_time() {
        assert_eq!(at("12"), point_in_time::At::Revision(12));
        assert_eq!(at("2026-05-01T10:00:00.5+02:00"), at("2026-05-01T08:00:00.500Z"));
        let point_in_time::At::Time(time) = at("1970-01-02T00:00:00Z") else { panic!("it is a time") };
        assert_eq!((time.seconds, time.nanos), (86_400, 0));
        assert_eq!(parse_argument(&Attr::Null).expect("none is fine"), None);
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
            let told = parse_argument(&text.into()).expect_err(text).detail;
            assert!(told.starts_with("at is neither a revision nor a time"), "{text:?}: {told}");
        }
        for text in ["0", "99999999999999999999"] {
            let told = parse_argument(&text.into()).expect_err(text).detail;
            assert!(told.starts_with("at is not a revision"), "{text:?}: {told}");
        }
    }
}
