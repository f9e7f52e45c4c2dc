//! The system's clock, which everything else is given. A clock that cannot be right is refused at the start. One that is set
//! wrong later must not end the daemon: the nearest time that everything supports is used instead.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::SystemTime,
};

use jiff::Timestamp;

use crate::exit::{Exit, Failure};

/// The earliest time that everything here supports: TLS and HTTP count from it.
const EARLIEST: Timestamp = Timestamp::UNIX_EPOCH;

/// The latest one, at the end of the year 9999.
const LATEST: Timestamp = Timestamp::MAX;

/// Whether the clock was out of range when it was read last.
static WAS_WRONG: AtomicBool = AtomicBool::new(false);

/// How the clock is out of range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum ClockError {
    #[error("the system clock is set to a time before 1970")]
    TooEarly,
    #[error("the system clock is set to a time after the year 9999")]
    TooLate,
}

impl ClockError {
    fn nearest(self) -> Timestamp {
        match self {
            Self::TooEarly => EARLIEST,
            Self::TooLate => LATEST,
        }
    }
}

/// Refuses to start with a clock that is out of range.
pub fn check() -> Result<(), Failure> {
    match timestamp(system_time()) {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::new(Exit::Failure, error)
            .hint("set the clock, for example with `timedatectl set-time`, and start `kontraktord` again")),
    }
}

/// Returns the time. A clock that is out of range is reported once, and again only after it was right.
pub fn now() -> Timestamp {
    match timestamp(system_time()) {
        Ok(now) => {
            WAS_WRONG.store(false, Ordering::Relaxed);
            now
        }
        Err(error) => {
            let now = error.nearest();
            if !WAS_WRONG.swap(true, Ordering::Relaxed) {
                tracing::error!(%error, instead = %now, "the clock is wrong; times are recorded as the nearest possible one");
            }
            now
        }
    }
}

fn timestamp(time: SystemTime) -> Result<Timestamp, ClockError> {
    if time < SystemTime::UNIX_EPOCH {
        return Err(ClockError::TooEarly);
    }
    Timestamp::try_from(time).map_err(|_| ClockError::TooLate)
}

#[expect(clippy::disallowed_methods, reason = "this is the one clock that everything else is given")]
fn system_time() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_out_of_range_are_errors_and_never_a_panic() {
        let (epoch, second) = (SystemTime::UNIX_EPOCH, Duration::from_secs(1));
        let year_10000 = Duration::from_hours(70_389_528);
        assert_eq!(timestamp(epoch), Ok(EARLIEST));
        assert_eq!(timestamp(epoch - Duration::from_nanos(1)), Err(ClockError::TooEarly));
        assert_eq!(timestamp(epoch - second * u32::MAX), Err(ClockError::TooEarly));
        assert_eq!(timestamp(epoch + year_10000), Err(ClockError::TooLate));
        assert_eq!(timestamp(epoch + year_10000 * 10_000), Err(ClockError::TooLate));
        assert_eq!((ClockError::TooEarly.nearest(), ClockError::TooLate.nearest()), (EARLIEST, LATEST));
    }
}
