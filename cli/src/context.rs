//! What a command works with: the client, the output, and the clock.

use std::time::SystemTime;

use jiff::Timestamp;
use kontraktor_proto::client::Client;

use crate::{connection::Connection, error::CliError, output::Output};

pub(crate) struct Context {
    pub(crate) client: Client,
    pub(crate) out: Output,
    pub(crate) now: fn() -> Timestamp,
}

impl Context {
    /// Makes a context without connecting: the first request connects.
    pub(crate) fn new(connection: &Connection) -> Result<Self, CliError> {
        let options = connection.options()?;
        Ok(Self { client: Client::new(options), out: Output::new(), now })
    }
}

/// Returns the time; the nearest one that a timestamp can hold where the clock is set beyond the year 9999.
#[expect(
    clippy::disallowed_methods,
    reason = "the program's only clock; everything else takes the time as a parameter"
)]
fn now() -> Timestamp {
    timestamp(SystemTime::now())
}

fn timestamp(time: SystemTime) -> Timestamp {
    let nearest = if time < SystemTime::UNIX_EPOCH { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::try_from(time).unwrap_or(nearest)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_clock_out_of_range_gives_the_nearest_time() {
        let (epoch, ages) = (SystemTime::UNIX_EPOCH, Duration::from_secs(1 << 40));
        assert_eq!(timestamp(epoch), Timestamp::UNIX_EPOCH);
        assert_eq!(timestamp(epoch + ages), Timestamp::MAX);
        assert_eq!(timestamp(epoch - ages), Timestamp::MIN);
    }
}
