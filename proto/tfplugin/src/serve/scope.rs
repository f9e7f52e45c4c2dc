//! What belongs to one connection with a host, and goes when the connection goes.
//!
//! A process can serve several hosts at once, as in debugging, and a host can open a connection for each configuration of
//! a provider. Only the provider knows what it keeps for each.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

/// A place for what a provider keeps for one connection. Clones share it; it is empty at first.
///
/// [`Plugin`](super::Plugin) puts one into the extensions of every request, the same for all requests of a connection.
/// Whoever serves a provider in another way does so by naming it as the
/// [`ConnectInfo`](tonic::transport::server::Connected::ConnectInfo) of the connection.
#[derive(Clone, Default)]
pub struct ConnectionScope(Arc<Mutex<HashMap<TypeId, Kept>>>);

type Kept = Arc<dyn Any + Send + Sync>;

impl ConnectionScope {
    /// The scope of the connection that the request came over; none where the request came over no connection.
    pub fn of<T>(request: &tonic::Request<T>) -> Option<Self> {
        request.extensions().get().cloned()
    }

    /// What is kept of this type, which is made where nothing is kept yet.
    pub fn keep<T: Send + Sync + 'static>(&self, make: impl FnOnce() -> T) -> Arc<T> {
        // Entries are only ever added whole, so a poisoned lock holds a sound map.
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = kept.entry(TypeId::of::<T>()).or_insert_with(|| Arc::new(make()));
        Arc::clone(kept).downcast().expect("it is kept under its own type")
    }
}

impl fmt::Debug for ConnectionScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionScope").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_what_is_kept_and_it_goes_with_the_last_of_them() {
        let scope = ConnectionScope::default();
        let first = scope.keep(|| String::from("first"));
        assert_eq!(*scope.clone().keep(|| String::from("second")), "first");
        assert_eq!(*scope.keep(|| 7_u8), 7);
        assert_eq!(*ConnectionScope::default().keep(|| String::from("another")), "another");
        let weak = Arc::downgrade(&first);
        drop(first);
        assert!(weak.upgrade().is_some());
        drop(scope);
        assert!(weak.upgrade().is_none());
    }

    #[test]
    fn a_request_without_a_connection_has_no_scope() {
        assert!(ConnectionScope::of(&tonic::Request::new(())).is_none());
    }
}
