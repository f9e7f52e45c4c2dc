//! The leases of one vault that have not ended, by locator and actor.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::time::Instant;

use super::lease::{Claim, Lease, LeaseKey};

/// By locator, then by actor.
type Current = HashMap<Arc<str>, HashMap<Arc<str>, Arc<Lease>>>;

/// The leases of one vault.
#[derive(Default)]
pub(super) struct Leases {
    current: Mutex<Current>,
    alive: AtomicUsize,
}

/// What is known of an actor's lease at a locator.
pub(super) enum LeaseLookup {
    /// The actor has a lease, and this is a claim on it.
    Claimed(Claim),
    /// The secret is made for each actor, and this one has no lease that lasts long enough.
    PerActor,
    /// Nothing is known.
    Unknown,
}

impl Leases {
    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Claims the lease that the actor has.
    pub(super) fn find(&self, locator: &str, actor: &str, now: Instant) -> LeaseLookup {
        let current = self.current();
        let Some(actors) = current.get(locator) else { return LeaseLookup::Unknown };
        match actors.get(actor).and_then(|lease| lease.claim_if_fresh(now)) {
            Some(claim) => LeaseLookup::Claimed(claim),
            None => LeaseLookup::PerActor,
        }
    }

    /// Adds a lease. Where the actor has another, new readers find this one; the other continues for those who claim it.
    pub(super) fn add(&self, lease: &Arc<Lease>) {
        self.alive.fetch_add(1, Ordering::Relaxed);
        if let Some(LeaseKey { locator, actor }) = &lease.key {
            let mut current = self.current();
            let actors = current.entry(Arc::clone(locator)).or_default();
            actors.insert(Arc::clone(actor), Arc::clone(lease));
        }
    }

    /// Removes a lease that has ended.
    pub(super) fn remove(&self, lease: &Arc<Lease>) {
        self.alive.fetch_sub(1, Ordering::Relaxed);
        let Some(LeaseKey { locator, actor }) = &lease.key else { return };
        let mut current = self.current();
        let Some(actors) = current.get_mut(locator) else { return };
        if actors.get(actor).is_some_and(|found| Arc::ptr_eq(found, lease)) {
            actors.remove(actor);
            if actors.is_empty() {
                current.remove(locator);
            }
        }
    }

    /// Returns how many there are.
    pub(super) fn count(&self) -> usize {
        self.alive.load(Ordering::Relaxed)
    }
}
