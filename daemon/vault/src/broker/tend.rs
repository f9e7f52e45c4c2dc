//! Tends one lease for as long as it lives: prolongs it while somebody holds it, revokes it when nobody needs it, forgets
//! it when it has ended.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep, sleep_until};

use super::{
    Fault,
    backend::{Backend, outage},
    lease::{Lease, Step},
};

/// The first wait after a revocation that failed, and the longest.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));

/// Ends when the lease has.
pub(super) async fn tend(backend: Arc<Backend>, lease: Arc<Lease>) {
    let closing = &backend.closing;
    loop {
        match lease.step(Instant::now(), closing.is_cancelled()) {
            Step::Wait(until) => tokio::select! {
                () = sleep_until(until) => {}
                () = lease.changed.notified() => {}
                () = closing.cancelled() => {}
            },
            Step::Renew => tokio::select! {
                () = renew(&backend, &lease) => {}
                () = closing.cancelled() => {}
            },
            Step::Revoke => {
                revoke(&backend, &lease).await;
                break;
            }
            Step::Forget => {
                tracing::debug!(vault = %backend.name, locator = lease.locator(), "a lease has ended");
                break;
            }
        }
    }
    backend.leases.remove(&lease);
}

async fn renew(backend: &Backend, lease: &Lease) {
    let Ok(_turn) = backend.upkeep.acquire().await else { return };
    let (asked, asked_at) = (Instant::now(), (backend.clock)());
    match backend.call(backend.vault.renew(&lease.id, lease.first), outage).await.flatten() {
        Ok(granted) => {
            tracing::debug!(vault = %backend.name, locator = lease.locator(), granted = ?granted.duration, "a lease was prolonged");
            lease.renewed(&granted, asked, asked_at);
        }
        Err(error) if error.fault == Fault::LeaseGone => {
            tracing::warn!(vault = %backend.name, locator = lease.locator(), %error, "a lease that is still needed has ended");
            lease.end();
        }
        Err(error) => {
            let failed = lease.not_renewed(error.retry_after, Instant::now());
            if failed == 1 {
                tracing::warn!(vault = %backend.name, locator = lease.locator(), %error, "a lease could not be prolonged; it is tried again until it ends");
            }
        }
    }
}

/// Tries until it is done, or the lease has ended by itself. When the daemon stops, an open breaker does not count: there
/// will be no better time.
async fn revoke(backend: &Backend, lease: &Lease) {
    let closing = &backend.closing;
    let mut backoff = RETRY.0;
    loop {
        let Ok(turn) = backend.upkeep.acquire().await else { return };
        let hurry = closing.is_cancelled();
        let call = backend.vault.revoke(&lease.id);
        let result = if hurry {
            backend.within_time(call).await.flatten()
        } else {
            // A call that hangs shall not keep the daemon from stopping.
            tokio::select! {
                result = backend.call(call, outage) => result.flatten(),
                () = closing.cancelled() => continue,
            }
        };
        drop(turn);
        let now = Instant::now();
        match result {
            Ok(()) => {
                tracing::debug!(vault = %backend.name, locator = lease.locator(), "a lease was revoked");
                return;
            }
            Err(error) if error.fault == Fault::LeaseGone || now >= lease.expires() => return,
            Err(error) if !error.is_outage() => {
                tracing::warn!(vault = %backend.name, locator = lease.locator(), %error, "a lease could not be revoked; it ends by itself");
                return;
            }
            Err(error) => {
                tracing::debug!(vault = %backend.name, locator = lease.locator(), %error, "a lease could not be revoked yet");
                let wait = error.retry_after.unwrap_or_default().min(RETRY.1).max(backoff);
                let wait = if hurry { backoff } else { wait };
                tokio::select! {
                    () = sleep(wait) => {}
                    () = closing.cancelled(), if !hurry => {}
                }
                backoff = (backoff * 2).min(RETRY.1);
            }
        }
    }
}
