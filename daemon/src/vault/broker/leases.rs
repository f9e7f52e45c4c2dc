//! Dynamic secrets: each belongs to the actor whom it was made for, lives in memory alone, and ends in its vault when
//! nobody claims it any more.
//!
//! A claim is either a hold, which its holder renews, or that of a reader who holds nothing, which lasts as long as the
//! lease did when it was read. The daemon prolongs a lease for as long as somebody holds it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::time::Instant;

use super::super::{Content, Lease, LeaseId};

/// Names a lease within one vault, for as long as the daemon runs.
pub(super) type Number = u64;

/// What a secret was made for: all fields of one locator, for one actor.
pub(super) type Key = (String, Arc<str>);

/// A dynamic secret that somebody claims.
#[derive(Debug)]
pub(super) struct Leased {
    pub(super) content: Arc<Content>,
    pub(super) fetched: Timestamp,
    pub(super) id: LeaseId,
    pub(super) renewable: bool,
    /// As the vault said last.
    pub(super) duration: Duration,
    /// As the vault said first: what is asked for again at renewal.
    pub(super) wanted: Duration,
    pub(super) expires: Instant,
    /// Under what new readers find it.
    key: Key,
    holds: usize,
    unheld_until: Option<Instant>,
}

impl Leased {
    /// Whether a new reader is still served well by it: at least a third of its first term is left, or it will be
    /// prolonged.
    fn lasts(&self, now: Instant) -> bool {
        let left = self.expires.saturating_duration_since(now);
        let capped = self.duration < self.wanted;
        left > self.wanted / 3 || (self.renewable && !capped && self.holds > 0 && !left.is_zero())
    }

    fn is_claimed(&self, now: Instant) -> bool {
        self.holds > 0 || self.unheld_until.is_some_and(|until| now < until)
    }
}

/// All leases of one vault.
#[derive(Debug, Default)]
pub(super) struct Leases {
    by_number: HashMap<Number, Leased>,
    current: HashMap<Key, Number>,
    next: Number,
}

impl Leases {
    /// Takes a lease in; new readers of its key find it from now on.
    pub(super) fn insert(
        &mut self,
        key: Key,
        content: Content,
        lease: Lease,
        fetched: Timestamp,
        now: Instant,
    ) -> Number {
        self.next += 1;
        let leased = Leased {
            content: Arc::new(content),
            fetched,
            id: lease.id,
            renewable: lease.renewable,
            duration: lease.duration,
            wanted: lease.duration,
            expires: now + lease.duration,
            key: key.clone(),
            holds: 0,
            unheld_until: None,
        };
        self.by_number.insert(self.next, leased);
        self.current.insert(key, self.next);
        self.next
    }

    pub(super) fn get(&self, number: Number) -> Option<&Leased> {
        self.by_number.get(&number)
    }

    /// The lease that a reader of the key is served from.
    pub(super) fn find(&self, key: &Key, now: Instant) -> Option<Number> {
        let number = *self.current.get(key)?;
        self.by_number.get(&number)?.lasts(now).then_some(number)
    }

    /// A reader who holds nothing counts on it until it ends.
    pub(super) fn claim(&mut self, number: Number) {
        if let Some(leased) = self.by_number.get_mut(&number) {
            leased.unheld_until = Some(leased.expires);
        }
    }

    /// One more holds it. False: it is gone.
    pub(super) fn hold(&mut self, number: Number) -> bool {
        self.by_number.get_mut(&number).map(|leased| leased.holds += 1).is_some()
    }

    /// One holds it no longer. Where that was the last claim, the lease is taken out, to be revoked.
    pub(super) fn release(&mut self, number: Number, now: Instant) -> Option<Leased> {
        let leased = self.by_number.get_mut(&number)?;
        leased.holds = leased.holds.saturating_sub(1);
        if leased.is_claimed(now) { None } else { self.remove(number) }
    }

    /// Whether somebody holds it, so that it has to be prolonged.
    pub(super) fn is_held(&self, number: Number) -> bool {
        self.by_number.get(&number).is_some_and(|leased| leased.holds > 0)
    }

    /// The vault prolonged it.
    pub(super) fn renewed(&mut self, number: Number, lease: Lease, now: Instant) {
        if let Some(leased) = self.by_number.get_mut(&number) {
            leased.duration = lease.duration;
            leased.renewable = lease.renewable;
            leased.expires = now + lease.duration;
        }
    }

    /// Takes a lease out: it is over, or is to be revoked.
    pub(super) fn remove(&mut self, number: Number) -> Option<Leased> {
        let leased = self.by_number.remove(&number)?;
        if self.current.get(&leased.key) == Some(&number) {
            self.current.remove(&leased.key);
        }
        Some(leased)
    }

    /// Takes all of them out.
    pub(super) fn drain(&mut self) -> Vec<Leased> {
        self.current.clear();
        self.by_number.drain().map(|(_, leased)| leased).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.by_number.len()
    }
}
