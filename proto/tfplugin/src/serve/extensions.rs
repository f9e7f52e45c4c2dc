//! Values that a provider attaches to one connection with a host, and that are dropped with it.
//!
//! A process can serve several hosts at once, as in debugging, and a host can open a connection for each configuration of a
//! provider.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

/// A type map for the values that a provider attaches to one connection. Clones share it; it starts empty.
///
/// [`Plugin`](super::Plugin) puts one into the extensions of every request, the same for all requests of a connection.
/// If you serve a provider in another way, use it as the connection's
/// [`ConnectInfo`](tonic::transport::server::Connected::ConnectInfo).
#[derive(Clone, Default)]
pub struct ConnectionExtensions(Arc<Mutex<HashMap<TypeId, Extension>>>);

type Extension = Arc<dyn Any + Send + Sync>;

impl ConnectionExtensions {
    /// Returns the extensions of the request's connection; `None` if the request came over no connection.
    pub fn of<T>(request: &tonic::Request<T>) -> Option<Self> {
        request.extensions().get().cloned()
    }

    /// Returns the value of this type, which the first call creates with `init`.
    pub fn get_or_init<T: Send + Sync + 'static>(&self, init: impl FnOnce() -> T) -> Arc<T> {
        // Entries are only ever added, so the map behind a poisoned lock is consistent.
        let mut extensions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let extension = extensions.entry(TypeId::of::<T>()).or_insert_with(|| Arc::new(init()));
        Arc::clone(extension).downcast().expect("each value is stored under its own type")
    }
}

impl fmt::Debug for ConnectionExtensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionExtensions").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_values_that_are_dropped_with_the_last_clone() {
        let extensions = ConnectionExtensions::default();
        let first = extensions.get_or_init(|| String::from("first"));
        assert_eq!(*extensions.clone().get_or_init(|| String::from("second")), "first");
        assert_eq!(*extensions.get_or_init(|| 7_u8), 7);
        assert_eq!(*ConnectionExtensions::default().get_or_init(|| String::from("another")), "another");
        let weak = Arc::downgrade(&first);
        drop(first);
        assert!(weak.upgrade().is_some());
        drop(extensions);
        assert!(weak.upgrade().is_none());
    }

    #[test]
    fn a_request_without_a_connection_has_no_extensions() {
        assert!(ConnectionExtensions::of(&tonic::Request::new(())).is_none());
    }
}
