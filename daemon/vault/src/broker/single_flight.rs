//! Single flight: a request for a secret that is being fetched already waits for that fetch. A fetch belongs to nobody: it
//! continues when everybody who waits for it is gone.
//!
//! This module does not know how to fetch: the leader does, and finishes the flight.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use super::{cache::StoredSecret, lease::Claim};
use crate::error::VaultError;

/// What is being fetched, and for whom.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct FlightKey {
    pub(super) locator: Arc<str>,
    /// `None`: for everybody. One actor, where the secret is known to be made for each of them.
    pub(super) actor: Option<Arc<str>>,
}

/// A secret that was fetched.
#[derive(Clone)]
pub(super) enum FetchedSecret {
    /// The same for everybody.
    Shared(Arc<StoredSecret>),
    /// Made for the leader of the flight; for nobody where that was a check.
    Leased { owner: Option<Arc<str>>, claim: Arc<Claim> },
}

pub(super) type FetchResult = Result<FetchedSecret, VaultError>;

type Receiver = watch::Receiver<Option<FetchResult>>;

/// What is being fetched from one vault.
#[derive(Default)]
pub(super) struct SingleFlight(Mutex<HashMap<FlightKey, Receiver>>);

/// How a request takes part in a flight.
pub(super) enum Join<T> {
    /// Not at all: the answer has become known.
    Known(T),
    /// It waits for a flight.
    Follow(Follower),
    /// It begins a flight, and waits for it.
    Lead(Leader, Follower),
}

/// Waits for the end of a flight.
pub(super) struct Follower(Receiver);

/// The duty to fetch something. If it is dropped before [`finish`](Self::finish), the followers learn that the flight was
/// interrupted.
pub(super) struct Leader {
    flights: Arc<SingleFlight>,
    pub(super) key: FlightKey,
    result: watch::Sender<Option<FetchResult>>,
}

impl SingleFlight {
    fn in_flight(&self) -> MutexGuard<'_, HashMap<FlightKey, Receiver>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Joins the flight of this key, or begins one. `recheck` looks once more for the result of a flight that has ended in
    /// the meantime.
    pub(super) fn join<T>(self: &Arc<Self>, key: FlightKey, recheck: impl FnOnce() -> Option<T>) -> Join<T> {
        match self.in_flight().entry(key) {
            Entry::Occupied(flight) => Join::Follow(Follower(flight.get().clone())),
            Entry::Vacant(vacant) => {
                if let Some(known) = recheck() {
                    return Join::Known(known);
                }
                let (result, receiver) = watch::channel(None);
                let key = vacant.key().clone();
                vacant.insert(receiver.clone());
                Join::Lead(Leader { flights: Arc::clone(self), key, result }, Follower(receiver))
            }
        }
    }

    /// Closes the flights to new followers. Those who joined before are still answered.
    pub(super) fn clear(&self) {
        self.in_flight().clear();
    }
}

impl Follower {
    /// Waits for the result; `None` means that the flight was interrupted.
    pub(super) async fn result(mut self) -> Option<FetchResult> {
        self.0.wait_for(Option::is_some).await.ok().and_then(|result| result.clone())
    }
}

impl Leader {
    /// Answers all followers. Later requests find what was cached, or begin a new flight.
    pub(super) fn finish(self, result: FetchResult) {
        self.remove();
        self.result.send_replace(Some(result));
    }

    fn remove(&self) {
        let mut in_flight = self.flights.in_flight();
        if in_flight.get(&self.key).is_some_and(|flight| flight.same_channel(&self.result.subscribe())) {
            in_flight.remove(&self.key);
        }
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        self.remove();
    }
}
