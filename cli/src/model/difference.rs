//! What lies between two snapshots, for `ktr env diff`.

use kontraktor_proto::{diff::Diff, v1};
use serde::Serialize;

use super::Variable;

#[derive(Debug, Serialize)]
pub(crate) struct Difference {
    pub(crate) from: Side,
    pub(crate) to: Side,
    pub(crate) identical: bool,
    pub(crate) added: Vec<Variable>,
    pub(crate) removed: Vec<Variable>,
    pub(crate) changed: Vec<Change>,
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
pub(crate) struct Change {
    pub(crate) key: String,
    pub(crate) from: Variable,
    pub(crate) to: Variable,
}

impl Difference {
    pub(crate) fn new(from: Side, to: Side, diff: &Diff<'_>) -> Self {
        let variable = |variable: &&v1::Variable| Variable::from((*variable).clone());
        Self {
            from,
            to,
            identical: diff.is_empty(),
            added: diff.added.values().map(variable).collect(),
            removed: diff.removed.values().map(variable).collect(),
            changed: diff
                .changed
                .iter()
                .map(|(key, change)| Change {
                    key: (*key).to_owned(),
                    from: variable(&change.from),
                    to: variable(&change.to),
                })
                .collect(),
        }
    }
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
