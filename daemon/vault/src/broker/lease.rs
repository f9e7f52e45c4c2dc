//! One dynamic secret and its lease: who still claims it, and what is to be done about it next. In memory only: a lease of a
//! daemon that was killed ends by itself.
//!
//! It decides; speaking to the vault is the matter of `tend`.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::{sync::Notify, time::Instant};

use super::{LeaseTerm, cache::Stored, vault};

/// Longer leases count as this long: beyond it, adding to a moment may fail.
const LONGEST: Duration = Duration::from_hours(24 * 365);

/// The first wait after a renewal that failed, and the longest.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));

/// A dynamic secret that was made for one actor.
pub(super) struct Lease {
    pub(super) stored: Arc<Stored>,
    /// Under which locator and for whom others may find it; `None`: it was made for a check.
    pub(super) place: Option<(Arc<str>, Arc<str>)>,
    pub(super) id: vault::LeaseId,
    /// What was granted at first, and is asked for again.
    pub(super) first: Duration,
    state: Mutex<State>,
    /// Claims came or went.
    pub(super) changed: Notify,
}

struct State {
    granted: Duration,
    expires: Instant,
    expires_at: Timestamp,
    renewable: bool,
    /// When to renew it, if somebody holds it.
    due: Instant,
    /// The vault granted less than at first.
    capped: bool,
    /// Renewals that failed in a row.
    failed: u32,
    /// Those who need it for as long as they say.
    claims: usize,
    /// Those who need it, and will not say for how long: until it would have ended when they got it.
    left_until: Option<Instant>,
    over: bool,
}

/// What is to be done about a lease.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing until then, or until the claims change.
    Wait(Instant),
    /// Prolong it.
    Renew,
    /// Nobody needs it any longer. From now on nobody can claim it.
    Revoke,
    /// It has ended.
    Forget,
}

impl Lease {
    /// A lease that was granted in the answer to a call of that moment. Claim it before it is tended.
    pub(super) fn new(stored: Arc<Stored>, place: Option<(Arc<str>, Arc<str>)>, lease: vault::Lease) -> Self {
        let first = lease.duration.min(LONGEST);
        let state = State {
            granted: first,
            expires: stored.read + first,
            expires_at: later(stored.fetched, first),
            renewable: lease.renewable,
            due: due(stored.read, first),
            capped: false,
            failed: 0,
            claims: 0,
            left_until: None,
            over: false,
        };
        Self { stored, place, id: lease.id, first, state: Mutex::new(state), changed: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For logs.
    pub(super) fn locator(&self) -> &str {
        self.place.as_ref().map_or("", |(locator, _)| locator)
    }

    /// Claims it until the claim is dropped, unless it has ended.
    pub(super) fn claim(self: &Arc<Self>, now: Instant) -> Option<Claim> {
        let mut state = self.state();
        if state.over || now >= state.expires {
            return None;
        }
        state.claims += 1;
        drop(state);
        self.changed.notify_one();
        Some(Claim(Arc::clone(self)))
    }

    /// Claims it for a new reader, unless so little of it is left that they had better get another.
    pub(super) fn claim_for_long(self: &Arc<Self>, now: Instant) -> Option<Claim> {
        let state = self.state();
        let left = state.expires.saturating_duration_since(now);
        let kept_alive = state.claims > 0 && state.renewable && !state.capped && state.failed == 0;
        drop(state);
        if kept_alive || left >= self.first / 3 { self.claim(now) } else { None }
    }

    /// What is to be done now.
    pub(super) fn step(&self, now: Instant, closing: bool) -> Step {
        let mut state = self.state();
        if state.over || now >= state.expires {
            state.over = true;
            return Step::Forget;
        }
        let left_until = state.left_until.filter(|until| now < *until);
        match (state.claims, left_until) {
            _ if closing => {}
            (0, None) => {}
            (0, Some(until)) => return Step::Wait(until.min(state.expires)),
            _ if !state.renewable => return Step::Wait(state.expires),
            _ if now >= state.due => return Step::Renew,
            _ => return Step::Wait(state.due.min(state.expires)),
        }
        state.over = true;
        Step::Revoke
    }

    /// The vault prolonged it, in the answer to a call of that moment.
    pub(super) fn renewed(&self, lease: &vault::Lease, asked: Instant, asked_at: Timestamp) {
        let mut state = self.state();
        let granted = lease.duration.min(LONGEST);
        let expires = asked + granted;
        // A vault may round a little. One that has an end for all renewals grants less and less towards it.
        state.capped = granted < self.first.saturating_sub(self.first / 10);
        let final_grant = state.capped && expires <= state.expires + Duration::from_secs(1);
        state.renewable = lease.renewable && !final_grant;
        (state.granted, state.expires, state.expires_at) = (granted, expires, later(asked_at, granted));
        state.due = due(asked, granted);
        state.failed = 0;
    }

    /// It could not be prolonged; it is tried again in a while. How often that happened in a row.
    pub(super) fn not_renewed(&self, wait: Option<Duration>, now: Instant) -> u32 {
        let mut state = self.state();
        let backoff = RETRY.0.saturating_mul(1 << state.failed.min(10)).min(RETRY.1);
        let wait = wait.unwrap_or_default().min(RETRY.1).max(backoff);
        state.failed = state.failed.saturating_add(1);
        state.due = now + wait.mul_f64(1.0 + 0.1 * fastrand::f64());
        state.failed
    }

    /// It has ended, whatever was granted.
    pub(super) fn end(&self) {
        self.state().over = true;
    }

    /// Whether it has not ended.
    pub(super) fn lives(&self, now: Instant) -> bool {
        let state = self.state();
        !state.over && now < state.expires
    }

    /// When it ends unless it is renewed.
    pub(super) fn expires(&self) -> Instant {
        self.state().expires
    }

    /// For readers.
    pub(super) fn term(&self) -> LeaseTerm {
        let state = self.state();
        LeaseTerm { duration: state.granted, renewable: state.renewable, expires: state.expires_at }
    }

    /// How long somebody who holds it can rely on it before they have to say something.
    pub(super) fn span(&self, now: Instant) -> Duration {
        let state = self.state();
        if state.renewable { state.granted } else { state.expires.saturating_duration_since(now) }
    }
}

/// Keeps a lease alive. The last one that goes, where nobody else needs the lease, ends it.
pub(super) struct Claim(Arc<Lease>);

impl Claim {
    pub(super) fn lease(&self) -> &Arc<Lease> {
        &self.0
    }

    /// The same claim once more.
    pub(super) fn again(&self) -> Self {
        self.0.state().claims += 1;
        Self(Arc::clone(&self.0))
    }

    /// Leaves the lease to somebody who will not say when they are done: nobody revokes it before it would have ended now.
    pub(super) fn leave(&self) {
        let mut state = self.0.state();
        state.left_until = state.left_until.max(Some(state.expires));
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.claims -= 1;
        let last = state.claims == 0;
        drop(state);
        if last {
            self.0.changed.notify_one();
        }
    }
}

/// Two thirds of the way; a little earlier, so that leases of one moment are not renewed in one moment.
fn due(from: Instant, granted: Duration) -> Instant {
    from + granted.mul_f64(2.0 / 3.0 - 0.05 * fastrand::f64())
}

/// A moment some time after another, or the last one that there is.
pub(super) fn later(moment: Timestamp, wait: Duration) -> Timestamp {
    SignedDuration::try_from(wait)
        .ok()
        .and_then(|wait| moment.checked_add(wait).ok())
        .unwrap_or(Timestamp::MAX)
}
