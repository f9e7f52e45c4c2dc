//! Points in time as they are written on the command line: revisions, times, and durations before now.

use std::{fmt, str::FromStr, time::Duration};

use jiff::Timestamp;
use kontraktor_model::names::EnvPath;
use kontraktor_proto::v1::{self, point_in_time};

const TIME_RULE: &str =
    "expected a duration before now (30m, 2h, 7d) or an RFC 3339 time with its offset (2026-05-01T08:00:00Z)";
const POINT_IN_TIME_RULE: &str = "expected a revision (12), an RFC 3339 time with its offset (2026-05-01T08:00:00Z), \
                                  or a duration before now (30m, 2h, 7d)";
const REVISION_RULE: &str = "expected a revision (12); `ktr var history` lists them";
const ZERO_REVISION: &str = "the first revision is 1";

/// A time, or a duration before now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimeSpec {
    Ago(Duration),
    At(Timestamp),
}

impl TimeSpec {
    /// Returns the time for the wire. A duration that reaches back before 1970 means 1970.
    pub(crate) fn resolve(self, now: Timestamp) -> prost_types::Timestamp {
        let time = match self {
            Self::At(time) => time,
            Self::Ago(duration) => now.checked_sub(duration).unwrap_or(Timestamp::UNIX_EPOCH),
        };
        // To the microsecond, as the log's times are; more digits would only make messages longer.
        let nanos = time.subsec_nanosecond() / 1000 * 1000;
        prost_types::Timestamp { seconds: time.as_second(), nanos }
    }
}

impl FromStr for TimeSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(duration) = humantime::parse_duration(text) {
            return Ok(Self::Ago(duration));
        }
        text.parse().map(Self::At).map_err(|_| TIME_RULE.to_owned())
    }
}

/// A revision or a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PointInTimeSpec {
    kind: SpecKind,
    /// As it was written.
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SpecKind {
    Revision(u64),
    Time(TimeSpec),
}

impl PointInTimeSpec {
    /// Returns the point in time for the wire.
    pub(crate) fn resolve(&self, now: Timestamp) -> v1::PointInTime {
        let at = match self.kind {
            SpecKind::Revision(revision) => point_in_time::At::Revision(revision),
            SpecKind::Time(time) => point_in_time::At::Time(time.resolve(now)),
        };
        v1::PointInTime { at: Some(at) }
    }

    pub(crate) fn is_revision(&self) -> bool {
        matches!(self.kind, SpecKind::Revision(_))
    }
}

impl fmt::Display for PointInTimeSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// Parses an option that accepts a revision and no time.
pub(crate) fn parse_revision(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(0) => Err(ZERO_REVISION.to_owned()),
        Ok(revision) => Ok(revision),
        Err(_) => Err(REVISION_RULE.to_owned()),
    }
}

impl FromStr for PointInTimeSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let kind = if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
            match text.parse() {
                Ok(0) => return Err(ZERO_REVISION.to_owned()),
                Ok(revision) => SpecKind::Revision(revision),
                Err(_) => return Err(POINT_IN_TIME_RULE.to_owned()),
            }
        } else {
            SpecKind::Time(text.parse().map_err(|_| POINT_IN_TIME_RULE.to_owned())?)
        };
        Ok(Self { kind, text: text.to_owned() })
    }
}

/// `PROJECT/ENV`, `PROJECT/ENV@POINT`, or `@POINT` for an environment that is named elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SnapshotSpec {
    pub(crate) environment: Option<EnvPath>,
    pub(crate) at: Option<PointInTimeSpec>,
}

impl FromStr for SnapshotSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (environment, at) = match text.split_once('@') {
            // Names have no "@", so the first one ends the name.
            Some((environment, at)) => (environment, Some(at.parse()?)),
            None => (text, None),
        };
        let environment = match environment {
            "" if at.is_some() => None,
            name => Some(name.parse().map_err(|error| format!("{error}"))?),
        };
        Ok(Self { environment, at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> Timestamp {
        "2026-05-01T12:00:00Z".parse().expect("a time")
    }

    #[test]
    fn durations_count_back_from_now() {
        let now = noon();
        let resolve = |text: &str| text.parse::<TimeSpec>().expect("a time").resolve(now);
        let noon = now.as_second();
        assert_eq!(resolve("2h").seconds, noon - 7200);
        assert_eq!(resolve("1day 1h").seconds, noon - 90_000);
        assert_eq!(resolve("2026-05-01T14:00:00+02:00").seconds, noon);
        assert_eq!(resolve("2026-05-01T12:00:00.000001Z").nanos, 1000);
        assert_eq!(resolve("500000years").seconds, 0);
    }

    #[test]
    fn other_texts_are_not_times() {
        for text in ["", "yesterday", "2026-05-01", "2026-05-01T12:00:00", "-2h", "2"] {
            assert!(text.parse::<TimeSpec>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn digits_are_a_revision_and_everything_else_is_a_time() {
        let now = noon();
        let resolve = |text: &str| {
            text.parse::<PointInTimeSpec>().expect("a point in time").resolve(now).at.expect("one of both")
        };
        let seconds = |seconds| point_in_time::At::Time(prost_types::Timestamp { seconds, nanos: 0 });
        assert_eq!(resolve("12"), point_in_time::At::Revision(12));
        assert_eq!(resolve("2h"), seconds(now.as_second() - 7200));
        assert_eq!(resolve("2026-05-01T14:00:00+02:00"), seconds(now.as_second()));
    }

    #[test]
    fn other_texts_are_refused_with_the_rule() {
        for text in ["", "x", "-1", "1.5", "yesterday", "2026-05-01", "99999999999999999999"] {
            assert_eq!(text.parse::<PointInTimeSpec>().expect_err("refused"), POINT_IN_TIME_RULE, "{text:?}");
        }
        assert_eq!("0".parse::<PointInTimeSpec>().expect_err("no revision"), ZERO_REVISION);
        assert_eq!(parse_revision("0"), Err(ZERO_REVISION.to_owned()));
        assert_eq!(parse_revision("2h"), Err(REVISION_RULE.to_owned()));
        assert_eq!(parse_revision("12"), Ok(12));
    }

    #[test]
    fn snapshots_have_an_environment_or_a_point_in_time_or_both() {
        let parse = |text: &str| {
            let spec: SnapshotSpec = text.parse().expect("a snapshot");
            (spec.environment.map(|path| path.to_string()), spec.at.map(|at| at.to_string()))
        };
        assert_eq!(parse("infra-demo/dev"), (Some("infra-demo/dev".to_owned()), None));
        assert_eq!(parse("infra-demo/dev@7"), (Some("infra-demo/dev".to_owned()), Some("7".to_owned())));
        assert_eq!(parse("@2026-05-01T08:00:00Z"), (None, Some("2026-05-01T08:00:00Z".to_owned())));
        for text in ["", "@", "dev", "infra-demo/dev@", "infra-demo/dev@x", "a/b@1@2", "a/b/c@1"] {
            assert!(text.parse::<SnapshotSpec>().is_err(), "{text:?}");
        }
    }
}
