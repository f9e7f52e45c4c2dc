//! What lies between two sets of variables: the keys that were added, removed and changed.
//!
//! It is pure and knows nothing of where the sets come from: two environments, two moments of one, own or effective
//! variables. What a variable holds, its type and its description count; its revision, who wrote it, where it comes from
//! and its protection do not, so an environment and its copy are the same. Values are canonical, so equal values have
//! equal bytes.

use std::collections::BTreeMap;

/// What a difference compares.
pub trait Compare {
    /// Returns the key, by which the two sides are matched.
    fn key(&self) -> &str;

    /// Returns whether both hold the same value or refer to the same secret.
    fn same_content(&self, other: &Self) -> bool;

    /// Returns whether both are of the same type.
    fn same_type(&self, other: &Self) -> bool;

    /// Returns whether both have the same description.
    fn same_description(&self, other: &Self) -> bool;
}

/// The way from one set of variables to another, by key.
#[derive(Debug, Clone, PartialEq)]
pub struct Diff<'a, T> {
    /// Only the second set has these.
    pub added: BTreeMap<&'a str, &'a T>,
    /// Only the first set has these.
    pub removed: BTreeMap<&'a str, &'a T>,
    /// Both sets have these, and not alike.
    pub changed: BTreeMap<&'a str, Change<'a, T>>,
}

impl<T> Diff<'_, T> {
    /// Whether there is no difference.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }

    /// How many keys differ.
    pub fn len(&self) -> usize {
        self.added.len() + self.removed.len() + self.changed.len()
    }
}

/// One variable that both sets have, and not alike. At least one of the three questions is answered with yes.
#[derive(Debug, PartialEq)]
pub struct Change<'a, T> {
    /// As the first set has it.
    pub from: &'a T,
    /// As the second set has it.
    pub to: &'a T,
}

impl<T> Clone for Change<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Change<'_, T> {}

impl<T: Compare> Change<'_, T> {
    /// Whether it holds something else. References to the same secret are the same, whichever version was seen last.
    pub fn content(&self) -> bool {
        !self.from.same_content(self.to)
    }

    /// Whether it is of another type.
    pub fn value_type(&self) -> bool {
        !self.from.same_type(self.to)
    }

    /// Whether its description is another.
    pub fn description(&self) -> bool {
        !self.from.same_description(self.to)
    }

    fn any(&self) -> bool {
        self.content() || self.value_type() || self.description()
    }
}

/// The way from the first set to the second. Where a set names a key twice, the later one counts.
pub fn between<'a, T: Compare>(
    from: impl IntoIterator<Item = &'a T>,
    to: impl IntoIterator<Item = &'a T>,
) -> Diff<'a, T> {
    let mut removed = by_key(from);
    let mut added = by_key(to);
    let mut changed = BTreeMap::new();
    added.retain(|key, to| {
        let Some(from) = removed.remove(key) else { return true };
        let change = Change { from, to };
        if change.any() {
            changed.insert(*key, change);
        }
        false
    });
    Diff { added, removed, changed }
}

fn by_key<'a, T: Compare>(variables: impl IntoIterator<Item = &'a T>) -> BTreeMap<&'a str, &'a T> {
    variables.into_iter().map(|variable| (variable.key(), variable)).collect()
}
