//! What lies between two sets of variables: the keys that were added, removed and changed.
//!
//! It is pure and knows nothing of where the sets come from: two environments, two moments of one, own or effective
//! variables. What a variable holds, its type and its description count; its revision, who wrote it, where it comes from
//! and its protection do not, so an environment and its copy are the same. Values are canonical, so equal values have
//! equal bytes.

use std::collections::BTreeMap;

use crate::v1::Variable;

/// The way from one set of variables to another, by key.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Diff<'a> {
    /// Only the second set has these.
    pub added: BTreeMap<&'a str, &'a Variable>,
    /// Only the first set has these.
    pub removed: BTreeMap<&'a str, &'a Variable>,
    /// Both sets have these, and not alike.
    pub changed: BTreeMap<&'a str, Change<'a>>,
}

impl Diff<'_> {
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
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change<'a> {
    /// As the first set has it.
    pub from: &'a Variable,
    /// As the second set has it.
    pub to: &'a Variable,
}

impl Change<'_> {
    /// Whether it holds something else. References to the same secret are the same, whichever version was seen last.
    pub fn content(&self) -> bool {
        self.from.to_put() != self.to.to_put()
    }

    /// Whether it is of another type.
    pub fn value_type(&self) -> bool {
        self.from.r#type != self.to.r#type
    }

    /// Whether its description is another.
    pub fn description(&self) -> bool {
        self.from.description != self.to.description
    }

    fn any(&self) -> bool {
        self.content() || self.value_type() || self.description()
    }
}

/// The way from the first set to the second. Where a set names a key twice, the later one counts.
pub fn between<'a>(
    from: impl IntoIterator<Item = &'a Variable>,
    to: impl IntoIterator<Item = &'a Variable>,
) -> Diff<'a> {
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

fn by_key<'a>(variables: impl IntoIterator<Item = &'a Variable>) -> BTreeMap<&'a str, &'a Variable> {
    variables.into_iter().map(|variable| (variable.key.as_str(), variable)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::v1::{Authorship, EnvironmentName, Origin, ValueType, variable::Content};

    fn variable(key: &str, value: &str) -> Variable {
        Variable {
            key: key.to_owned(),
            r#type: ValueType::String.into(),
            content: Some(Content::Value(value.to_owned())),
            ..Variable::default()
        }
    }

    #[test]
    fn added_removed_and_changed_are_seen_from_the_first_to_the_second() {
        let from = [variable("GONE", "1"), variable("KEPT", "2"), variable("MOVED", "3")];
        let to = [variable("MOVED", "4"), variable("KEPT", "2"), variable("NEW", "")];
        let diff = between(&from, &to);
        assert_eq!(diff.added, BTreeMap::from([("NEW", &to[2])]));
        assert_eq!(diff.removed, BTreeMap::from([("GONE", &from[0])]));
        assert_eq!(diff.changed, BTreeMap::from([("MOVED", Change { from: &from[2], to: &to[0] })]));
        assert_eq!((diff.len(), diff.is_empty()), (3, false));
    }

    #[test]
    fn a_change_says_what_of_the_variable_it_is() {
        let from = [variable("TYPE", "1"), variable("DESCRIPTION", "1")];
        let to = [
            Variable { r#type: ValueType::Number.into(), ..from[0].clone() },
            Variable { description: "what for".to_owned(), ..from[1].clone() },
        ];
        let diff = between(&from, &to);
        let of = |key| {
            let change: &Change<'_> = &diff.changed[key];
            (change.content(), change.value_type(), change.description())
        };
        assert_eq!(of("TYPE"), (false, true, false));
        assert_eq!(of("DESCRIPTION"), (false, false, true));
    }

    #[test]
    fn a_copy_in_another_environment_is_the_same() {
        let original = variable("A", "1");
        let origin = EnvironmentName { project: "shared".to_owned(), env: "base".to_owned() };
        let copy = Variable {
            revision: 7,
            written: Some(Authorship { actor: "unix:ada".to_owned(), ..Authorship::default() }),
            origin: Some(Origin { environment: Some(origin), revision: 7 }),
            deletion_protection: true,
            ..original.clone()
        };
        assert!(between([&original], [&copy]).is_empty());
    }

    proptest! {
        #[test]
        fn applying_the_difference_to_the_first_gives_the_second(
            from in prop::collection::btree_map("[A-D]", "[xy]", 0..5),
            to in prop::collection::btree_map("[A-D]", "[xy]", 0..5),
        ) {
            let variables = |map: &BTreeMap<String, String>| -> Vec<Variable> {
                map.iter().map(|(key, value)| variable(key, value)).collect()
            };
            let (from, to) = (variables(&from), variables(&to));
            let diff = between(&from, &to);
            let mut patched = by_key(&from);
            for key in diff.removed.keys() {
                prop_assert!(patched.remove(key).is_some());
            }
            for (key, added) in &diff.added {
                prop_assert!(patched.insert(key, added).is_none());
            }
            for (key, change) in &diff.changed {
                prop_assert_eq!(patched.insert(key, change.to), Some(change.from));
            }
            prop_assert_eq!(patched, by_key(&to));
            prop_assert_eq!(diff.is_empty(), from == to);
        }
    }
}
