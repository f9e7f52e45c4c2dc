//! Holds: what a caller claims of the leases behind one answer, until it lets go or is not heard of any more.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use uuid::Uuid;

use super::{HoldTerm, desk::Desk, leases::Number};

/// Even for a shorter lease a hold lasts so long: its holder has other things to do, and the daemon keeps the lease.
const SHORTEST_TERM: Duration = Duration::from_secs(30);

/// One caller's claim.
pub(super) struct Hold {
    pub(super) actor: Arc<str>,
    /// Each counted once in the leases of its vault.
    pub(super) leases: Vec<(Arc<Desk>, Number)>,
    pub(super) expires: Instant,
}

impl Hold {
    /// How long it lasts from now: as the shortest of its leases. None: one of them is gone.
    pub(super) fn term(&self) -> Option<Duration> {
        let shortest = self
            .leases
            .iter()
            .map(|(desk, number)| desk.leases().get(*number).map(|leased| leased.duration))
            .collect::<Option<Vec<_>>>()?
            .into_iter()
            .min()?;
        Some(shortest.max(SHORTEST_TERM))
    }
}

/// A term that begins now, in moments for the caller.
pub(super) fn term_from(id: Uuid, now: Timestamp, term: Duration) -> HoldTerm {
    HoldTerm { id, expires: later(now, term), renew_at: later(now, term * 2 / 3) }
}

/// A moment so much later; the end of the calendar at the latest.
pub(super) fn later(now: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by).ok().and_then(|by| now.checked_add(by).ok()).unwrap_or(Timestamp::MAX)
}
