//! The difference between two snapshots.

use std::collections::HashMap;

use serde::Serialize;

use super::{secret::SecretReference, variable::Variable};
use crate::{diff::Diff, v1};

/// The difference between two snapshots, of two environments or of one at two points in time.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EnvironmentDiff {
    /// The side that the comparison begins with.
    pub from: Side,
    /// The side that it ends with.
    pub to: Side,
    /// Whether the sides have the same variables and secret references.
    pub identical: bool,
    /// The variables that differ.
    #[serde(flatten)]
    pub variables: KeyDiff<Variable>,
    /// The secret references that differ.
    pub secret_references: KeyDiff<SecretReference>,
    /// The references that both sides have, and that were last resolved to different versions. They do not make the sides
    /// differ: what a vault holds is not part of an environment.
    pub secret_versions: Vec<ResolvedVersionChange>,
}

/// The keys of one kind that differ. A key that is of another kind on the other side is in `removed` of the one kind and in
/// `added` of the other.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeyDiff<T> {
    /// What only the second side has.
    pub added: Vec<T>,
    /// What only the first side has.
    pub removed: Vec<T>,
    /// What both sides have, with differences.
    pub changed: Vec<KeyChange<T>>,
}

/// One side of a comparison.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Side {
    /// The project's name.
    pub project: String,
    /// The environment's name within its project.
    pub env: String,
    /// The environment's own revision.
    pub revision: u64,
    /// Opaque; equal versions mean equal content, imports included.
    pub version: String,
}

/// A key that both sides have, with differences.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeyChange<T> {
    /// The key.
    pub key: String,
    /// What the first side has.
    pub from: T,
    /// What the second side has.
    pub to: T,
}

/// A reference that both sides have, last resolved to a different version on each.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ResolvedVersionChange {
    /// The key.
    pub key: String,
    /// The version on the first side.
    pub from: String,
    /// The version on the second side.
    pub to: String,
}

impl EnvironmentDiff {
    /// Makes the shape of `diff`, which is the difference between the variables of `from` and `to`.
    pub fn new(from: &v1::Snapshot, to: &v1::Snapshot, diff: &Diff<'_>) -> Self {
        Self {
            from: Side::from(from),
            to: Side::from(to),
            identical: diff.is_empty(),
            variables: KeyDiff::new(diff, |variable| {
                variable.reference().is_none().then(|| Variable::from(variable.clone()))
            }),
            secret_references: KeyDiff::new(diff, |variable| {
                SecretReference::from_variable(variable.clone())
            }),
            secret_versions: ResolvedVersionChange::between(from, to),
        }
    }
}

impl<T> KeyDiff<T> {
    /// `convert` returns `None` for keys of another kind.
    fn new(diff: &Diff<'_>, convert: impl Fn(&v1::Variable) -> Option<T>) -> Self {
        let mut keys = Self {
            added: diff.added.values().filter_map(|variable| convert(variable)).collect(),
            removed: diff.removed.values().filter_map(|variable| convert(variable)).collect(),
            changed: Vec::new(),
        };
        for (key, change) in &diff.changed {
            match (convert(change.from), convert(change.to)) {
                (Some(from), Some(to)) => keys.changed.push(KeyChange { key: (*key).to_owned(), from, to }),
                (from, to) => {
                    keys.removed.extend(from);
                    keys.added.extend(to);
                }
            }
        }
        keys
    }
}

impl ResolvedVersionChange {
    /// Returns the changes between two snapshots, by key, without references that one side never resolved.
    pub fn between(from: &v1::Snapshot, to: &v1::Snapshot) -> Vec<Self> {
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
    use super::*;
    use crate::{diff, v1::variable::Content};

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
    fn a_key_that_changes_its_kind_is_removed_from_one_and_added_to_the_other() {
        let from = snapshot(vec![value("A"), reference("B", "azure-kv://kv/b", "")]);
        let to = snapshot(vec![reference("A", "azure-kv://kv/a", ""), value("B")]);
        let diff = diff::between(&from.variables, &to.variables);
        let found = EnvironmentDiff::new(&from, &to, &diff);
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
    fn versions_are_compared_for_references_that_both_sides_have() {
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
        let moved =
            ResolvedVersionChange { key: "MOVED".to_owned(), from: "1".to_owned(), to: "2".to_owned() };
        assert_eq!(ResolvedVersionChange::between(&from, &to), [moved]);
        // What a vault has is not part of an environment.
        let same = snapshot(vec![from.variables[0].clone()]);
        let rotated = snapshot(vec![to.variables[0].clone()]);
        let diff = diff::between(&same.variables, &rotated.variables);
        assert!(EnvironmentDiff::new(&same, &rotated, &diff).identical);
    }
}
