//! What was made in this walk: what a new object holds is not the old one's any more.
//!
//! A host can create an object and then destroy another one of the same place: `create_before_destroy`, or a key that
//! moves from one resource to another without `moved`. Where the new one takes over what exists, the end of the old one
//! must not take that away again.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use kontraktor_model::names::EnvPath;
use kontraktor_proto::client::ClientError;
use tokio::sync::{RwLock, RwLockReadGuard};

use super::Session;

/// One thing that an object can hold: its kind, and its import id.
type Thing = (&'static str, String);

#[derive(Default)]
pub(super) struct Made {
    things: Mutex<HashSet<Thing>>,
    /// Held for reading by every deletion that is under way.
    deleting: RwLock<()>,
}

impl Made {
    /// The set is only ever changed by one whole insert or remove, so a poisoned lock holds a sound set.
    fn locked(&self) -> MutexGuard<'_, HashSet<Thing>> {
        self.things.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn variable(env: &EnvPath, key: &str) -> Thing {
    ("variable", format!("{env}/{key}"))
}

impl Session {
    /// A new object is about to take a variable over.
    pub(crate) fn made_variable(&self, env: &EnvPath, key: &str) {
        self.made.locked().insert(variable(env, key));
    }

    /// It does not: it was refused.
    pub(crate) fn not_made_variable(&self, env: &EnvPath, key: &str) {
        self.made.locked().remove(&variable(env, key));
    }

    /// Whether a new object of this walk holds the variable.
    pub(crate) fn is_made_variable(&self, env: &EnvPath, key: &str) -> bool {
        self.made.locked().contains(&variable(env, key))
    }

    /// Whether a new object of this walk holds something else than a variable, by its kind and import id.
    pub(crate) fn is_made(&self, kind: &'static str, id: &str) -> bool {
        self.made.locked().contains(&(kind, id.to_owned()))
    }

    /// Held while something is deleted, from before it is asked whether a new object holds it.
    pub(crate) async fn deleting(&self) -> RwLockReadGuard<'_, ()> {
        self.made.deleting.read().await
    }

    /// Notes that a new object is about to take these variables over, when no deletion is under way that could not know.
    pub(crate) async fn take_over<'a>(&self, env: &EnvPath, keys: impl Iterator<Item = &'a str>) {
        let _nobody_deletes = self.made.deleting.write().await;
        self.made.locked().extend(keys.map(|key| variable(env, key)));
    }

    /// Creates something else than a variable, noted in the same way where it may take over what exists.
    pub(crate) async fn making<T>(
        &self,
        overwrite: bool,
        kind: &'static str,
        id: String,
        create: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, ClientError> {
        if !overwrite {
            return create.await;
        }
        let thing = (kind, id);
        {
            let _nobody_deletes = self.made.deleting.write().await;
            self.made.locked().insert(thing.clone());
        }
        let answer = create.await;
        if matches!(&answer, Err(error) if !matches!(error, ClientError::OutcomeUnknown { .. })) {
            self.made.locked().remove(&thing);
        }
        answer
    }
}
