//! Single flight: whoever wants what somebody is fetching already waits for that answer. A flight belongs to nobody: it
//! goes on when those who wait for it go away.
//!
//! It refuses to know how to fetch; the one who leads is told to, and lands the flight.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use super::{VaultError, cache::Stored, lease::Claim};

/// What is being fetched, and for whom.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct FlightKey {
    pub(super) locator: Arc<str>,
    /// `None`: for everybody. The one actor where the secret is known to be made for each.
    pub(super) actor: Option<Arc<str>>,
}

/// What a flight brought.
#[derive(Clone)]
pub(super) enum Landed {
    /// The same for everybody.
    Shared(Arc<Stored>),
    /// Made for the one who led the flight; for nobody where that was a check.
    Leased { owner: Option<Arc<str>>, claim: Arc<Claim> },
}

pub(super) type Landing = Result<Landed, VaultError>;

type Channel = watch::Receiver<Option<Landing>>;

/// What is being fetched from one vault.
#[derive(Default)]
pub(super) struct Flights(Mutex<HashMap<FlightKey, Channel>>);

/// How somebody gets what they want.
pub(super) enum Boarding<T> {
    /// It is there already.
    Seen(T),
    /// Somebody fetches it.
    Follow(Seat),
    /// It has to be fetched.
    Lead(Takeoff, Seat),
}

/// Waits for the end of a flight.
pub(super) struct Seat(Channel);

/// The duty to fetch something. Dropped without landing, those who wait are told that it broke off.
pub(super) struct Takeoff {
    flights: Arc<Flights>,
    pub(super) key: FlightKey,
    answer: watch::Sender<Option<Landing>>,
}

impl Flights {
    fn aloft(&self) -> MutexGuard<'_, HashMap<FlightKey, Channel>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Finds a seat. `last_look` looks once more where the answer of a flight that has just landed would be.
    pub(super) fn board<T>(
        self: &Arc<Self>,
        key: FlightKey,
        last_look: impl FnOnce() -> Option<T>,
    ) -> Boarding<T> {
        match self.aloft().entry(key) {
            Entry::Occupied(flight) => Boarding::Follow(Seat(flight.get().clone())),
            Entry::Vacant(place) => {
                if let Some(seen) = last_look() {
                    return Boarding::Seen(seen);
                }
                let (answer, seat) = watch::channel(None);
                let key = place.key().clone();
                place.insert(seat.clone());
                Boarding::Lead(Takeoff { flights: Arc::clone(self), key, answer }, Seat(seat))
            }
        }
    }

    /// Lets nobody else board what is aloft. Those who did are still answered.
    pub(super) fn clear(&self) {
        self.aloft().clear();
    }
}

impl Seat {
    /// The answer; `None`: the flight broke off.
    pub(super) async fn landing(mut self) -> Option<Landing> {
        self.0.wait_for(Option::is_some).await.ok().and_then(|landing| landing.clone())
    }
}

impl Takeoff {
    /// Answers everybody. Whoever comes from now on finds what was kept, or begins anew.
    pub(super) fn land(self, landing: Landing) {
        self.leave();
        self.answer.send_replace(Some(landing));
    }

    fn leave(&self) {
        let mut aloft = self.flights.aloft();
        if aloft.get(&self.key).is_some_and(|seat| seat.same_channel(&self.answer.subscribe())) {
            aloft.remove(&self.key);
        }
    }
}

impl Drop for Takeoff {
    fn drop(&mut self) {
        self.leave();
    }
}
