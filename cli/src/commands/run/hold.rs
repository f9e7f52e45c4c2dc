//! Keeping the leases of dynamic secrets alive while the command runs.

use std::time::Duration;

use jiff::Timestamp;
use kontraktor_proto::{
    client::Client,
    v1::{self, ProblemCode},
};
use tokio::task::JoinHandle;

use crate::output::warn;

/// How long letting go may take: the command has ended, and somebody waits.
const RELEASE_WITHIN: Duration = Duration::from_secs(5);

/// A clock that is wrong shall cost no storm.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

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

/// Renews it for as long as the command runs, which goes on in any case with what it has. Where a lease under it has ended,
/// the daemon says so each time and keeps the others; so no answer is a reason to stop.
async fn renew(mut hold: v1::Hold, client: Client, now: fn() -> Timestamp) {
    let mut warned = String::new();
    let mut usual = until(hold.renew_at, now());
    let mut wait = usual;
    loop {
        tokio::time::sleep(wait.max(SHORTEST_WAIT)).await;
        match client.renew_hold(v1::RenewHoldRequest { id: hold.id.clone() }).await {
            Ok(renewed) => {
                hold = renewed;
                usual = until(hold.renew_at, now());
                wait = usual;
                warned.clear();
            }
            Err(error) => {
                let is_heard = error.problem().is_some_and(|problem| problem.code() == ProblemCode::HoldGone);
                let left = until(hold.expires, now());
                wait = if is_heard || left.is_zero() { usual } else { left / 2 };
                let told = error.to_string();
                if told != warned {
                    warn(&format!("the command's dynamic secrets are not all kept alive: {told}"));
                    warned = told;
                }
            }
        }
    }
}

/// How long it is to then; nothing where it has passed.
fn until(moment: Option<prost_types::Timestamp>, now: Timestamp) -> Duration {
    moment
        .and_then(|moment| Timestamp::new(moment.seconds, moment.nanos).ok())
        .and_then(|moment| Duration::try_from(moment.duration_since(now)).ok())
        .unwrap_or_default()
}
