//! What one command did to environments, whether it comes from the writer or from the log.

use kontraktor_domain::{
    AuditEntry, AuditSubject, Authorship, Body, EnvironmentEvent, EnvironmentOperation, Event, VariableEvent,
};
use kontraktor_model::names::{EnvPath, Key};

use super::{EnvironmentChange, Watched};
use crate::Snapshot;

/// What one command wrote into one environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Touch {
    pub(super) origin: EnvPath,
    pub(super) revision: u64,
    pub(super) keys: Vec<Key>,
    pub(super) written: Authorship,
    pub(super) deleted: bool,
    pub(super) seq: u64,
}

/// A row about an environment: its settings, or one of its keys.
pub(super) struct TouchingRow<'a> {
    origin: &'a EnvPath,
    revision: u64,
    key: Option<&'a Key>,
    written: Authorship,
    deleted: bool,
    seq: u64,
}

impl<'a> TouchingRow<'a> {
    /// None: the row changes no environment.
    pub(super) fn of_event(event: &'a Event) -> Option<Self> {
        let (written, seq) = (|| event.authorship(), event.seq);
        match &event.body {
            Body::Environment(change) => Some(Self::settings(change, written(), seq)),
            Body::Variable(change) => Some(Self::variable(change, written(), seq)),
            _ => None,
        }
    }

    /// None: the row changes no environment.
    pub(super) fn of_entry(entry: &'a AuditEntry) -> Option<Self> {
        match &entry.subject {
            AuditSubject::Environment(change) => {
                Some(Self::settings(change, entry.written.clone(), entry.seq))
            }
            AuditSubject::Variable(change) => Some(Self::variable(change, entry.written.clone(), entry.seq)),
            _ => None,
        }
    }

    fn settings(change: &'a EnvironmentEvent, written: Authorship, seq: u64) -> Self {
        let deleted = change.operation == EnvironmentOperation::Deleted;
        Self { origin: &change.path, revision: change.revision, key: None, written, deleted, seq }
    }

    fn variable(change: &'a VariableEvent, written: Authorship, seq: u64) -> Self {
        Self {
            origin: &change.path,
            revision: change.revision,
            key: Some(&change.key),
            written,
            deleted: false,
            seq,
        }
    }
}

/// Returns what the rows of one command did, by environment in the order in which they were first written.
pub(super) fn touches<'a>(rows: impl Iterator<Item = TouchingRow<'a>>) -> Vec<Touch> {
    let mut touches: Vec<Touch> = Vec::new();
    for row in rows {
        let known = touches.iter_mut().rev().find(|touch| touch.origin == *row.origin);
        let touch = match known {
            Some(touch) => touch,
            None => touches.push_mut(Touch {
                origin: row.origin.clone(),
                revision: row.revision,
                keys: Vec::new(),
                written: row.written,
                deleted: false,
                seq: row.seq,
            }),
        };
        touch.revision = row.revision;
        touch.seq = row.seq;
        // Where a deletion and a creation come together, the newest row decides.
        touch.deleted = row.deleted;
        touch.keys.extend(row.key.cloned());
    }
    touches
}

/// Returns the changes of a watched environment that one command makes. `before` is the version before the command, and
/// `after` the snapshot afterwards; None: the environment is gone.
pub(super) fn changes(
    watched: &Watched,
    touches: &[&Touch],
    before: &str,
    after: Option<&Snapshot>,
) -> Vec<EnvironmentChange> {
    let version = after.map(Snapshot::version);
    let revision = after.map(|snapshot| snapshot.environment().revision);
    let last = touches.len().saturating_sub(1);
    touches
        .iter()
        .enumerate()
        .map(|(place, touch)| EnvironmentChange {
            version: if place == last { version.clone() } else { Some(before.to_owned()) },
            revision: revision.unwrap_or(touch.revision),
            origin: touch.origin.clone(),
            keys: touch.keys.clone(),
            written: Some(touch.written.clone()),
            reset: false,
            deleted: after.is_none() && touch.origin == watched.path,
            seq: touch.seq,
        })
        .collect()
}
