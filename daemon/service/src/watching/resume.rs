//! What a watcher missed, from the log.
//!
//! A version names a revision of the environment, and with it a row of the log. From there on the rows about the environment
//! and what it imports are applied again, one command after the other, until they lead to the version; what comes after is
//! what was missed. Only fingerprints are applied, not values.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use kontraktor_domain::{AuditEntry, AuditSubject, Environment, Refusal};
use kontraktor_model::names::EnvPath;
use kontraktor_store::{AsOf, AuditQuery, PointInTime};

use super::{
    EnvironmentChange, Watched,
    touch::{TouchingRow, changes, touches},
};
use crate::{Service, Snapshot};

/// How many rows of one environment are applied again. A client that missed more reads the snapshot.
const MAX_ROWS: usize = 4096;

/// Returns the changes after the version `after`, up to the row `until`. None: they are not known.
pub(super) async fn missed(
    service: &Service,
    watched: &Watched,
    after: &str,
    until: u64,
) -> Result<Option<VecDeque<Arc<EnvironmentChange>>>, Refusal> {
    let Some(revision) = revision_of(after) else { return Ok(None) };
    let known = service.known(&watched.path)?;
    if revision == 0 || revision > known.newest() {
        return Ok(None);
    }
    let then = match service.past(&known, PointInTime::Revision(revision), !watched.own_only).await? {
        AsOf::Found { environment, imported } => Past { environment, imported },
        AsOf::NotYetCreated | AsOf::Deleted { .. } => return Ok(None),
    };
    let Some(start) = service.row_at(&known, "after_version", PointInTime::Revision(revision)).await? else {
        return Ok(None);
    };
    let layers = then.snapshot(watched)?.paths();
    let Some(rows) = rows_between(service, layers, start, until).await? else { return Ok(None) };
    Ok(replay(watched, then, &rows, after))
}

/// The environments at a row of the past.
struct Past {
    environment: Arc<Environment>,
    imported: HashMap<EnvPath, Arc<Environment>>,
}

impl Past {
    fn snapshot(&self, watched: &Watched) -> Result<Snapshot, Refusal> {
        if watched.own_only {
            return Ok(Snapshot::own(Arc::clone(&self.environment)));
        }
        Snapshot::effective(&self.environment, |import| self.imported.get(import))
    }

    fn get_mut(&mut self, path: &EnvPath) -> Option<&mut Environment> {
        let found = if self.environment.path == *path {
            Some(&mut self.environment)
        } else {
            self.imported.get_mut(path)
        };
        found.map(Arc::make_mut)
    }

    /// Applies what a version consists of. Returns false where imports changed: then it is not known what else was read.
    fn apply(&mut self, entry: &AuditEntry) -> bool {
        let Some(environment) = entry.environment().and_then(|path| self.get_mut(path)) else { return true };
        match &entry.subject {
            AuditSubject::Environment(change) if change.imports != environment.imports => return false,
            AuditSubject::Version(_) => environment.last_version = entry.hash,
            AuditSubject::Environment(_) | AuditSubject::Variable(_) => {
                environment.last = entry.hash;
                environment.revision = entry.revision().unwrap_or(environment.revision);
            }
            _ => {}
        }
        true
    }
}

/// Reads the rows about some environments, in the order of the log. None: there are too many.
async fn rows_between(
    service: &Service,
    layers: Vec<EnvPath>,
    start: u64,
    until: u64,
) -> Result<Option<Vec<AuditEntry>>, Refusal> {
    service
        .blocking(&service.inner.pages, move |store| {
            let mut rows = Vec::new();
            for layer in layers {
                let query = AuditQuery {
                    project: Some(layer.project),
                    env: Some(layer.env),
                    writes_only: true,
                    oldest_first: true,
                    beyond: Some(start),
                    limit: MAX_ROWS,
                    ..AuditQuery::default()
                };
                let found = store.audit(&query)?;
                if found.len() >= MAX_ROWS {
                    return Ok(None);
                }
                rows.extend(found.into_iter().filter(|entry| entry.seq <= until));
            }
            rows.sort_by_key(|entry| entry.seq);
            Ok(Some(rows))
        })
        .await
}

fn replay(
    watched: &Watched,
    mut then: Past,
    rows: &[AuditEntry],
    after: &str,
) -> Option<VecDeque<Arc<EnvironmentChange>>> {
    let mut version = then.snapshot(watched).ok()?.version();
    let mut missed: Option<VecDeque<_>> = (version == after).then(VecDeque::new);
    for command in rows.chunk_by(of_one_command) {
        if !command.iter().all(|entry| then.apply(entry)) {
            return None;
        }
        let snapshot = then.snapshot(watched).ok()?;
        let touched = touches(command.iter().filter_map(TouchingRow::of_entry));
        let is_gone = touched.iter().any(|touch| touch.deleted && touch.origin == watched.path);
        if is_gone {
            // It was deleted and created again meanwhile: nothing of before is left.
            return None;
        }
        if let Some(missed) = &mut missed {
            let all: Vec<_> = touched.iter().collect();
            missed.extend(changes(watched, &all, &version, Some(&snapshot)).into_iter().map(Arc::new));
        }
        version = snapshot.version();
        if missed.is_none() && version == after {
            missed = Some(VecDeque::new());
        }
    }
    missed
}

/// Whether two rows that follow each other come from one command: of one batch, or of one revision.
fn of_one_command(one: &AuditEntry, next: &AuditEntry) -> bool {
    match (one.batch_id, next.batch_id) {
        (Some(one), Some(next)) => one == next,
        (None, None) => {
            one.environment() == next.environment()
                && one.revision() == next.revision()
                && one.revision().is_some()
        }
        _ => false,
    }
}

/// The environment's revision at the beginning of a version.
fn revision_of(version: &str) -> Option<u64> {
    version.split_once('-')?.0.parse().ok()
}
