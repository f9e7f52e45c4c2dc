//! How a request for a secret is answered: from the cache, from a lease that the actor has, or from a flight; and what is
//! kept of the vault's answer.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use super::{
    backend::{Backend, outage},
    cache::{CacheHit, StoredSecret},
    lease::{Lease, LeaseKey},
    lease_task,
    leases::LeaseLookup,
    request::{FetchJob, Granted, NextStep, Outcome, Requester},
    single_flight::{FetchResult, FetchedSecret, FlightKey, Join},
};
use crate::{
    error::{VaultError, VaultErrorKind},
    secret::{self, Fetched},
};

/// The shortest and the longest interval at which the cache is swept.
const SWEEP_INTERVAL: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));

impl Backend {
    /// Answers a request from what is known, or joins a flight. `first`: this request has not waited for a flight yet.
    pub(super) fn begin(&self, locator: &Arc<str>, requester: Requester<'_>, first: bool) -> NextStep {
        if self.closing.is_cancelled() {
            return NextStep::Done(Err(self.stopping()));
        }
        let now = Instant::now();
        if let Some(known) = self.cached(locator, requester, now) {
            return NextStep::Done(known);
        }
        let actor = match requester {
            Requester::Checker => None,
            Requester::Reader(actor) => match self.leases.find(locator, actor, now) {
                LeaseLookup::Claimed(claim) => return NextStep::Done(Ok(Granted::Leased(Arc::new(claim)))),
                LeaseLookup::PerActor => Some(actor),
                LeaseLookup::Unknown => (!first).then_some(actor),
            },
        };
        if let Some(refusal) = self.breaker.refusal(now) {
            return NextStep::Done(self.or_last_good(refusal, locator, requester, now));
        }
        let key = FlightKey { locator: Arc::clone(locator), actor: actor.cloned() };
        let recheck = || {
            let leased = match requester {
                Requester::Reader(actor) => match self.leases.find(locator, actor, now) {
                    LeaseLookup::Claimed(claim) => Some(Ok(Granted::Leased(Arc::new(claim)))),
                    LeaseLookup::PerActor | LeaseLookup::Unknown => None,
                },
                Requester::Checker => None,
            };
            leased.or_else(|| self.cached(locator, requester, now))
        };
        match self.flights.join(key, recheck) {
            Join::Known(known) => NextStep::Done(known),
            Join::Follow(follower) => NextStep::Follow(follower),
            Join::Lead(leader, follower) => NextStep::Lead(leader, follower),
        }
    }

    /// Returns what the cache knows. A check does not trust a cached error: the secret may have been written since.
    fn cached(
        &self,
        locator: &str,
        requester: Requester<'_>,
        now: Instant,
    ) -> Option<Result<Granted, VaultError>> {
        match (self.cache().get(locator, now)?, requester) {
            (CacheHit::Secret(secret), _) => Some(Ok(Granted::Shared { secret, stale: false })),
            (CacheHit::Error(error), Requester::Reader(_)) => Some(Err(error)),
            (CacheHit::Error(_), Requester::Checker) => None,
        }
    }

    /// Returns the last good value where the vault does not answer and the requester accepts one.
    fn or_last_good(
        &self,
        error: VaultError,
        locator: &str,
        requester: Requester<'_>,
        now: Instant,
    ) -> Result<Granted, VaultError> {
        if error.is_outage()
            && matches!(requester, Requester::Reader(_))
            && let Some(secret) = self.cache().last_good(locator, now)
        {
            tracing::debug!(vault = %self.name, locator, %error, "falling back to the last good value");
            return Ok(Granted::Shared { secret, stale: true });
        }
        Err(error)
    }

    /// Starts fetches, as many in one call as the vault takes. Returns at once.
    pub(super) fn launch(self: &Arc<Self>, mut jobs: Vec<FetchJob>) {
        let batch = self.vault.batch_size().max(1);
        while !jobs.is_empty() {
            let rest = jobs.split_off(batch.min(jobs.len()));
            let these = std::mem::replace(&mut jobs, rest);
            self.tasks.spawn(fetch(Arc::clone(self), these));
        }
    }

    /// Returns what a request gets out of a flight.
    pub(super) fn outcome(
        &self,
        result: Option<FetchResult>,
        locator: &str,
        requester: Requester<'_>,
        led: bool,
        first: bool,
    ) -> Outcome {
        let now = Instant::now();
        let result = result.unwrap_or_else(|| Err(self.interrupted()));
        Outcome::Done(match (result, requester) {
            (Ok(FetchedSecret::Shared(secret)), _) => Ok(Granted::Shared { secret, stale: false }),
            // It is being revoked.
            (Ok(FetchedSecret::Leased { .. }), _) if self.closing.is_cancelled() => Err(self.stopping()),
            (Ok(FetchedSecret::Leased { claim, .. }), Requester::Checker) => Ok(Granted::Leased(claim)),
            (Ok(FetchedSecret::Leased { owner, claim }), Requester::Reader(actor)) => {
                if owner.as_ref() != Some(actor) {
                    return Outcome::Retry;
                }
                Ok(Granted::Leased(claim))
            }
            // The secret may have been written after that flight had begun.
            (Err(error), Requester::Checker) if !led && first && !error.is_outage() => {
                return Outcome::Retry;
            }
            (Err(error), _) => self.or_last_good(error, locator, requester, now),
        })
    }

