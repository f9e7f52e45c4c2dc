//! One vault with everything in front of it: cache, flights, breaker, deadline, and the leases that it granted.
//!
//! It knows locators and actors; fields of secrets and holds are the broker's. What fetches secrets is in `fetch`, what
//! keeps leases alive in `lease_task`.

use std::{
    future::Future,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use kontraktor_model::names::VaultName;
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout, timeout_at},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    answer::VaultInfo,
    breaker::Breaker,
    cache::Cache,
    configured::{Clock, ConfiguredVault, timed_out},
    leases::Leases,
    limits::Limits,
    single_flight::SingleFlight,
};
use crate::{
    Grants,
    error::{VaultError, VaultErrorKind},
    vault::Vault,
};

/// One vault with everything in front of it.
pub(super) struct Backend {
    pub(super) name: VaultName,
    pub(super) kind: &'static str,
    pub(super) address: Option<String>,
    pub(super) limits: Limits,
    pub(super) grants: Grants,
    pub(super) ca_digest: Option<[u8; 32]>,
    pub(super) vault: Arc<dyn Vault>,
    pub(super) clock: Clock,
    pub(super) breaker: Breaker,
    pub(super) leases: Leases,
    /// Cancelled when the daemon stops, or when the vault is removed: nothing is read any more, and no lease stays.
    pub(super) closing: CancellationToken,
    /// The vault is not in the configuration any more, or with other settings.
    is_removed: AtomicBool,
    /// The fetches and the lease tasks.
    pub(super) tasks: TaskTracker,
    /// Limits the leases that are renewed or revoked at once, separately from reads.
    pub(super) lease_slots: Semaphore,
    pub(super) flights: Arc<SingleFlight>,
    /// Limits the fetches at once.
    pub(super) fetch_slots: Semaphore,
    cache: Mutex<Cache>,
}

impl Backend {
    pub(super) fn new(configured: ConfiguredVault, clock: Clock) -> Self {
        let ConfiguredVault { name, kind, address, limits, grants, ca_digest, vault } = configured;
        Self {
            breaker: Breaker::new(name.clone(), &limits),
            name,
            kind,
            address,
            ca_digest,
            vault,
            clock,
            leases: Leases::default(),
            closing: CancellationToken::new(),
            is_removed: AtomicBool::new(false),
            tasks: TaskTracker::new(),
            lease_slots: Semaphore::new(limits.concurrency.max(1)),
            flights: Arc::default(),
            fetch_slots: Semaphore::new(limits.concurrency.max(1)),
            cache: Mutex::new(Cache::new(&limits)),
            limits,
            grants,
        }
    }

    pub(super) fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls the vault, if the breaker admits it, within the deadline. `outage` finds in the answer that the vault itself
    /// failed.
    pub(super) async fn call<T>(
        &self,
        call: impl Future<Output = T>,
        outage: impl FnOnce(&T) -> Option<&VaultError>,
    ) -> Result<T, VaultError> {
        let permit = self.breaker.admit(Instant::now())?;
        let result = self.within_deadline(call).await;
        let outage = match &result {
            Ok(answer) => outage(answer),
            Err(timed_out) => Some(timed_out),
        };
        permit.record(outage, Instant::now());
        result
    }

    /// Calls the vault within the deadline, whatever the breaker says.
    pub(super) async fn within_deadline<T>(&self, call: impl Future<Output = T>) -> Result<T, VaultError> {
        timeout(self.limits.timeout, call).await.map_err(|_| timed_out(&self.name, &self.limits))
    }

    /// Empties the cache; returns how many secrets were in it.
    pub(super) fn purge(&self) -> usize {
        // The cache first: a flight that ends in between is not kept, and one that begins in between is after the purge.
        let purged = self.cache().clear();
        self.flights.clear();
        purged
    }

    pub(super) fn info(&self) -> VaultInfo {
        let (cached_secrets, cached_bytes) = self.cache().size();
        VaultInfo {
            name: self.name.clone(),
            kind: self.kind,
            address: self.address.clone(),
            error: self.breaker.cause(),
            cached_secrets,
            cached_bytes,
            leases: self.leases.count(),
            granted_to: self.grants.environments(),
        }
    }

    /// Waits until the tasks have ended and the leases are revoked, and signs out. A quarter of the time is for signing
    /// out, which ends leases too where the vault ties them to it.
    pub(super) async fn close(&self, deadline: Duration) {
        let now = Instant::now();
        self.tasks.close();
        if timeout_at(now + deadline * 3 / 4, self.tasks.wait()).await.is_err() {
            let leases = self.leases.count();
            tracing::warn!(vault = %self.name, leases, "leases were not revoked in time; they expire");
        }
        self.purge();
        if timeout_at(now + deadline, self.vault.sign_out()).await.is_err() {
            tracing::warn!(vault = %self.name, "signing out timed out");
        }
    }

    /// Begins the end of a vault whose configuration has gone.
    pub(super) fn remove(&self) {
        self.is_removed.store(true, Ordering::Relaxed);
        self.closing.cancel();
    }

    pub(super) fn stopping(&self) -> VaultError {
        if self.is_removed.load(Ordering::Relaxed) {
            let message = format!("the configuration of vault \"{}\" was changed meanwhile", self.name);
            return VaultError::new(VaultErrorKind::Unavailable, message).remedy("try again");
        }
        VaultError::new(VaultErrorKind::Unavailable, "the daemon is stopping")
            .remedy("try again when it has started again")
    }

    pub(super) fn interrupted(&self) -> VaultError {
        VaultError::new(
            VaultErrorKind::Unavailable,
            format!("reading from vault \"{}\" was interrupted", self.name),
        )
        .remedy("try again; see the daemon's log for the reason")
    }
}

/// Returns the error with which the vault itself failed.
pub(super) fn outage<T>(result: &Result<T, VaultError>) -> Option<&VaultError> {
    result.as_ref().err().filter(|error| error.is_outage())
}
