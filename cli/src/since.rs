//! `--since`: a point in time, or how long ago it was.

use std::{str::FromStr, time::Duration};

use jiff::Timestamp;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    Ago(Duration),
    At(Timestamp),
}

impl Since {
    /// The moment that is meant, as the API writes it. Longer ago than time itself means from the beginning.
    pub(crate) fn resolve(self, now: Timestamp) -> prost_types::Timestamp {
        let at = match self {
            Self::At(at) => at,
            Self::Ago(duration) => now.checked_sub(duration).unwrap_or(Timestamp::UNIX_EPOCH),
        };
        // To the microsecond, as the log's times are; more would only make messages long.
        let nanos = at.subsec_nanosecond() / 1000 * 1000;
        prost_types::Timestamp { seconds: at.as_second(), nanos }
    }
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(duration) = humantime::parse_duration(text) {
            return Ok(Self::Ago(duration));
        }
        text.parse().map(Self::At).map_err(|_| {
            "write how long ago, as in 30m, 2h or 7d, or a time with its offset (RFC 3339), as in 2026-05-01T08:00:00Z"
                .to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_count_back_from_now() {
        let now: Timestamp = "2026-05-01T12:00:00Z".parse().expect("a time");
        let resolve = |text: &str| text.parse::<Since>().expect("a point in time").resolve(now);
        let noon = now.as_second();
        assert_eq!(resolve("2h").seconds, noon - 7200);
        assert_eq!(resolve("1day 1h").seconds, noon - 90_000);
        assert_eq!(resolve("2026-05-01T14:00:00+02:00").seconds, noon);
        assert_eq!(resolve("2026-05-01T12:00:00.000001Z").nanos, 1000);
        assert_eq!(resolve("500000years").seconds, 0);
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "yesterday", "2026-05-01", "2026-05-01T12:00:00", "-2h", "2"] {
            assert!(text.parse::<Since>().is_err(), "{text:?}");
        }
    }
}
