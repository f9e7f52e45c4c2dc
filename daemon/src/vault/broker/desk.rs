//! One vault with what stands before it: cache, flights, breaker, turns and leases.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use kontraktor_proto::{limits::MAX_SECRET_BYTES, names::VaultName, reference::Reference};
use tokio::{
    sync::{Semaphore, watch},
    time::{Instant, timeout},
};

use super::{
    super::{Content, Fault, Fetched, Vault, VaultError},
    Clock, Configured, Limits, VaultInfo,
    breaker::Breaker,
    cache::{Cache, Good},
    leases::{Key, Leases, Number},
    prolong,
};

/// What a read of one locator came to.
#[derive(Debug, Clone)]
pub(super) struct Got {
    pub(super) content: Arc<Content>,
    pub(super) version: Option<String>,
    pub(super) fetched: Timestamp,
    pub(super) stale: bool,
    /// Of a dynamic secret: made for the actor who led the flight.
    pub(super) lease: Option<Number>,
}

impl Got {
    fn of(good: Good, stale: bool) -> Self {
        Self { content: good.content, version: good.version, fetched: good.fetched, stale, lease: None }
    }
}

type Outcome = Result<Got, VaultError>;

/// A read that is under way, for all who want the same.
#[derive(Clone)]
struct Flight {
    /// Whom a dynamic secret would be made for.
    leader: Arc<str>,
    landed: watch::Receiver<Option<Outcome>>,
}

/// Somebody's part in a flight.
enum Ticket {
    Known(Outcome),
    Aboard(Flight),
}

/// One locator and an actor: for dynamic secrets, each actor flies alone.
type FlightKey = (String, Option<Arc<str>>);

pub(super) struct Desk {
    pub(super) name: VaultName,
    pub(super) kind: &'static str,
    address: String,
    pub(super) limits: Limits,
    pub(super) vault: Arc<dyn Vault>,
    clock: Clock,
    turns: Semaphore,
    cache: Mutex<Cache>,
    flights: Mutex<HashMap<FlightKey, Flight>>,
    /// Locators whose secrets had a lease: their readers do not wait for each other.
    dynamic: Mutex<HashSet<String>>,
    breaker: Mutex<Breaker>,
    leases: Mutex<Leases>,
}

