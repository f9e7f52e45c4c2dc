//! The leases of one vault that live, and where a reader finds theirs again.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::time::Instant;

use super::lease::{Claim, Lease};

/// By locator, then by actor.
type Current = HashMap<Arc<str>, HashMap<Arc<str>, Arc<Lease>>>;

/// The leases of one vault.
#[derive(Default)]
pub(super) struct Leases {
    current: Mutex<Current>,
    living: AtomicUsize,
}

/// What is known of a locator.
pub(super) enum Known {
    /// The actor has a lease, and this is a claim on it.
    Yours(Claim),
    /// What is there is made for each actor, and this one has none that is good for long enough.
    MadeForEach,
    /// Nothing.
    Nothing,
}

impl Leases {
    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks for what the actor has.
    pub(super) fn find(&self, locator: &str, actor: &str, now: Instant) -> Known {
        let current = self.current();
        let Some(actors) = current.get(locator) else { return Known::Nothing };
        match actors.get(actor).and_then(|lease| lease.claim_for_long(now)) {
            Some(claim) => Known::Yours(claim),
            None => Known::MadeForEach,
        }
    }

    /// A lease lives from now on. Where the actor had another, new readers find this one; the other goes on for those who
    /// have it.
    pub(super) fn add(&self, lease: &Arc<Lease>) {
        self.living.fetch_add(1, Ordering::Relaxed);
        if let Some((locator, actor)) = &lease.place {
            let mut current = self.current();
            let actors = current.entry(Arc::clone(locator)).or_default();
            actors.insert(Arc::clone(actor), Arc::clone(lease));
        }
    }

    /// A lease has ended.
    pub(super) fn remove(&self, lease: &Arc<Lease>) {
        self.living.fetch_sub(1, Ordering::Relaxed);
        let Some((locator, actor)) = &lease.place else { return };
        let mut current = self.current();
        let Some(actors) = current.get_mut(locator) else { return };
        if actors.get(actor).is_some_and(|found| Arc::ptr_eq(found, lease)) {
            actors.remove(actor);
            if actors.is_empty() {
                current.remove(locator);
            }
        }
    }

    /// How many live.
    pub(super) fn count(&self) -> usize {
        self.living.load(Ordering::Relaxed)
    }
}
