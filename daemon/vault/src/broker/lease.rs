//! One dynamic secret and its lease: who claims it, and what has to be done about it next. In memory only: the leases of a
//! daemon that was killed expire.
//!
//! It decides; `lease_task` speaks to the vault.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::{sync::Notify, time::Instant};

use super::{answer::LeaseTerm, cache::StoredSecret};
use crate::secret;

/// Longer leases count as this long: beyond it, adding to an instant may overflow.
const MAX_DURATION: Duration = Duration::from_hours(24 * 365);

/// The first and the longest wait after a renewal that failed.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));

/// What a reader finds a lease by.
pub(super) struct LeaseKey {
    pub(super) locator: Arc<str>,
    pub(super) actor: Arc<str>,
}

/// A dynamic secret that was made for one actor.
pub(super) struct Lease {
    pub(super) secret: Arc<StoredSecret>,
    /// `None` where it was made for a check.
    pub(super) key: Option<LeaseKey>,
    pub(super) id: secret::LeaseId,
    /// What was granted at first, and is requested by renewals.
    pub(super) initial: Duration,
    state: Mutex<State>,
    /// Notified when claims come or go.
    pub(super) changed: Notify,
}

struct State {
    granted: Duration,
    expires: Instant,
    expires_at: Timestamp,
    renewable: bool,
    /// When to renew it, if somebody claims it.
    due: Instant,
    /// Whether the vault granted less than at first.
    capped: bool,
    /// The number of renewals that failed in a row.
    failures: u32,
    /// The number of claims.
    claims: usize,
    /// Until when it is kept for readers who do not claim it: when it would have expired when they got it.
    detached_until: Option<Instant>,
    ended: bool,
}

/// What has to be done about a lease.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing until then or until the claims change.
    Wait(Instant),
    /// Renew it.
    Renew,
    /// Revoke it, because nobody needs it. From now on it cannot be claimed.
    Revoke,
    /// Forget it, because it has ended.
    Forget,
}

