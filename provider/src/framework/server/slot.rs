//! What belongs to one connection of a host: its session, and its wish to stop.
//!
//! A process can be asked by several configurations of the provider at once (two aliases, when debugging), each over a
//! connection of its own. None sees another's session, and a session ends with its connection.

use std::future::Future;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, PoisonError, RwLock};

use tfplugin_proto::serve::ConnectionScope;
use tokio::sync::Notify;
use tonic::Request;

use super::Server;
use crate::framework::diagnostics::{Diagnostic, Diagnostics};
use crate::framework::provider::Provider;

/// The session, and what was already said about it.
pub(super) struct Configured<S> {
    pub(super) session: Arc<S>,
    pub(super) told_not_ready: AtomicBool,
}

/// What one connection shares among its calls.
pub(super) struct Slot<S> {
    configured: RwLock<Option<Arc<Configured<S>>>>,
    stop: Notify,
}

impl<S> Default for Slot<S> {
    fn default() -> Self {
        Self { configured: RwLock::default(), stop: Notify::new() }
    }
}

impl<S> Slot<S> {
    /// Begins with a new session. Calls that run keep the one that they began with.
    pub(super) fn configure(&self, session: S) {
        let configured = Configured { session: Arc::new(session), told_not_ready: AtomicBool::new(false) };
        *self.configured.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(configured));
    }

    pub(super) fn configured(&self) -> Result<Arc<Configured<S>>, Diagnostic> {
        // A poisoned lock still holds the whole session or none: it is only ever replaced.
        let configured = self.configured.read().unwrap_or_else(PoisonError::into_inner);
        configured.clone().ok_or_else(|| {
            Diagnostic::error(
                "The provider is not configured",
                "The call needs a configured provider, and none was configured over this connection. This is a defect \
                 of the caller.",
            )
        })
    }

    /// Gives up a read when the host asks to stop. Writes are not given up: their outcome would be unknown.
    pub(super) async fn unless_stopped<T>(
        &self,
        read: impl Future<Output = Result<T, Diagnostics>>,
    ) -> Result<T, Diagnostics> {
        tokio::select! {
            result = read => result,
            () = self.stop.notified() => Err(Diagnostic::error(
                "Interrupted",
                "The host asked the provider to stop while it was reading. Nothing was changed.",
            )
            .into()),
        }
    }

    /// What reads now gives up.
    pub(super) fn stop(&self) {
        self.stop.notify_waiters();
    }
}

impl<P: Provider> Server<P> {
    /// The slot of the connection that the request came over. Calls that come over none share one.
    pub(super) fn slot<T>(&self, request: &Request<T>) -> Arc<Slot<P::Session>> {
        match ConnectionScope::of(request) {
            Some(scope) => scope.keep(Slot::default),
            None => Arc::clone(&self.unconnected),
        }
    }
}