    /// Keeps the vault's answer to a call.
    fn store(
        self: &Arc<Self>,
        job: &FetchJob,
        result: Result<Fetched, VaultError>,
        started: &CallStart,
    ) -> FetchResult {
        let locator = &job.leader.key.locator;
        let now = Instant::now();
        let (start_sweeping, result) = match result {
            Ok(Fetched { content, version, lease }) => {
                let secret =
                    Arc::new(StoredSecret { content, version, read: started.instant, fetched: started.time });
                if let Some(lease) = lease {
                    return self.store_lease(job, secret, lease, now);
                }
                let start_sweeping = self.cache().insert(locator, Arc::clone(&secret), started.generation);
                (start_sweeping, Ok(FetchedSecret::Shared(secret)))
            }
            Err(error) => {
                tracing::debug!(vault = %self.name, %locator, %error, "reading a secret failed");
                let lasting = matches!(
                    error.kind,
                    VaultErrorKind::NotFound
                        | VaultErrorKind::VersionGone
                        | VaultErrorKind::Denied
                        | VaultErrorKind::Disabled
                );
                let start_sweeping =
                    lasting && self.cache().insert_error(locator, &error, started.generation, now);
                (start_sweeping, Err(error))
            }
        };
        if start_sweeping {
            tokio::spawn(sweep(Arc::downgrade(self), self.limits.ttl));
        }
        result
    }

    /// Keeps a dynamic secret, which belongs to the actor whom it was made for.
    fn store_lease(
        self: &Arc<Self>,
        job: &FetchJob,
        secret: Arc<StoredSecret>,
        granted: secret::Lease,
        now: Instant,
    ) -> FetchResult {
        let locator = &job.leader.key.locator;
        let key = job.owner.clone().map(|actor| LeaseKey { locator: Arc::clone(locator), actor });
        let lease = Arc::new(Lease::new(secret, key, granted));
        // Claimed first, so that the task does not revoke it because nobody needs it.
        let claim = lease.claim(now);
        self.leases.add(&lease);
        self.tasks.spawn(lease_task::run(Arc::clone(self), lease));
        tracing::debug!(vault = %self.name, %locator, "a lease was granted");
        let claim = claim.ok_or_else(|| self.expired_on_arrival())?;
        Ok(FetchedSecret::Leased { owner: job.owner.clone(), claim: Arc::new(claim) })
    }

    fn expired_on_arrival(&self) -> VaultError {
        let name = &self.name;
        VaultError::new(
            VaultErrorKind::InvalidResponse,
            format!("vault \"{name}\" made a secret whose lease had expired when it arrived"),
        )
        .remedy("raise the time to live of the role in the vault")
    }
}

/// When a call of the vault began.
struct CallStart {
    instant: Instant,
    /// The same for people.
    time: Timestamp,
    /// The generation of the cache.
    generation: u64,
}

/// Calls the vault once, for one secret or a batch.
async fn fetch(backend: Arc<Backend>, jobs: Vec<FetchJob>) {
    let Ok(_slot) = backend.fetch_slots.acquire().await else { return };
    if backend.closing.is_cancelled() {
        for job in jobs {
            job.leader.finish(Err(backend.stopping()));
        }
        return;
    }
    let started = {
        let generation = backend.cache().generation();
        CallStart { instant: Instant::now(), time: (backend.clock)(), generation }
    };
    let results = match jobs.as_slice() {
        [job] => vec![backend.call(backend.vault.fetch(&job.secret), outage).await.flatten()],
        several => {
            let secrets: Vec<_> = several.iter().map(|job| &job.secret).collect();
            match backend.call(backend.vault.fetch_many(&secrets), |results| outage_of_all(results)).await {
                Ok(results) => results,
                Err(error) => vec![Err(error); several.len()],
            }
        }
    };
    let mut results = results.into_iter();
    for job in jobs {
        let result = results.next().unwrap_or_else(|| Err(backend.interrupted()));
        let result = backend.store(&job, result, &started);
        job.leader.finish(result);
    }
}

/// Returns the first error where the vault failed for all of a batch.
fn outage_of_all(results: &[Result<Fetched, VaultError>]) -> Option<&VaultError> {
    let first = results.first().and_then(outage)?;
    results.iter().all(|result| outage(result).is_some()).then_some(first)
}

/// Removes what has expired from the cache, until it is empty.
async fn sweep(backend: Weak<Backend>, ttl: Duration) {
    loop {
        sleep(ttl.clamp(SWEEP_INTERVAL.0, SWEEP_INTERVAL.1)).await;
        let Some(backend) = backend.upgrade() else { return };
        if !backend.cache().sweep(Instant::now()) {
            return;
        }
    }
}
