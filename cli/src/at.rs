//! Moments of an environment's history, as they are written on the command line: a revision or a time. It knows
//! nothing of what stood at them.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use kontraktor_model::names::EnvPath;
use kontraktor_proto::v1::{self, point_in_time};

use crate::since::Since;

/// A revision, a time, or how long ago it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct At {
    moment: PointInTime,
    /// As it was written.
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PointInTime {
    Revision(u64),
    Time(Since),
}

impl At {
    /// The moment that is meant, as the API writes it.
    pub(crate) fn resolve(&self, now: Timestamp) -> v1::PointInTime {
        let at = match self.moment {
            PointInTime::Revision(revision) => point_in_time::At::Revision(revision),
            PointInTime::Time(since) => point_in_time::At::Time(since.resolve(now)),
        };
        v1::PointInTime { at: Some(at) }
    }

    /// Whether it is a revision, and not a time.
    pub(crate) fn is_revision(&self) -> bool {
        matches!(self.moment, PointInTime::Revision(_))
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

const RULE: &str = "write a revision, as in 12, a time with its offset (RFC 3339), as in 2026-05-01T08:00:00Z, \
                    or how long ago it was, as in 30m, 2h or 7d";

/// Where a revision is meant and a time is not.
pub(crate) fn revision(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(0) => Err("revisions are counted from 1".to_owned()),
        Ok(revision) => Ok(revision),
        Err(_) => Err("write a revision, as in 12; ktr var history shows them".to_owned()),
    }
}

impl FromStr for At {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let moment = if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
            match text.parse() {
                Ok(0) => return Err("revisions are counted from 1".to_owned()),
                Ok(revision) => PointInTime::Revision(revision),
                Err(_) => return Err(RULE.to_owned()),
            }
        } else {
            PointInTime::Time(text.parse().map_err(|_| RULE.to_owned())?)
        };
        Ok(Self { moment, text: text.to_owned() })
    }
}

/// `PROJECT/ENV`, `PROJECT/ENV@MOMENT`, or `@MOMENT` for another moment of an environment that is named elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) environment: Option<EnvPath>,
    pub(crate) at: Option<At>,
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (environment, at) = match text.split_once('@') {
            // No name has an "@", so the first one ends it.
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

    #[test]
    fn digits_are_a_revision_and_all_else_is_a_time() {
        let now: Timestamp = "2026-05-01T12:00:00Z".parse().expect("a time");
        let resolve =
            |text: &str| text.parse::<At>().expect("a moment").resolve(now).at.expect("one of both");
        let seconds = |seconds| point_in_time::At::Time(prost_types::Timestamp { seconds, nanos: 0 });
        assert_eq!(resolve("12"), point_in_time::At::Revision(12));
        assert_eq!(resolve("2h"), seconds(now.as_second() - 7200));
        assert_eq!(resolve("2026-05-01T14:00:00+02:00"), seconds(now.as_second()));
    }

    #[test]
    fn anything_else_is_refused_with_the_rule() {
        for text in ["", "x", "-1", "1.5", "yesterday", "2026-05-01", "99999999999999999999"] {
            assert_eq!(text.parse::<At>().expect_err("no moment"), RULE, "{text:?}");
        }
        assert_eq!("0".parse::<At>().expect_err("no revision"), "revisions are counted from 1");
        assert_eq!(revision("0"), Err("revisions are counted from 1".to_owned()));
        assert_eq!(revision("2h"), Err("write a revision, as in 12; ktr var history shows them".to_owned()));
        assert_eq!(revision("12"), Ok(12));
    }

    #[test]
    fn places_have_an_environment_or_a_moment_or_both() {
        let place = |text: &str| {
            let place: Place = text.parse().expect("a place");
            (place.environment.map(|path| path.to_string()), place.at.map(|at| at.to_string()))
        };
        assert_eq!(place("infra-demo/dev"), (Some("infra-demo/dev".to_owned()), None));
        assert_eq!(place("infra-demo/dev@7"), (Some("infra-demo/dev".to_owned()), Some("7".to_owned())));
        assert_eq!(place("@2026-05-01T08:00:00Z"), (None, Some("2026-05-01T08:00:00Z".to_owned())));
        for text in ["", "@", "dev", "infra-demo/dev@", "infra-demo/dev@x", "a/b@1@2", "a/b/c@1"] {
            assert!(text.parse::<Place>().is_err(), "{text:?}");
        }
    }
}
