//! The requests that a server received, how many were in flight at once, and how long each is made to take.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::http::Request;

/// One request that arrived. It contains nothing secret: no header, no query, no body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The method, in capitals.
    pub method: String,
    /// The path as it was sent.
    pub path: String,
    /// Whether the request carried an `Authorization` header.
    pub authorized: bool,
    /// The status of the response; `None` when there was none (yet).
    pub status: Option<u16>,
}

/// A server's traffic. Clones watch the same server.
#[derive(Debug, Clone, Default)]
pub struct Traffic(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    seen: Vec<Seen>,
    /// Grows with each reset, so that a request from before does not count as one from after.
    resets: u64,
    under_way: usize,
    most: usize,
    delay: Duration,
}

impl Traffic {
    /// Returns all requests in the order of their arrival.
    pub fn seen(&self) -> Vec<Seen> {
        self.lock().seen.clone()
    }

    /// Counts the requests that match.
    pub fn count(&self, such: impl Fn(&Seen) -> bool) -> usize {
        self.lock().seen.iter().filter(|seen| such(seen)).count()
    }

    /// Waits until `n` matching requests have arrived. Returns whether they did within `timeout`.
    pub fn wait_for(&self, n: usize, timeout: Duration, such: impl Fn(&Seen) -> bool) -> bool {
        let until = Instant::now() + timeout;
        let mut state = self.lock();
        while state.seen.iter().filter(|seen| such(seen)).count() < n {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.0.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Returns the largest number of requests that were in flight at one time.
    pub fn most_at_once(&self) -> usize {
        self.lock().most
    }

    /// Delays every later request.
    pub fn set_delay(&self, delay: Duration) {
        self.lock().delay = delay;
    }

    /// Clears all counts. Requests in flight remain in flight.
    pub fn reset(&self) {
        let mut state = self.lock();
        state.seen.clear();
        state.resets += 1;
        state.most = state.under_way;
    }

    pub(super) fn arrive(&self, request: &Request) -> Visit {
        let mut state = self.lock();
        state.seen.push(Seen {
            method: request.method().to_owned(),
            path: request.path().to_owned(),
            authorized: request.header("authorization").is_some(),
            status: None,
        });
        state.under_way += 1;
        state.most = state.most.max(state.under_way);
        let (index, resets) = (state.seen.len() - 1, state.resets);
        let visit = Visit { traffic: self.clone(), index, resets, delay: state.delay };
        drop(state);
        self.0.changed.notify_all();
        visit
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request in flight. It ends when this is dropped: with a response, or abandoned by the client.
pub(super) struct Visit {
    traffic: Traffic,
    index: usize,
    resets: u64,
    pub(super) delay: Duration,
}

impl Visit {
    pub(super) fn answered(&self, status: u16) {
        let mut state = self.traffic.lock();
        if state.resets == self.resets {
            state.seen[self.index].status = Some(status);
        }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.traffic.lock().under_way -= 1;
    }
}
