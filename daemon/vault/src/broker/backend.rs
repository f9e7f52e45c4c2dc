//! One vault with everything that stands before it: cache, flights, breaker, deadline, and the leases that it granted.
//!
//! It knows locators and actors; fields of secrets and holds are the broker's matter.

use std::{
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use jiff::Timestamp;
use kontraktor_model::{names::VaultName, reference::Secret};
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep, timeout, timeout_at},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Clock, Configured, Fault, Fetched, Limits, Vault, VaultError, VaultInfo,
    breaker::Breaker,
    cache::{Cache, Found, Stored},
    flight::{Boarding, FlightKey, Flights, Landed, Landing, Seat, Takeoff},
    lease::{Claim, Lease},
    leases::{Known, Leases},
    tend::tend,
    vault,
};

/// How often the cache is swept: not more and not less often.
const SWEEP: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));

/// One vault with everything that stands before it.
pub(super) struct Backend {
    pub(super) name: VaultName,
    pub(super) kind: &'static str,
    pub(super) address: String,
    pub(super) limits: Limits,
    pub(super) vault: Arc<dyn Vault>,
    pub(super) clock: Clock,
    pub(super) breaker: Breaker,
    pub(super) leases: Leases,
    /// The daemon stops: nothing is read any more, and no lease stays.
    pub(super) closing: CancellationToken,
    /// What fetches, and what tends leases.
    pub(super) tasks: TaskTracker,
    /// So many leases are renewed or revoked at once, apart from reads.
    pub(super) upkeep: Semaphore,
    cache: Mutex<Cache>,
    flights: Arc<Flights>,
    slots: Semaphore,
}

/// Who asks.
#[derive(Clone, Copy)]
pub(super) enum Who<'a> {
    /// Somebody who gets the value.
    Reader(&'a Arc<str>),
    /// Somebody who wants to know whether it can be had.
    Checker,
}

impl Who<'_> {
    /// Who gets what is made for this question.
    pub(super) fn owner(self) -> Option<Arc<str>> {
        match self {
            Self::Reader(actor) => Some(Arc::clone(actor)),
            Self::Checker => None,
        }
    }
}

/// A secret that was got.
#[derive(Clone)]
pub(super) enum Got {
    Shared { stored: Arc<Stored>, stale: bool },
    Leased(Arc<Claim>),
}

/// What is left to do for somebody who asked.
pub(super) enum Begun {
    /// Nothing.
    Done(Result<Got, VaultError>),
    /// To wait for somebody else's flight.
    Follow(Seat),
    /// To launch a flight, and to wait for it.
    Lead(Takeoff, Seat),
}

/// What somebody who waited for a flight got.
pub(super) enum Landfall {
    Done(Result<Got, VaultError>),
    /// The answer was not for them: they ask again.
    Again,
}

