//! What lies between two snapshots, for `ktr env diff`.

use std::collections::HashMap;

use kontraktor_proto::{diff::Diff, v1};
use serde::Serialize;

use super::{SecretReference, Variable};

#[derive(Debug, Serialize)]
pub(crate) struct Difference {
    pub(crate) from: Side,
    pub(crate) to: Side,
    pub(crate) identical: bool,
    #[serde(flatten)]
    pub(crate) variables: Parts<Variable>,
    pub(crate) secret_references: Parts<SecretReference>,
    /// No difference of the environments: what their vaults had when the references were resolved last.
    pub(crate) secret_versions: Vec<SecretVersions>,
}

/// What differs of one kind of keys. A key that is of another kind on the other side was removed here and added there.
#[derive(Debug, Serialize)]
pub(crate) struct Parts<T> {
    pub(crate) added: Vec<T>,
    pub(crate) removed: Vec<T>,
    pub(crate) changed: Vec<Change<T>>,
}

/// One side of the comparison.
#[derive(Debug, Serialize)]
pub(crate) struct Side {
    pub(crate) project: String,
    pub(crate) env: String,
    pub(crate) revision: u64,
    pub(crate) version: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct Change<T> {
    pub(crate) key: String,
    pub(crate) from: T,
    pub(crate) to: T,
}

/// A reference that both sides have, resolved last to another version on each.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct SecretVersions {
    pub(crate) key: String,
    pub(crate) from: String,
    pub(crate) to: String,
}

impl Difference {
    pub(crate) fn new(from: &v1::Snapshot, to: &v1::Snapshot, diff: &Diff<'_>) -> Self {
        Self {
            from: Side::from(from),
            to: Side::from(to),
            identical: diff.is_empty(),
            variables: Parts::new(diff, |variable| {
                variable.reference().is_none().then(|| Variable::from(variable.clone()))
            }),
            secret_references: Parts::new(diff, |variable| SecretReference::of(variable.clone())),
            secret_versions: SecretVersions::between(from, to),
        }
    }
}

impl<T> Parts<T> {
    /// `of` answers with nothing for keys of another kind.
    fn new(diff: &Diff<'_>, of: impl Fn(&v1::Variable) -> Option<T>) -> Self {
        let mut parts = Self {
            added: diff.added.values().filter_map(|variable| of(variable)).collect(),
            removed: diff.removed.values().filter_map(|variable| of(variable)).collect(),
            changed: Vec::new(),
        };
        for (key, change) in &diff.changed {
            match (of(change.from), of(change.to)) {
                (Some(from), Some(to)) => parts.changed.push(Change { key: (*key).to_owned(), from, to }),
                (from, to) => {
                    parts.removed.extend(from);
                    parts.added.extend(to);
                }
            }
        }
        parts
    }
}

impl SecretVersions {
    /// By key. References of which one side has never been resolved are left out.
    pub(crate) fn between(from: &v1::Snapshot, to: &v1::Snapshot) -> Vec<Self> {
        let mut before: HashMap<_, _> = references(from).collect();
        references(to)
            .filter_map(|(key, to)| {
                let from = before.remove(key)?;
                let differ = from.url == to.url && from.version != to.version;
                (differ && !from.version.is_empty() && !to.version.is_empty()).then(|| Self {
                    key: key.to_owned(),
                    from: from.version.clone(),
                    to: to.version.clone(),
                })
            })
            .collect()
    }
}

fn references(snapshot: &v1::Snapshot) -> impl Iterator<Item = (&str, &v1::SecretReference)> {
    snapshot.variables.iter().filter_map(|variable| Some((variable.key.as_str(), variable.reference()?)))
}

impl From<&v1::Snapshot> for Side {
    fn from(snapshot: &v1::Snapshot) -> Self {
        let name = snapshot.name.clone().unwrap_or_default();
        Self {
            project: name.project,
            env: name.env,
            revision: snapshot.revision,
            version: snapshot.version.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use kontraktor_proto::{diff, v1::variable::Content};

    use super::*;

    fn value(key: &str) -> v1::Variable {
        let content = Some(Content::Value("x".to_owned()));
        v1::Variable { key: key.to_owned(), content, ..v1::Variable::default() }
    }

    fn reference(key: &str, url: &str, version: &str) -> v1::Variable {
        let reference = v1::SecretReference {
            url: url.to_owned(),
            version: version.to_owned(),
            ..v1::SecretReference::default()
        };
        v1::Variable {
            key: key.to_owned(),
            content: Some(Content::Reference(reference)),
            ..Default::default()
        }
    }

    fn snapshot(variables: Vec<v1::Variable>) -> v1::Snapshot {
        v1::Snapshot { variables, ..v1::Snapshot::default() }
    }

    #[test]
    fn a_key_of_another_kind_was_removed_here_and_added_there() {
        let from = snapshot(vec![value("A"), reference("B", "azure-kv://kv/b", "")]);
        let to = snapshot(vec![reference("A", "azure-kv://kv/a", ""), value("B")]);
        let diff = diff::between(&from.variables, &to.variables);
        let found = Difference::new(&from, &to, &diff);
        let keys = |variables: &[Variable]| variables.iter().map(|it| it.key.clone()).collect::<Vec<_>>();
        assert_eq!(
            (keys(&found.variables.removed), keys(&found.variables.added)),
            (vec!["A".into()], vec!["B".into()])
        );
        let references = &found.secret_references;
        assert_eq!((&*references.removed[0].key, &*references.added[0].key), ("B", "A"));
        assert!(references.changed.is_empty() && found.variables.changed.is_empty() && !found.identical);
    }

    #[test]
    fn versions_are_told_of_references_that_are_the_same() {
        let url = "vault://team/secret/app#f";
        let from = snapshot(vec![
            reference("MOVED", url, "1"),
            reference("NEVER", url, ""),
            reference("OTHER", url, "1"),
            reference("SAME", url, "1"),
        ]);
        let to = snapshot(vec![
            reference("MOVED", url, "2"),
            reference("NEVER", url, "2"),
            reference("OTHER", "vault://team/secret/app#g", "2"),
            reference("SAME", url, "1"),
        ]);
        let moved = SecretVersions { key: "MOVED".to_owned(), from: "1".to_owned(), to: "2".to_owned() };
        assert_eq!(SecretVersions::between(&from, &to), [moved]);
        // What a vault has is not part of an environment.
        let same = snapshot(vec![from.variables[0].clone()]);
        let rotated = snapshot(vec![to.variables[0].clone()]);
        let diff = diff::between(&same.variables, &rotated.variables);
        assert!(Difference::new(&same, &rotated, &diff).identical);
    }
}
