//! The state of one connection with a host: its session, and whether the host wants to stop.
//!
//! A process can serve several configurations of the provider at once (two aliases, when debugging), each over its own
//! connection. None sees another's session, and a session ends with its connection.

use std::future::Future;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, PoisonError, RwLock};

use tfplugin_proto::serve::ConnectionExtensions;
use tokio::sync::Notify;
use tonic::Request;

use super::Server;
use crate::framework::diagnostics::{Diagnostic, Diagnostics};
use crate::framework::provider::Provider;

/// The session, and whether the warning about it was shown.
pub(super) struct Configured<S> {
    pub(super) session: Arc<S>,
    pub(super) warned_not_ready: AtomicBool,
}

/// What the calls of one connection share.
pub(super) struct ConnectionState<S> {
    configured: RwLock<Option<Arc<Configured<S>>>>,
    stop: Notify,
}

impl<S> Default for ConnectionState<S> {
    fn default() -> Self {
        Self { configured: RwLock::default(), stop: Notify::new() }
    }
}

impl<S> ConnectionState<S> {
    /// Sets a new session. Calls in progress keep the old one.
    pub(super) fn configure(&self, session: S) {
        let configured = Configured { session: Arc::new(session), warned_not_ready: AtomicBool::new(false) };
        *self.configured.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(configured));
    }

    pub(super) fn configured(&self) -> Result<Arc<Configured<S>>, Diagnostic> {
        // The session is only ever replaced as a whole, so the one behind a poisoned lock is consistent.
        let configured = self.configured.read().unwrap_or_else(PoisonError::into_inner);
        configured.clone().ok_or_else(|| {
            Diagnostic::error(
                "Provider is not configured",
                "The host called the provider over a connection on which it was not configured. This is a bug in the host.",
            )
        })
    }

    /// Cancels a read when the host wants to stop. Writes are never cancelled, because their outcome would be unknown.
    pub(super) async fn or_stopped<T>(
        &self,
        read: impl Future<Output = Result<T, Diagnostics>>,
    ) -> Result<T, Diagnostics> {
        tokio::select! {
            result = read => result,
            () = self.stop.notified() => Err(Diagnostic::error(
                "Interrupted",
                "The host stopped the provider during a read. Nothing was changed.",
            )
            .into()),
        }
    }

    /// Cancels the reads in progress.
    pub(super) fn stop(&self) {
        self.stop.notify_waiters();
    }
}

impl<P: Provider> Server<P> {
    /// Returns the state of the request's connection. Requests without a connection share one.
    pub(super) fn connection<T>(&self, request: &Request<T>) -> Arc<ConnectionState<P::Session>> {
        match ConnectionExtensions::of(request) {
            Some(scope) => scope.get_or_init(ConnectionState::default),
            None => Arc::clone(&self.default_connection),
        }
    }
}
