//! A circuit breaker: a vault that failed several times in a row is left alone for a while, and then asked by one.

use std::time::Duration;

use tokio::time::Instant;

use super::super::VaultError;

/// The longest time that a vault is left alone because it asked for it.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// Closed while the vault serves. Knows no vault: it is told what came of each call.
#[derive(Debug)]
pub(super) struct Breaker {
    failures: u32,
    /// After so many in a row it opens.
    limit: u32,
    pause: Duration,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    until: Instant,
    /// Somebody is finding out whether it serves again.
    probing: bool,
    /// Why it was opened.
    last: VaultError,
}

impl Breaker {
    pub(super) fn new(limit: u32, pause: Duration) -> Self {
        Self { failures: 0, limit: limit.max(1), pause, open: None }
    }

    /// Whether a call may be made; otherwise how long to wait, and why. Who is let through an open one is its probe.
    pub(super) fn admit(&mut self, now: Instant) -> Result<(), (Duration, VaultError)> {
        let Some(open) = &mut self.open else { return Ok(()) };
        if now < open.until {
            return Err((open.until - now, open.last.clone()));
        }
        if open.probing {
            return Err((self.pause, open.last.clone()));
        }
        open.probing = true;
        Ok(())
    }

    /// The vault answered, whatever it said.
    pub(super) fn served(&mut self) {
        self.failures = 0;
        self.open = None;
    }

    /// The vault failed.
    pub(super) fn failed(&mut self, now: Instant, error: &VaultError) {
        self.failures = self.failures.saturating_add(1);
        let asked = error.retry_after.map(|wait| wait.min(LONGEST_PAUSE));
        if self.failures >= self.limit || self.open.is_some() || asked.is_some() {
            let until = now + asked.unwrap_or(self.pause);
            self.open = Some(Open { until, probing: false, last: error.clone() });
        }
    }

    /// A probe that was broken off says nothing.
    pub(super) fn abandoned(&mut self) {
        if let Some(open) = &mut self.open {
            open.probing = false;
        }
    }

    /// Why the vault is left alone; none: it is not.
    pub(super) fn trouble(&self) -> Option<&VaultError> {
        self.open.as_ref().map(|open| &open.last)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::super::Fault, *};

    const PAUSE: Duration = Duration::from_secs(10);

    fn down() -> VaultError {
        VaultError::new(Fault::Unavailable, "it is down")
    }

    #[tokio::test(start_paused = true)]
    async fn it_opens_after_failures_in_a_row_and_lets_one_probe_through() {
        let mut breaker = Breaker::new(3, PAUSE);
        for _ in 0..2 {
            assert!(breaker.admit(Instant::now()).is_ok());
            breaker.failed(Instant::now(), &down());
        }
        breaker.served();
        for _ in 0..3 {
            assert!(breaker.admit(Instant::now()).is_ok(), "a success in between counts anew");
            breaker.failed(Instant::now(), &down());
        }
        assert_eq!(breaker.admit(Instant::now()), Err((PAUSE, down())));
        tokio::time::advance(PAUSE).await;
        assert!(breaker.admit(Instant::now()).is_ok(), "the probe");
        assert!(breaker.admit(Instant::now()).is_err(), "and nobody else");
        breaker.failed(Instant::now(), &down());
        assert!(breaker.admit(Instant::now()).is_err(), "one failure opens it again");
        tokio::time::advance(PAUSE).await;
        assert!(breaker.admit(Instant::now()).is_ok());
        breaker.abandoned();
        assert!(breaker.admit(Instant::now()).is_ok(), "another probe");
        breaker.served();
        assert!(breaker.admit(Instant::now()).is_ok() && breaker.trouble().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_vault_that_asks_to_be_left_alone_is_within_bounds() {
        let mut breaker = Breaker::new(5, PAUSE);
        breaker.failed(Instant::now(), &down().retry_after(Duration::from_secs(3)));
        assert_eq!(breaker.admit(Instant::now()).unwrap_err().0, Duration::from_secs(3));
        tokio::time::advance(Duration::from_secs(3)).await;
        breaker.failed(Instant::now(), &down().retry_after(Duration::from_hours(100)));
        assert_eq!(breaker.admit(Instant::now()).unwrap_err().0, LONGEST_PAUSE);
    }
}
