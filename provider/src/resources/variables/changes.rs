//! The difference between two states: the keys that are put, and those that are deleted. Nothing else is ever written.

use std::collections::BTreeMap;

use super::model::{Entry, State};
use super::private_state::PrivateState;
use crate::framework::Attr;

/// The keys that a write changes.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Changes<'a> {
    /// Keys that are new, or whose contents change or may change, with their planned contents.
    pub(super) puts: BTreeMap<&'a str, Entry<'a>>,
    /// Keys that are deleted, with their current contents.
    pub(super) deletes: BTreeMap<&'a str, Entry<'a>>,
}

impl<'a> Changes<'a> {
    /// Returns the changes from `prior` (`None` for a create) to `planned` (`None` for a destroy).
    pub(super) fn between(
        prior: Option<&'a State>,
        planned: Option<&'a State>,
        private_state: &PrivateState,
    ) -> Self {
        let mut deletes = prior.map(State::entries).unwrap_or_default();
        let mut puts = planned.map(State::entries).unwrap_or_default();
        puts.retain(|key, entry| {
            let before = deletes.remove(key);
            let protection = || match (planned.map(|planned| &planned.deletion_protection), prior) {
                (Some(Attr::Known(wanted)), Some(prior)) => prior.protects(key, private_state) != *wanted,
                (Some(Attr::Unknown), _) => true,
                _ => false,
            };
            before.is_none_or(|before| !before.is_equivalent_to(entry) || protection())
        });
        Self { puts, deletes }
    }

    /// Returns the number of changed keys.
    pub(super) fn len(&self) -> usize {
        self.puts.len() + self.deletes.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
