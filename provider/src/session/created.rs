//! Objects that were created in this walk, so that deleting an old object does not delete what a new one has taken over.
//!
//! A host can create an object and then destroy another one with the same identity: `create_before_destroy`, or a key that
//! moves from one resource to another without `moved`. If the new object takes over what exists, destroying the old one
//! must not delete it.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use kontraktor_model::names::EnvPath;
use kontraktor_proto::client::ClientError;
use tokio::sync::{RwLock, RwLockReadGuard};

use super::Session;

/// The identity of an object: its kind, and its import ID.
type ObjectId = (&'static str, String);

#[derive(Default)]
pub(super) struct CreatedObjects {
    objects: Mutex<HashSet<ObjectId>>,
    /// Held for reading by every deletion in progress.
    deleting: RwLock<()>,
}

impl CreatedObjects {
    /// Every change of the set is a single insert or remove, so the set behind a poisoned lock is consistent.
    fn lock(&self) -> MutexGuard<'_, HashSet<ObjectId>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn variable(env: &EnvPath, key: &str) -> ObjectId {
    ("variable", format!("{env}/{key}"))
}

impl Session {
    /// Records that a new object is about to take over a variable.
    pub(crate) fn mark_variable_created(&self, env: &EnvPath, key: &str) {
        self.created.lock().insert(variable(env, key));
    }

    /// Removes the record of a takeover that was refused.
    pub(crate) fn unmark_variable_created(&self, env: &EnvPath, key: &str) {
        self.created.lock().remove(&variable(env, key));
    }

    /// Returns whether a new object of this walk holds the variable.
    pub(crate) fn is_variable_created(&self, env: &EnvPath, key: &str) -> bool {
        self.created.lock().contains(&variable(env, key))
    }

    /// Returns whether a new object of this walk holds something other than a variable, by its kind and import ID.
    pub(crate) fn is_created(&self, kind: &'static str, id: &str) -> bool {
        self.created.lock().contains(&(kind, id.to_owned()))
    }

    /// Begins a deletion. Hold the guard from before the check whether a new object holds it until it is deleted.
    pub(crate) async fn begin_delete(&self) -> RwLockReadGuard<'_, ()> {
        self.created.deleting.read().await
    }

    /// Records that a new object is about to take over these variables, once no deletion is in progress.
    pub(crate) async fn mark_variables_created<'a>(
        &self,
        env: &EnvPath,
        keys: impl Iterator<Item = &'a str>,
    ) {
        let _no_deletion = self.created.deleting.write().await;
        self.created.lock().extend(keys.map(|key| variable(env, key)));
    }

    /// Creates something other than a variable, and records it if it may take over what exists.
    pub(crate) async fn create_object<T>(
        &self,
        overwrite: bool,
        kind: &'static str,
        id: String,
        create: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, ClientError> {
        if !overwrite {
            return create.await;
        }
        let object = (kind, id);
        {
            let _no_deletion = self.created.deleting.write().await;
            self.created.lock().insert(object.clone());
        }
        let answer = create.await;
        if matches!(&answer, Err(error) if !matches!(error, ClientError::OutcomeUnknown { .. })) {
            self.created.lock().remove(&object);
        }
        answer
    }
}
