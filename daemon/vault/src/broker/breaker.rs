//! The circuit breaker of one vault: after some failures in a row, or where the vault asks for it, the vault is not called
//! for a while; then one call probes it for all.
//!
//! It does not know what the calls do; only whether the vault itself failed counts.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kontraktor_model::names::VaultName;
use tokio::time::Instant;

use super::limits::Limits;
use crate::error::VaultError;

/// The longest wait that a vault can ask for.
const MAX_WAIT: Duration = Duration::from_mins(5);

/// Decides whether a vault is called.
pub(super) struct Breaker {
    vault: VaultName,
    failures: u32,
    open_for: Duration,
    state: Mutex<State>,
}

struct State {
    /// Failures in a row.
    failed: u32,
    open: Option<Open>,
    /// Grows when the breaker opens or closes: the results of calls that began before are out of date.
    epoch: u64,
}

struct Open {
    until: Instant,
    /// The failure that opened it.
    cause: VaultError,
    /// Whether a call is probing the vault.
    probing: bool,
}

/// The permission to call the vault once. Dropped without [`record`](Self::record), it says nothing about the vault.
pub(super) struct Permit<'a> {
    breaker: &'a Breaker,
    epoch: u64,
    probe: bool,
}

impl Breaker {
    pub(super) fn new(vault: VaultName, limits: &Limits) -> Self {
        Self {
            vault,
            failures: limits.breaker_failures,
            open_for: limits.breaker_open,
            state: Mutex::new(State { failed: 0, open: None, epoch: 0 }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a permit to call the vault, or why it is not called.
    pub(super) fn admit(&self, now: Instant) -> Result<Permit<'_>, VaultError> {
        let mut state = self.state();
        let epoch = state.epoch;
        let probe = match &mut state.open {
            None => false,
            Some(open) if open.probing || now < open.until => {
                return Err(open.refusal(&self.vault, now));
            }
            Some(open) => {
                open.probing = true;
                true
            }
        };
        Ok(Permit { breaker: self, epoch, probe })
    }

    /// Returns why the vault would not be called now.
    pub(super) fn refusal(&self, now: Instant) -> Option<VaultError> {
        let state = self.state();
        state
            .open
            .as_ref()
            .filter(|open| open.probing || now < open.until)
            .map(|open| open.refusal(&self.vault, now))
    }

    /// Returns the failure that opened the breaker, also where it is time to probe the vault.
    pub(super) fn cause(&self) -> Option<String> {
        self.state().open.as_ref().map(|open| open.cause.message.clone())
    }

    fn open(&self, state: &mut State, cause: VaultError, now: Instant) {
        let asked = cause.retry_after.filter(|asked| !asked.is_zero());
        let wait = asked.map_or(self.open_for, |asked| asked.min(MAX_WAIT));
        tracing::warn!(vault = %self.vault, error = %cause, ?wait, "the circuit breaker opened");
        state.open = Some(Open { until: now + wait, cause, probing: false });
        state.epoch += 1;
    }
}

impl Open {
    fn refusal(&self, vault: &VaultName, now: Instant) -> VaultError {
        let wait = self.until.saturating_duration_since(now);
        let cause = &self.cause.message;
        let message = if wait.is_zero() {
            format!("vault \"{vault}\" is unavailable and being retried: {cause}")
        } else {
            let seconds = wait.as_millis().div_ceil(1_000);
            format!("vault \"{vault}\" is unavailable and not retried for another {seconds} s: {cause}")
        };
        VaultError { message, retry_after: Some(wait), ..self.cause.clone() }
    }
}

impl Permit<'_> {
    /// Records how the call ended; `None` means that the vault answered.
    pub(super) fn record(mut self, outage: Option<&VaultError>, now: Instant) {
        let breaker = self.breaker;
        let mut state = breaker.state();
        if state.epoch == self.epoch {
            match outage {
                None => {
                    state.failed = 0;
                    if self.probe {
                        tracing::info!(vault = %breaker.vault, "the circuit breaker closed");
                        state.open = None;
                        state.epoch += 1;
                    }
                }
                Some(cause) => {
                    state.failed = state.failed.saturating_add(1);
                    if self.probe || state.failed >= breaker.failures || cause.retry_after.is_some() {
                        breaker.open(&mut state, cause.clone(), now);
                    }
                }
            }
        }
        // Recorded: nothing is left for Drop.
        self.probe = false;
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.probe {
            let mut state = self.breaker.state();
            let current = state.epoch == self.epoch;
            if let Some(open) = state.open.as_mut().filter(|_| current) {
                open.probing = false;
            }
        }
    }
}
