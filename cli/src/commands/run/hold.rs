//! Keeping the leases of dynamic secrets alive while the command runs.

use std::{
    io::{self, Write as _},
    time::Duration,
};

use jiff::Timestamp;
use kontraktor_proto::{client::Client, v1};
use tokio::task::JoinHandle;

/// How long letting go may take: the command has ended, and somebody waits.
const RELEASE_WITHIN: Duration = Duration::from_secs(5);

/// A hold that is renewed until it is released.
pub(super) struct Held {
    id: String,
    client: Client,
    renewing: JoinHandle<()>,
}

impl Held {
    pub(super) fn keep(hold: v1::Hold, client: Client, now: fn() -> Timestamp) -> Self {
        let id = hold.id.clone();
        let renewing = tokio::spawn(renew(hold, client.clone(), now));
        Self { id, client, renewing }
    }

    /// Lets go. Where that fails the daemon notices by itself that nobody renews any more.
    pub(super) async fn release(self) {
        self.renewing.abort();
        let request = v1::ReleaseHoldRequest { id: self.id };
        let _ = tokio::time::timeout(RELEASE_WITHIN, self.client.release_hold(request)).await;
    }
}

async fn renew(mut hold: v1::Hold, client: Client, now: fn() -> Timestamp) {
    loop {
        tokio::time::sleep(until(hold.renew_at, now())).await;
        match client.renew_hold(v1::RenewHoldRequest { id: hold.id.clone() }).await {
            Ok(renewed) => hold = renewed,
            Err(error) => {
                // The command goes on with what it has; nothing depends on the remark.
                let _ = writeln!(
                    io::stderr(),
                    "warning: the command's dynamic secrets are no longer kept alive: {error}"
                );
                return;
            }
        }
    }
}

/// At least a moment, so that a clock that is wrong costs no storm.
fn until(moment: Option<prost_types::Timestamp>, now: Timestamp) -> Duration {
    let left = moment
        .and_then(|moment| Timestamp::new(moment.seconds, moment.nanos).ok())
        .and_then(|moment| Duration::try_from(moment.duration_since(now)).ok());
    left.unwrap_or_default().max(Duration::from_secs(1))
}
