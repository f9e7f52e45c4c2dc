//! The circuit breaker of one vault: after some failures in a row, or where the vault asks for it, the vault is left alone
//! for a while; then one call tries it for all.
//!
//! It knows nothing of what the calls do; only whether the vault itself failed counts.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kontraktor_model::names::VaultName;
use tokio::time::Instant;

use super::{Limits, VaultError};

/// The longest time that a vault can ask to be left alone.
const LONGEST_WAIT: Duration = Duration::from_mins(5);

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
    /// Grows when the breaker opens or closes: how calls end that began before says nothing of what is now.
    epoch: u64,
}

struct Open {
    until: Instant,
    /// The failure that opened it.
    cause: VaultError,
    /// A call is on its way to find out.
    probing: bool,
}

/// Leave to call the vault once. Dropped without [`settle`](Self::settle), it says nothing of the vault.
pub(super) struct Pass<'a> {
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

    /// Leave to call the vault, or why not.
    pub(super) fn admit(&self, now: Instant) -> Result<Pass<'_>, VaultError> {
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
        Ok(Pass { breaker: self, epoch, probe })
    }

    /// Why the vault would not be called now.
    pub(super) fn refusal(&self, now: Instant) -> Option<VaultError> {
        let state = self.state();
        state
            .open
            .as_ref()
            .filter(|open| open.probing || now < open.until)
            .map(|open| open.refusal(&self.vault, now))
    }

    /// Why the vault is left alone, also where the time has come to try it again.
    pub(super) fn trouble(&self) -> Option<String> {
        self.state().open.as_ref().map(|open| open.cause.message.clone())
    }

    fn open(&self, state: &mut State, cause: VaultError, now: Instant) {
        let asked = cause.retry_after.filter(|asked| !asked.is_zero());
        let wait = asked.map_or(self.open_for, |asked| asked.min(LONGEST_WAIT));
        tracing::warn!(vault = %self.vault, error = %cause, ?wait, "a vault is left alone");
        state.open = Some(Open { until: now + wait, cause, probing: false });
        state.epoch += 1;
    }
}

impl Open {
    fn refusal(&self, vault: &VaultName, now: Instant) -> VaultError {
        let wait = self.until.saturating_duration_since(now);
        let cause = &self.cause.message;
        let message = if wait.is_zero() {
            format!("vault \"{vault}\" failed and is being tried again: {cause}")
        } else {
            let seconds = wait.as_millis().div_ceil(1_000);
            format!("vault \"{vault}\" failed and is left alone for another {seconds} s: {cause}")
        };
        VaultError { message, retry_after: Some(wait), ..self.cause.clone() }
    }
}

impl Pass<'_> {
    /// Says how the call ended; `None`: the vault answered.
    pub(super) fn settle(mut self, outage: Option<&VaultError>, now: Instant) {
        let breaker = self.breaker;
        let mut state = breaker.state();
        if state.epoch == self.epoch {
            match outage {
                None => {
                    state.failed = 0;
                    if self.probe {
                        tracing::info!(vault = %breaker.vault, "a vault answers again");
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
        // Settled: there is nothing for Drop to do.
        self.probe = false;
    }
}

impl Drop for Pass<'_> {
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