impl Backend {
    pub(super) fn new(configured: Configured, clock: Clock) -> Self {
        let Configured { name, kind, address, limits, vault } = configured;
        Self {
            breaker: Breaker::new(name.clone(), &limits),
            name,
            kind,
            address,
            vault,
            clock,
            leases: Leases::default(),
            closing: CancellationToken::new(),
            tasks: TaskTracker::new(),
            upkeep: Semaphore::new(limits.concurrency.max(1)),
            cache: Mutex::new(Cache::new(&limits)),
            flights: Arc::default(),
            slots: Semaphore::new(limits.concurrency.max(1)),
            limits,
        }
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at what is there, and otherwise finds a flight. `first`: nobody has flown for them yet.
    pub(super) fn begin(&self, locator: &Arc<str>, who: Who<'_>, first: bool) -> Begun {
        if self.closing.is_cancelled() {
            return Begun::Done(Err(Self::stopping()));
        }
        let now = Instant::now();
        if let Some(done) = self.look(locator, who, now) {
            return Begun::Done(done);
        }
        let actor = match who {
            Who::Checker => None,
            Who::Reader(actor) => match self.leases.find(locator, actor, now) {
                Known::Yours(claim) => return Begun::Done(Ok(Got::Leased(Arc::new(claim)))),
                Known::MadeForEach => Some(actor),
                Known::Nothing => (!first).then_some(actor),
            },
        };
        if let Some(refusal) = self.breaker.refusal(now) {
            return Begun::Done(self.or_last_good(refusal, locator, who, now));
        }
        let key = FlightKey { locator: Arc::clone(locator), actor: actor.cloned() };
        let last_look = || {
            let landed = match who {
                Who::Reader(actor) => match self.leases.find(locator, actor, now) {
                    Known::Yours(claim) => Some(Ok(Got::Leased(Arc::new(claim)))),
                    Known::MadeForEach | Known::Nothing => None,
                },
                Who::Checker => None,
            };
            landed.or_else(|| self.look(locator, who, now))
        };
        match self.flights.board(key, last_look) {
            Boarding::Seen(done) => Begun::Done(done),
            Boarding::Follow(seat) => Begun::Follow(seat),
            Boarding::Lead(takeoff, seat) => Begun::Lead(takeoff, seat),
        }
    }

    /// What the cache says. A check wants to know for sure that something cannot be had: it may have been made just now.
    fn look(&self, locator: &str, who: Who<'_>, now: Instant) -> Option<Result<Got, VaultError>> {
        match (self.cache().get(locator, now)?, who) {
            (Found::Secret(stored), _) => Some(Ok(Got::Shared { stored, stale: false })),
            (Found::Refused(error), Who::Reader(_)) => Some(Err(error)),
            (Found::Refused(_), Who::Checker) => None,
        }
    }

    /// The last good value, where the vault does not answer and the reader takes one.
    fn or_last_good(
        &self,
        error: VaultError,
        locator: &str,
        who: Who<'_>,
        now: Instant,
    ) -> Result<Got, VaultError> {
        if error.is_outage()
            && matches!(who, Who::Reader(_))
            && let Some(stored) = self.cache().last_good(locator, now)
        {
            tracing::debug!(vault = %self.name, locator, %error, "the last good value stands in");
            return Ok(Got::Shared { stored, stale: true });
        }
        Err(error)
    }

    /// Fetches what was asked for, as many in one call as the vault takes. Returns at once.
    pub(super) fn launch(self: &Arc<Self>, mut orders: Vec<Order>) {
        let batch = self.vault.batch_size().max(1);
        while !orders.is_empty() {
            let rest = orders.split_off(batch.min(orders.len()));
            let these = std::mem::replace(&mut orders, rest);
            self.tasks.spawn(fetch(Arc::clone(self), these));
        }
    }

    /// What somebody gets out of a flight.
    pub(super) fn land(
        &self,
        landing: Option<Landing>,
        locator: &str,
        who: Who<'_>,
        led: bool,
        first: bool,
    ) -> Landfall {
        let now = Instant::now();
        let landing = landing.unwrap_or_else(|| Err(self.broken_off()));
        Landfall::Done(match (landing, who) {
            (Ok(Landed::Shared(stored)), _) => Ok(Got::Shared { stored, stale: false }),
            // It is being revoked.
            (Ok(Landed::Leased { .. }), _) if self.closing.is_cancelled() => Err(Self::stopping()),
            (Ok(Landed::Leased { claim, .. }), Who::Checker) => Ok(Got::Leased(claim)),
            (Ok(Landed::Leased { owner, claim }), Who::Reader(actor)) => {
                if owner.as_ref() != Some(actor) {
                    return Landfall::Again;
                }
                Ok(Got::Leased(claim))
            }
            // It may have been made after that flight had begun.
            (Err(error), Who::Checker) if !led && first && !error.is_outage() => return Landfall::Again,
            (Err(error), _) => self.or_last_good(error, locator, who, now),
        })
    }

    /// Calls the vault, if the breaker lets it and as long as the deadline does. `outage` finds in the answer that the vault
    /// itself failed.
    pub(super) async fn call<T>(
        &self,
        call: impl Future<Output = T>,
        outage: impl FnOnce(&T) -> Option<&VaultError>,
    ) -> Result<T, VaultError> {
        let pass = self.breaker.admit(Instant::now())?;
        let result = self.within_time(call).await;
        let outage = match &result {
            Ok(answer) => outage(answer),
            Err(too_slow) => Some(too_slow),
        };
        pass.settle(outage, Instant::now());
        result
    }

    /// Calls the vault as long as the deadline lets it.
    pub(super) async fn within_time<T>(&self, call: impl Future<Output = T>) -> Result<T, VaultError> {
        timeout(self.limits.timeout, call).await.map_err(|_| self.too_slow())
    }

    /// Takes in what the vault answered to a call of that moment.
    fn take_in(
        self: &Arc<Self>,
        order: &Order,
        result: Result<Fetched, VaultError>,
        asked: &Asked,
    ) -> Landing {
        let locator = &order.takeoff.key.locator;
        let now = Instant::now();
        let (to_sweep, landing) = match result {
            Ok(Fetched { content, version, lease }) => {
                let stored = Arc::new(Stored { content, version, read: asked.at, fetched: asked.wall });
                if let Some(lease) = lease {
                    return self.take_lease(order, stored, lease, now);
                }
                let to_sweep = self.cache().keep(locator, Arc::clone(&stored), asked.generation);
                (to_sweep, Ok(Landed::Shared(stored)))
            }
            Err(error) => {
                tracing::debug!(vault = %self.name, %locator, %error, "a secret cannot be had");
                let lasting = matches!(
                    error.fault,
                    Fault::NotFound | Fault::VersionGone | Fault::Denied | Fault::Disabled
                );
                let to_sweep = lasting && self.cache().refuse(locator, &error, asked.generation, now);
                (to_sweep, Err(error))
            }
        };
        if to_sweep {
            tokio::spawn(sweep(Arc::downgrade(self), self.limits.ttl));
        }
        landing
    }

    /// Takes in a dynamic secret: it belongs to the one who had it made.
    fn take_lease(
        self: &Arc<Self>,
        order: &Order,
        stored: Arc<Stored>,
        lease: vault::Lease,
        now: Instant,
    ) -> Landing {
        let locator = &order.takeoff.key.locator;
        let place = order.owner.clone().map(|actor| (Arc::clone(locator), actor));
        let lease = Arc::new(Lease::new(stored, place, lease));
        // Claimed first, so that it is not revoked for want of anybody who needs it.
        let claim = lease.claim(now);
        self.leases.add(&lease);
        self.tasks.spawn(tend(Arc::clone(self), lease));
        tracing::debug!(vault = %self.name, %locator, "a lease was granted");
        let claim = claim.ok_or_else(|| self.over_at_once())?;
        Ok(Landed::Leased { owner: order.owner.clone(), claim: Arc::new(claim) })
    }

    /// Forgets what is cached; how many secrets that were.
    pub(super) fn purge(&self) -> usize {
        // The cache first: a flight that lands in between is not kept, and one that begins in between is after the purge.
        let purged = self.cache().clear();
        self.flights.clear();
        purged
    }

    /// How it does.
    pub(super) fn info(&self) -> VaultInfo {
        let (cached_secrets, cached_bytes) = self.cache().size();
        VaultInfo {
            name: self.name.clone(),
            kind: self.kind,
            address: self.address.clone(),
            trouble: self.breaker.trouble(),
            cached_secrets,
            cached_bytes,
            leases: self.leases.count(),
        }
    }

    /// Waits until what runs has ended and the leases are revoked, and signs out. A quarter of the time is for signing out,
    /// which ends leases too where the vault ties them to it.
    pub(super) async fn close(&self, deadline: Duration) {
        let now = Instant::now();
        self.tasks.close();
        if timeout_at(now + deadline * 3 / 4, self.tasks.wait()).await.is_err() {
            let leases = self.leases.count();
            tracing::warn!(vault = %self.name, leases, "leases could not be revoked in time; they end by themselves");
        }
        self.purge();
        if timeout_at(now + deadline, self.vault.sign_out()).await.is_err() {
            tracing::warn!(vault = %self.name, "signing out took too long and was broken off");
        }
    }

    fn too_slow(&self) -> VaultError {
        too_slow(&self.name, self.limits.timeout)
    }

    fn stopping() -> VaultError {
        VaultError::new(Fault::Unavailable, "the daemon is stopping")
            .remedy("ask again when it has started again")
    }

    pub(super) fn broken_off(&self) -> VaultError {
        VaultError::new(Fault::Unavailable, format!("reading from vault \"{}\" broke off", self.name))
            .remedy("ask again; the daemon's log may say more")
    }

    fn over_at_once(&self) -> VaultError {
        let name = &self.name;
        VaultError::new(
            Fault::Answer,
            format!("vault \"{name}\" made a secret whose lease was over when it arrived"),
        )
        .remedy("give the role in the vault a longer time to live")
    }
}

/// What somebody wants to have fetched.
pub(super) struct Order {
    pub(super) takeoff: Takeoff,
    pub(super) secret: Secret,
    /// Who gets it, where it is made for this call; `None`: nobody, it is a check.
    pub(super) owner: Option<Arc<str>>,
}

/// When the vault was asked.
struct Asked {
    at: Instant,
    wall: Timestamp,
    generation: u64,
}

/// One call of the vault, for one secret or a batch.
async fn fetch(backend: Arc<Backend>, orders: Vec<Order>) {
    let Ok(_turn) = backend.slots.acquire().await else { return };
    if backend.closing.is_cancelled() {
        for order in orders {
            order.takeoff.land(Err(Backend::stopping()));
        }
        return;
    }
    let asked = {
        let generation = backend.cache().generation();
        Asked { at: Instant::now(), wall: (backend.clock)(), generation }
    };
    let results = match orders.as_slice() {
        [order] => vec![backend.call(backend.vault.fetch(&order.secret), outage).await.flatten()],
        several => {
            let secrets: Vec<_> = several.iter().map(|order| &order.secret).collect();
            match backend.call(backend.vault.fetch_many(&secrets), |results| outage_of_all(results)).await {
                Ok(results) => results,
                Err(error) => vec![Err(error); several.len()],
            }
        }
    };
    let mut results = results.into_iter();
    for order in orders {
        let result = results.next().unwrap_or_else(|| Err(backend.broken_off()));
        let landing = backend.take_in(&order, result, &asked);
        order.takeoff.land(landing);
    }
}

/// That the vault itself failed.
pub(super) fn outage<T>(result: &Result<T, VaultError>) -> Option<&VaultError> {
    result.as_ref().err().filter(|error| error.is_outage())
}

/// That the vault failed at all of a batch.
fn outage_of_all(results: &[Result<Fetched, VaultError>]) -> Option<&VaultError> {
    let first = results.first().and_then(outage)?;
    results.iter().all(|result| outage(result).is_some()).then_some(first)
}

/// Throws out of the cache what is too old, until nothing is left in it.
async fn sweep(backend: Weak<Backend>, ttl: Duration) {
    loop {
        sleep(ttl.clamp(SWEEP.0, SWEEP.1)).await;
        let Some(backend) = backend.upgrade() else { return };
        if !backend.cache().sweep(Instant::now()) {
            return;
        }
    }
}

/// A vault that has not answered in the time that it is allowed.
pub(super) fn too_slow(name: &VaultName, allowed: Duration) -> VaultError {
    let allowed = humantime::format_duration(allowed);
    VaultError::new(Fault::Unavailable, format!("vault \"{name}\" did not answer within {allowed}")).remedy(
        format!(
            "`kontraktord vault check {name}` tells more; `timeout` in its [[vault]] table gives it more time"
        ),
    )
}