/// Only whole changes are made under these locks, so a panic elsewhere leaves them sound.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Desk {
    pub(super) fn new(configured: Configured, clock: Clock) -> Self {
        let Configured { name, kind, address, limits, vault } = configured;
        Self {
            name,
            kind,
            address,
            vault,
            clock,
            turns: Semaphore::new(limits.concurrency.max(1)),
            cache: Mutex::new(Cache::new(&limits)),
            flights: Mutex::default(),
            dynamic: Mutex::default(),
            breaker: Mutex::new(Breaker::new(limits.breaker_failures, limits.breaker_open)),
            leases: Mutex::default(),
            limits,
        }
    }

    pub(super) fn leases(&self) -> MutexGuard<'_, Leases> {
        locked(&self.leases)
    }

    pub(super) fn purge(&self) -> usize {
        locked(&self.cache).clear()
    }

    pub(super) fn info(&self) -> VaultInfo {
        let cache = locked(&self.cache);
        VaultInfo {
            name: self.name.clone(),
            kind: self.kind,
            address: self.address.clone(),
            trouble: locked(&self.breaker).trouble().map(ToString::to_string),
            cached_secrets: cache.secrets(),
            cached_bytes: cache.bytes(),
            leases: self.leases().len(),
        }
    }

    /// Reads several secrets, none of them twice. One answer for each, in their order.
    pub(super) async fn read(
        self: &Arc<Self>,
        wanted: &[(String, &Reference)],
        actor: &Arc<str>,
    ) -> Vec<Outcome> {
        let mut answers: Vec<Option<Outcome>> = vec![None; wanted.len()];
        loop {
            let missing: Vec<usize> = (0..wanted.len()).filter(|&at| answers[at].is_none()).collect();
            if missing.is_empty() {
                break;
            }
            let tickets = self.board(missing.iter().map(|&at| &wanted[at]), actor);
            for (at, ticket) in missing.into_iter().zip(tickets) {
                answers[at] = match ticket {
                    Ticket::Known(outcome) => Some(outcome),
                    Ticket::Aboard(flight) => self.arrive(flight, actor).await,
                };
            }
        }
        answers.into_iter().flatten().collect()
    }

    /// What is known at once, and for the rest a flight: one that is under way, or a new one.
    fn board<'a>(
        self: &Arc<Self>,
        wanted: impl Iterator<Item = &'a (String, &'a Reference)>,
        actor: &Arc<str>,
    ) -> Vec<Ticket> {
        let now = Instant::now();
        let mut new = Vec::new();
        let tickets = wanted
            .map(|(locator, reference)| {
                if let Some(outcome) = self.known(locator, actor, now) {
                    return Ticket::Known(outcome);
                }
                let alone = locked(&self.dynamic).contains(locator).then(|| Arc::clone(actor));
                let key = (locator.clone(), alone);
                let mut flights = locked(&self.flights);
                // One that broke off brings nothing any more.
                if let Some(flight) = flights.get(&key).filter(|flight| flight.landed.has_changed().is_ok()) {
                    return Ticket::Aboard(flight.clone());
                }
                // It may have landed since: what it brought is kept before it leaves the list.
                if let Some(outcome) = self.known(locator, actor, now) {
                    return Ticket::Known(outcome);
                }
                let (land, landed) = watch::channel(None);
                let flight = Flight { leader: Arc::clone(actor), landed };
                flights.insert(key.clone(), flight.clone());
                new.push((key, (*reference).clone(), land));
                Ticket::Aboard(flight)
            })
            .collect();
        let size = self.vault.batch_size().max(1);
        while !new.is_empty() {
            let rest = new.split_off(size.min(new.len()));
            let (desk, actor) = (Arc::clone(self), Arc::clone(actor));
            // A task of its own: who asked may go away, and others wait for the same.
            tokio::spawn(async move { desk.fly(new, actor).await });
            new = rest;
        }
        tickets
    }

    fn known(&self, locator: &str, actor: &Arc<str>, now: Instant) -> Option<Outcome> {
        if let Some(known) = locked(&self.cache).fresh(locator, now) {
            return Some(known.map(|good| Got::of(good, false)));
        }
        let leases = self.leases();
        if leases.len() == 0 {
            return None;
        }
        let number = leases.find(&(locator.to_owned(), Arc::clone(actor)), now)?;
        leases.get(number).map(|leased| {
            Ok(Got {
                content: Arc::clone(&leased.content),
                version: None,
                fetched: leased.fetched,
                stale: false,
                lease: Some(number),
            })
        })
    }

    /// What the flight brought. None: it brought something that was made for somebody else.
    async fn arrive(&self, mut flight: Flight, actor: &Arc<str>) -> Option<Outcome> {
        let outcome = match flight.landed.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone()?,
            Err(_) => Err(VaultError::new(
                Fault::Unavailable,
                format!("reading from vault \"{}\" was broken off", self.name),
            )),
        };
        match &outcome {
            Ok(got) if got.lease.is_some() && flight.leader != *actor => None,
            _ => Some(outcome),
        }
    }

    async fn fly(
        self: Arc<Self>,
        flights: Vec<(FlightKey, Reference, watch::Sender<Option<Outcome>>)>,
        actor: Arc<str>,
    ) {
        let references: Vec<&Reference> = flights.iter().map(|(_, reference, _)| reference).collect();
        let answers = self.ask(&references).await;
        for ((key, _, land), answer) in flights.into_iter().zip(answers) {
            let outcome = self.keep(&key.0, answer, &actor);
            // From here on, so that it is seen to also where its reader has gone.
            if let Ok(Got { lease: Some(number), .. }) = &outcome {
                prolong::watch(&self, *number);
            }
            land.send_replace(Some(outcome));
            locked(&self.flights).remove(&key);
        }
    }

    /// Asks the vault in its turn, within the deadline, and tells the breaker.
    async fn ask(&self, references: &[&Reference]) -> Vec<Result<Fetched, VaultError>> {
        let secrets: Vec<_> = references.iter().map(|reference| reference.secret()).collect();
        let all = |error: VaultError| vec![Err(error); secrets.len()];
        let Ok(_turn) = self.turns.acquire().await else {
            return all(VaultError::new(Fault::Unavailable, "the daemon is going down"));
        };
        let probe = match self.admit() {
            Ok(probe) => probe,
            Err(error) => return all(error),
        };
        let asked = async {
            match secrets.as_slice() {
                [secret] => vec![self.vault.fetch(secret).await],
                secrets => self.vault.fetch_many(secrets).await,
            }
        };
        let mut answers = self.in_time(asked).await.unwrap_or_else(all);
        answers.resize_with(secrets.len(), || {
            Err(VaultError::new(Fault::Answer, "the vault gave fewer answers than it was asked for"))
        });
        probe.settle(
            answers.iter().find_map(|answer| answer.as_ref().err().filter(|error| error.is_outage())),
        );
        answers
    }

    /// Makes one more call to the vault, of whatever kind: within the deadline, and the breaker is told.
    pub(super) async fn call<T>(
        &self,
        call: impl Future<Output = Result<T, VaultError>>,
    ) -> Result<T, VaultError> {
        let Ok(_turn) = self.turns.acquire().await else {
            return Err(VaultError::new(Fault::Unavailable, "the daemon is going down"));
        };
        let probe = self.admit()?;
        let answer = self.in_time(call).await.and_then(|answer| answer);
        probe.settle(answer.as_ref().err().filter(|error| error.is_outage()));
        answer
    }

    /// The same without asking the breaker: ending a lease is worth an attempt.
    pub(super) async fn in_time<T>(&self, call: impl Future<Output = T>) -> Result<T, VaultError> {
        timeout(self.limits.timeout, call).await.map_err(|_| too_slow(&self.name, self.limits.timeout))
    }

    fn admit(&self) -> Result<Probe<'_>, VaultError> {
        match locked(&self.breaker).admit(Instant::now()) {
            Ok(()) => Ok(Probe { breaker: &self.breaker, settled: false }),
            Err((wait, last)) => {
                let message = format!(
                    "vault \"{}\" has failed and is left alone for {} more: {}",
                    self.name,
                    humantime::format_duration(Duration::from_millis(
                        u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
                    )),
                    last.message
                );
                Err(VaultError { message, retry_after: Some(wait), ..last })
            }
        }
    }

    /// Remembers an answer, and says what readers get.
    fn keep(&self, locator: &str, answer: Result<Fetched, VaultError>, actor: &Arc<str>) -> Outcome {
        let now = Instant::now();
        let answer = answer.and_then(|fetched| {
            if fetched.content.len() > MAX_SECRET_BYTES { Err(self.too_large()) } else { Ok(fetched) }
        });
        match answer {
            Ok(Fetched { content, version: _, lease: Some(lease) }) => {
                locked(&self.dynamic).insert(locator.to_owned());
                let key: Key = (locator.to_owned(), Arc::clone(actor));
                let fetched = (self.clock)();
                let mut leases = self.leases();
                let number = leases.insert(key, content, lease, fetched, now);
                leases.get(number).map_or_else(
                    || Err(VaultError::new(Fault::LeaseGone, "the lease ended at once")),
                    |leased| {
                        Ok(Got {
                            content: Arc::clone(&leased.content),
                            version: None,
                            fetched,
                            stale: false,
                            lease: Some(number),
                        })
                    },
                )
            }
            Ok(Fetched { content, version, lease: None }) => {
                let good = Good::new(content, version, (self.clock)(), now);
                locked(&self.cache).put(locator.to_owned(), good.clone());
                Ok(Got::of(good, false))
            }
            Err(error) if error.is_outage() => {
                let stale = locked(&self.cache).stale(locator, now);
                match stale {
                    Some(good) => {
                        tracing::warn!(vault = %self.name, locator, %error, "the last good value is handed out");
                        Ok(Got::of(good, true))
                    }
                    None => Err(error),
                }
            }
            Err(error) => {
                let settled = matches!(
                    error.fault,
                    Fault::NotFound | Fault::VersionGone | Fault::Denied | Fault::Disabled
                );
                if settled {
                    locked(&self.cache).put_error(locator.to_owned(), error.clone(), now);
                } else {
                    locked(&self.cache).remove(locator);
                }
                Err(error)
            }
        }
    }

    fn too_large(&self) -> VaultError {
        VaultError::new(
            Fault::TooLarge,
            format!(
                "the secret in vault \"{}\" is larger than {MAX_SECRET_BYTES} bytes (16 MiB), the limit",
                self.name
            ),
        )
        .remedy("keep in the vault what decrypts it, and the rest elsewhere")
    }
}

pub(super) fn too_slow(name: &VaultName, allowed: Duration) -> VaultError {
    VaultError::new(
        Fault::Unavailable,
        format!("vault \"{name}\" did not answer within {}", humantime::format_duration(allowed)),
    )
    .remedy("look whether it is up and can be reached, or allow more time with its setting `timeout`")
}

/// A call that the breaker let through, and that owes it an answer.
struct Probe<'a> {
    breaker: &'a Mutex<Breaker>,
    settled: bool,
}

impl Probe<'_> {
    fn settle(mut self, outage: Option<&VaultError>) {
        self.settled = true;
        let mut breaker = locked(self.breaker);
        match outage {
            None => breaker.served(),
            Some(error) => breaker.failed(Instant::now(), error),
        }
    }
}

impl Drop for Probe<'_> {
    fn drop(&mut self) {
        if !self.settled {
            locked(self.breaker).abandoned();
        }
    }
}
