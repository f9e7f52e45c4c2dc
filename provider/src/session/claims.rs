//! Which keys the bulk resources of this walk hold, as their reads and plans recorded it.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use kontraktor_model::names::EnvPath;

use super::Session;

/// What one resource holds of an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    /// Whether it owns the environment, and not only its keys.
    pub(crate) exclusive: bool,
    /// Its keys.
    pub(crate) keys: BTreeSet<String>,
}

#[derive(Default)]
pub(super) struct Claims(Mutex<HashMap<EnvPath, Vec<Claim>>>);

impl Claims {
    /// Entries are only ever added, so the map behind a poisoned lock is consistent.
    fn lock(&self) -> MutexGuard<'_, HashMap<EnvPath, Vec<Claim>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// Records what a resource holds.
    pub(crate) fn claim(&self, env: &EnvPath, claim: Claim) {
        self.claims.lock().entry(env.clone()).or_default().push(claim);
    }

    /// Returns whether a resource of this walk holds something that matches.
    pub(crate) fn is_claimed(&self, env: &EnvPath, matches: impl FnMut(&Claim) -> bool) -> bool {
        self.claims.lock().get(env).is_some_and(|claims| claims.iter().any(matches))
    }
}
