//! Keeping leases alive for as long as they are held, and ending them in their vaults.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep_until};

use super::{
    super::Fault,
    desk::Desk,
    holds::Hold,
    leases::{Leased, Number},
};

/// The shortest pause between two attempts to prolong a lease, or two looks at one that nobody holds.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);

/// Sees to a lease until it is over.
pub(super) fn watch(desk: &Arc<Desk>, number: Number) {
    let desk = Arc::clone(desk);
    tokio::spawn(async move {
        while let Some(next) = step(&desk, number).await {
            sleep_until(next).await;
        }
    });
}

/// One look at a lease: prolongs it where that is due. Says when to look again; none: it is over.
async fn step(desk: &Arc<Desk>, number: Number) -> Option<Instant> {
    let now = Instant::now();
    let (id, wanted, expires, due, held) = {
        let mut leases = desk.leases();
        let leased = leases.get(number)?;
        if leased.expires <= now {
            leases.remove(number);
            return None;
        }
        let due = leased.expires - leased.duration / 3;
        (leased.id.clone(), leased.wanted, leased.expires, due, leased.renewable && leases.is_held(number))
    };
    if now < due {
        return Some(due);
    }
    // Also where nobody holds it now: somebody may, before it ends.
    let next = |leases_end: Instant| leases_end.min(now + ((leases_end - now) / 4).max(SHORTEST_PAUSE));
    if !held {
        return Some(next(expires));
    }
    match desk.call(desk.vault.renew(&id, wanted)).await {
        Ok(lease) => {
            let now = Instant::now();
            let mut leases = desk.leases();
            leases.renewed(number, lease, now);
            let leased = leases.get(number)?;
            Some(
                (leased.expires - leased.duration / 3).max(now + SHORTEST_PAUSE).min(leased.expires.max(now)),
            )
        }
        Err(error) if error.fault == Fault::LeaseGone => {
            tracing::warn!(vault = %desk.name, "a lease ended in its vault");
            desk.leases().remove(number);
            None
        }
        Err(error) => {
            tracing::warn!(vault = %desk.name, %error, "a lease could not be prolonged; it is tried again");
            Some(next(expires))
        }
    }
}

/// Lets go of what a hold held; what nobody else claims is ended in its vault.
pub(super) async fn let_go(hold: Hold) {
    let now = Instant::now();
    let ended: Vec<(Arc<Desk>, Leased)> = hold
        .leases
        .into_iter()
        .filter_map(|(desk, number)| {
            let leased = desk.leases().release(number, now)?;
            Some((desk, leased))
        })
        .collect();
    futures_util::future::join_all(ended.iter().map(|(desk, leased)| revoke(desk, leased))).await;
}

/// Ends a lease in its vault. Where that fails it ends by itself, when its time is over.
pub(super) async fn revoke(desk: &Desk, leased: &Leased) {
    if let Err(error) = desk.in_time(desk.vault.revoke(&leased.id)).await.and_then(|answer| answer) {
        tracing::warn!(vault = %desk.name, %error, "a lease could not be revoked; it ends by itself");
    }
}
