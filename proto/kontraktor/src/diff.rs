//! Differences between variables as messages carry them.

use kontraktor_model::diff::{self, Compare};

pub use kontraktor_model::diff::between;

use crate::v1::Variable;

/// The difference between two sets of variables.
pub type Diff<'a> = diff::Diff<'a, Variable>;

/// One variable that both sets have, and that differs.
pub type Change<'a> = diff::Change<'a, Variable>;

impl Compare for Variable {
    fn key(&self) -> &str {
        &self.key
    }

    fn same_content(&self, other: &Self) -> bool {
        self.to_put() == other.to_put()
    }

    fn same_type(&self, other: &Self) -> bool {
        self.r#type == other.r#type
    }

    fn same_description(&self, other: &Self) -> bool {
        self.description == other.description
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use std::collections::BTreeMap;

    use super::*;
    use crate::v1::{Authorship, EnvironmentName, Origin, ValueType, variable::Content};

    fn by_key(variables: &[Variable]) -> BTreeMap<&str, &Variable> {
        variables.iter().map(|variable| (variable.key.as_str(), variable)).collect()
    }

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
