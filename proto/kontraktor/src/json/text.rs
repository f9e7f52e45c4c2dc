//! Conversions that several shapes share: times, names and codes as text.

use jiff::Timestamp;
use kontraktor_model::value::ValueType;

use crate::v1;

/// Formats a time as RFC 3339 in UTC, to the microsecond: always of the same length, so that times sort as text. Empty for
/// a time outside the years -9999 to 9999.
pub fn time(time: prost_types::Timestamp) -> String {
    Timestamp::new(time.seconds, time.nanos).map(|time| format!("{time:.6}")).unwrap_or_default()
}

/// Formats environments as `PROJECT/ENV`, in their order.
pub fn environment_names(environments: &[v1::EnvironmentName]) -> Vec<String> {
    environments.iter().map(|name| format!("{}/{}", name.project, name.env)).collect()
}

/// Returns the name of a value type; none for a number that this version does not know.
pub(super) fn type_name(wire: i32) -> Option<&'static str> {
    crate::value_type(wire).ok().map(ValueType::as_str)
}

/// Returns a problem's code in lower case, such as `secret_not_found`.
pub fn problem_code(code: v1::ProblemCode) -> String {
    let name = code.as_str_name();
    name.strip_prefix("PROBLEM_CODE_").unwrap_or(name).to_ascii_lowercase()
}

/// Converts the wire's empty text, which means "absent", to `None`.
pub(super) fn non_empty(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_six_digits_after_the_second() {
        let stamp = |seconds, nanos| time(prost_types::Timestamp { seconds, nanos });
        assert_eq!(stamp(0, 0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(stamp(1_777_636_800, 123_456_789), "2026-05-01T12:00:00.123456Z");
        assert_eq!(stamp(i64::MAX, 0), "");
    }
}
