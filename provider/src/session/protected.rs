//! Which objects of the host's state are protected from deletion, as far as this walk knows.
//!
//! A host that replaces an object because it is tainted, or because of `-replace`, plans the new object in a call without a
//! prior state. Only what was seen of the object before tells that such a create is a replacement.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::Session;

/// Objects by the type of their resource and their import ID.
#[derive(Default)]
pub(super) struct ProtectedObjects(Mutex<HashSet<(&'static str, String)>>);

impl ProtectedObjects {
    /// Every change of the set is a single insert or remove, so the set behind a poisoned lock is consistent.
    fn lock(&self) -> MutexGuard<'_, HashSet<(&'static str, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// Records whether an object of the host's state is protected. One that no longer exists is not.
    pub(crate) fn record_protection(&self, resource_type: &'static str, id: &str, protected: bool) {
        let object = (resource_type, id.to_owned());
        let mut objects = self.protected.lock();
        if protected {
            objects.insert(object);
        } else {
            objects.remove(&object);
        }
    }

    /// Returns whether the host's state holds the object, and it is protected.
    pub(crate) fn is_protected(&self, resource_type: &'static str, id: &str) -> bool {
        self.protected.lock().contains(&(resource_type, id.to_owned()))
    }
}
