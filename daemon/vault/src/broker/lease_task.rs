//! The task of one lease: renews it while somebody claims it, revokes it when nobody does, forgets it when it has expired.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep, sleep_until};

use super::{
    backend::{Backend, outage},
    lease::{Lease, Step},
};
use crate::error::VaultErrorKind;

/// The first and the longest wait after a revocation that failed.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));

/// Runs until the lease has ended.
pub(super) async fn run(backend: Arc<Backend>, lease: Arc<Lease>) {
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
                tracing::debug!(vault = %backend.name, locator = lease.locator(), "a lease has expired");
                break;
            }
        }
    }
    backend.leases.remove(&lease);
}

async fn renew(backend: &Backend, lease: &Lease) {
    let Ok(_slot) = backend.lease_slots.acquire().await else { return };
    let (started, started_at) = (Instant::now(), (backend.clock)());
    match backend.call(backend.vault.renew(&lease.id, lease.initial), outage).await.flatten() {
        Ok(granted) => {
            tracing::debug!(vault = %backend.name, locator = lease.locator(), granted = ?granted.duration, "a lease was renewed");
            lease.renewed(&granted, started, started_at);
        }
        Err(error) if error.kind == VaultErrorKind::LeaseGone => {
            tracing::warn!(vault = %backend.name, locator = lease.locator(), %error, "a lease that is still needed has expired");
            lease.end();
        }
        Err(error) => {
            let failures = lease.renewal_failed(error.retry_after, Instant::now());
            if failures == 1 {
                tracing::warn!(vault = %backend.name, locator = lease.locator(), %error, "a lease could not be renewed; retrying until it expires");
            }
        }
    }
}

/// Tries until it succeeds, or the lease has expired. When the daemon stops, an open breaker does not count: there will be
/// no better time.
async fn revoke(backend: &Backend, lease: &Lease) {
    let closing = &backend.closing;
    let mut backoff = RETRY.0;
    loop {
        let Ok(slot) = backend.lease_slots.acquire().await else { return };
        let hurry = closing.is_cancelled();
        let call = backend.vault.revoke(&lease.id);
        let result = if hurry {
            backend.within_deadline(call).await.flatten()
        } else {
            // A call that hangs must not keep the daemon from stopping.
            tokio::select! {
                result = backend.call(call, outage) => result.flatten(),
                () = closing.cancelled() => continue,
            }
        };
        drop(slot);
        let now = Instant::now();
        match result {
            Ok(()) => {
                tracing::debug!(vault = %backend.name, locator = lease.locator(), "a lease was revoked");
                return;
            }
            Err(error) if error.kind == VaultErrorKind::LeaseGone || now >= lease.expires() => return,
            Err(error) if !error.is_outage() => {
                tracing::warn!(vault = %backend.name, locator = lease.locator(), %error, "a lease could not be revoked; it expires");
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
