//! What separates two states: which keys are put, and which are deleted. Nothing else is ever written.

use std::collections::BTreeMap;

use super::model::{Entry, State};
use super::remembered::Remembered;
use crate::framework::Attr;

/// The keys that a write would touch.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Changes<'a> {
    /// Keys that are new, or hold or will perhaps hold something else, and what they are to hold.
    pub(super) puts: BTreeMap<&'a str, Entry<'a>>,
    /// Keys that go, and what they hold.
    pub(super) deletes: BTreeMap<&'a str, Entry<'a>>,
}

impl<'a> Changes<'a> {
    /// From what is there (`prior` is `None` for a create) to what is planned (`None` for a destroy).
    pub(super) fn between(
        prior: Option<&'a State>,
        planned: Option<&'a State>,
        remembered: &Remembered,
    ) -> Self {
        let mut deletes = prior.map(State::entries).unwrap_or_default();
        let mut puts = planned.map(State::entries).unwrap_or_default();
        puts.retain(|key, entry| {
            let before = deletes.remove(key);
            let protection = || match (planned.map(|planned| &planned.deletion_protection), prior) {
                (Some(Attr::Known(wanted)), Some(prior)) => prior.protects(key, remembered) != *wanted,
                (Some(Attr::Unknown), _) => true,
                _ => false,
            };
            before.is_none_or(|before| !before.means_the_same(entry) || protection())
        });
        Self { puts, deletes }
    }

    /// How many keys are touched.
    pub(super) fn len(&self) -> usize {
        self.puts.len() + self.deletes.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
