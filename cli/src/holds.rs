//! Keeping the leases of dynamic secrets alive while something uses them.

use std::time::Duration;

use jiff::Timestamp;
use kontraktor_proto::{
    client::Client,
    v1::{self, ProblemCode},
};
use tokio::task::JoinHandle;

use crate::terminal::warn;

/// The time limit for a release: the command has ended, and someone waits for ktr.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(5);

/// The shortest time between two renewals, so that a wrong clock does not flood the daemon.
const MIN_RENEWAL_INTERVAL: Duration = Duration::from_secs(1);

/// A hold that is renewed in the background until it is released.
pub(crate) struct RenewedHold {
    id: String,
    client: Client,
    renewal: JoinHandle<()>,
}

impl RenewedHold {
    /// Starts renewing the hold. Needs a running tokio.
    pub(crate) fn start(hold: v1::Hold, client: Client, now: fn() -> Timestamp) -> Self {
        let id = hold.id.clone();
        let renewal = tokio::spawn(renew(hold, client.clone(), now));
        Self { id, client, renewal }
    }

    /// Stops renewing and releases the hold. If the release fails, the daemon ends the hold when it is no longer renewed.
    pub(crate) async fn release(self) {
        self.renewal.abort();
        let request = v1::ReleaseHoldRequest { id: self.id };
        let _ = tokio::time::timeout(RELEASE_TIMEOUT, self.client.release_hold(request)).await;
    }
}

/// Renews the hold until the task is aborted. If a lease under it has ended, the daemon reports that each time and keeps the
/// others alive; so no response is a reason to stop.
async fn renew(mut hold: v1::Hold, client: Client, now: fn() -> Timestamp) {
    let mut last_warning = String::new();
    let mut interval = duration_until(hold.renew_time, now());
    let mut wait = interval;
    loop {
        tokio::time::sleep(wait.max(MIN_RENEWAL_INTERVAL)).await;
        match client.renew_hold(v1::RenewHoldRequest { id: hold.id.clone() }).await {
            Ok(renewed) => {
                hold = renewed;
                interval = duration_until(hold.renew_time, now());
                wait = interval;
                last_warning.clear();
            }
            Err(error) => {
                let is_answered =
                    error.problem().is_some_and(|problem| problem.code() == ProblemCode::HoldGone);
                let left = duration_until(hold.expire_time, now());
                wait = if is_answered || left.is_zero() { interval } else { left / 2 };
                let message = error.to_string();
                if message != last_warning {
                    warn(&format!("cannot renew all leases of the command's dynamic secrets: {message}"));
                    last_warning = message;
                }
            }
        }
    }
}

/// Returns how long it is from `now` to `time`; zero if it is past or missing.
fn duration_until(time: Option<prost_types::Timestamp>, now: Timestamp) -> Duration {
    time.and_then(|time| Timestamp::new(time.seconds, time.nanos).ok())
        .and_then(|time| Duration::try_from(time.duration_since(now)).ok())
        .unwrap_or_default()
}