impl Lease {
    /// Makes a lease that was granted with a secret. Claim it before its task starts, which would revoke it.
    pub(super) fn new(secret: Arc<StoredSecret>, key: Option<LeaseKey>, lease: secret::Lease) -> Self {
        let initial = lease.duration.min(MAX_DURATION);
        let state = State {
            granted: initial,
            expires: secret.read + initial,
            expires_at: saturating_add(secret.fetched, initial),
            renewable: lease.renewable,
            due: due(secret.read, initial),
            capped: false,
            failures: 0,
            claims: 0,
            detached_until: None,
            ended: false,
        };
        Self { secret, key, id: lease.id, initial, state: Mutex::new(state), changed: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the locator for logs; `None` for a check.
    pub(super) fn locator(&self) -> Option<&str> {
        self.key.as_ref().map(|key| &*key.locator)
    }

    /// Claims the lease until the claim is dropped, unless it has ended.
    pub(super) fn claim(self: &Arc<Self>, now: Instant) -> Option<Claim> {
        let mut state = self.state();
        if state.ended || now >= state.expires {
            return None;
        }
        state.claims += 1;
        drop(state);
        self.changed.notify_one();
        Some(Claim(Arc::clone(self)))
    }

    /// Claims the lease for a new reader, unless so little of it is left that a new secret is better.
    pub(super) fn claim_if_fresh(self: &Arc<Self>, now: Instant) -> Option<Claim> {
        let state = self.state();
        let left = state.expires.saturating_duration_since(now);
        let kept_alive = state.claims > 0 && state.renewable && !state.capped && state.failures == 0;
        drop(state);
        if kept_alive || left >= self.initial / 3 { self.claim(now) } else { None }
    }

    /// Returns what has to be done now.
    pub(super) fn step(&self, now: Instant, closing: bool) -> Step {
        let mut state = self.state();
        if state.ended || now >= state.expires {
            state.ended = true;
            return Step::Forget;
        }
        let detached_until = state.detached_until.filter(|until| now < *until);
        match (state.claims, detached_until) {
            _ if closing => {}
            (0, None) => {}
            (0, Some(until)) => return Step::Wait(until.min(state.expires)),
            _ if !state.renewable => return Step::Wait(state.expires),
            _ if now >= state.due => return Step::Renew,
            _ => return Step::Wait(state.due.min(state.expires)),
        }
        state.ended = true;
        Step::Revoke
    }

    /// Records that the vault renewed it, in the answer to a call that began then.
    pub(super) fn renewed(&self, lease: &secret::Lease, started: Instant, started_at: Timestamp) {
        let mut state = self.state();
        let granted = lease.duration.min(MAX_DURATION);
        let expires = started + granted;
        // A vault may round a little. One with a maximum lifetime grants less and less toward its end.
        state.capped = granted < self.initial.saturating_sub(self.initial / 10);
        let is_last_grant = state.capped && expires <= state.expires + Duration::from_secs(1);
        state.renewable = lease.renewable && !is_last_grant;
        (state.granted, state.expires, state.expires_at) =
            (granted, expires, saturating_add(started_at, granted));
        state.due = due(started, granted);
        state.failures = 0;
    }

    /// Records that a renewal failed, which is retried in a while. Returns how many failed in a row.
    pub(super) fn renewal_failed(&self, wait: Option<Duration>, now: Instant) -> u32 {
        let mut state = self.state();
        let backoff = RETRY.0.saturating_mul(1 << state.failures.min(10)).min(RETRY.1);
        let wait = wait.unwrap_or_default().min(RETRY.1).max(backoff);
        state.failures = state.failures.saturating_add(1);
        state.due = now + wait.mul_f64(1.0 + 0.1 * fastrand::f64());
        state.failures
    }

    /// Records that it has ended, whatever was granted.
    pub(super) fn end(&self) {
        self.state().ended = true;
    }

    /// Returns whether it has not ended.
    pub(super) fn is_alive(&self, now: Instant) -> bool {
        let state = self.state();
        !state.ended && now < state.expires
    }

    /// Returns when it expires unless it is renewed.
    pub(super) fn expires(&self) -> Instant {
        self.state().expires
    }

    /// Returns its term for readers.
    pub(super) fn term(&self) -> LeaseTerm {
        let state = self.state();
        LeaseTerm { duration: state.granted, renewable: state.renewable, expires: state.expires_at }
    }

    /// Returns how long a holder can rely on it without renewing the hold.
    pub(super) fn hold_term(&self, now: Instant) -> Duration {
        let state = self.state();
        if state.renewable { state.granted } else { state.expires.saturating_duration_since(now) }
    }
}

/// Keeps a lease alive. Dropping the last one ends the lease, unless it is detached.
pub(super) struct Claim(Arc<Lease>);

impl Claim {
    pub(super) fn lease(&self) -> &Arc<Lease> {
        &self.0
    }

    /// Makes a second claim on the same lease.
    pub(super) fn duplicate(&self) -> Self {
        self.0.state().claims += 1;
        Self(Arc::clone(&self.0))
    }

    /// Leaves the lease to a reader who will not release it: it is not revoked before it would expire now.
    pub(super) fn detach(&self) {
        let mut state = self.0.state();
        state.detached_until = state.detached_until.max(Some(state.expires));
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

/// Returns when to renew: after two thirds, or a little earlier so that leases of one instant are renewed apart.
fn due(from: Instant, granted: Duration) -> Instant {
    from + granted.mul_f64(2.0 / 3.0 - 0.05 * fastrand::f64())
}

/// Adds a duration, up to the last timestamp.
pub(super) fn saturating_add(time: Timestamp, wait: Duration) -> Timestamp {
    SignedDuration::try_from(wait).ok().and_then(|wait| time.checked_add(wait).ok()).unwrap_or(Timestamp::MAX)
}
