//! Answers questions about the past by reading the log from its beginning: the simplest reading of what a store must find.
//! Stores that are faster override it.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use kontraktor_model::names::EnvPath;
use uuid::Uuid;

use super::{AsOf, PointInTime, Store, StoreError};
use kontraktor_domain::{BatchMark, Body, Environment, EnvironmentOperation, Event, State};

/// Events read at a time.
const PAGE: usize = 1_024;

/// Calls `each` with every event, oldest first, until it returns false.
fn events<S: Store + ?Sized>(store: &S, mut each: impl FnMut(&Event) -> bool) -> Result<(), StoreError> {
    let mut seq = 0;
    loop {
        let page = store.changes_since(seq, PAGE)?;
        let Some(last) = page.last() else { return Ok(()) };
        seq = last.seq;
        if !page.iter().all(&mut each) {
            return Ok(());
        }
    }
}

/// Returns the row that was the newest at a point in time of an environment.
pub fn row_at<S: Store + ?Sized>(
    store: &S,
    environment: Uuid,
    at: PointInTime,
) -> Result<Option<u64>, StoreError> {
    let mut found = None;
    // The batch of the row that was found last.
    let mut within: Option<BatchMark> = None;
    events(store, |event| {
        let same_batch = || event.batch.zip(within).is_some_and(|(batch, last)| batch.id == last.id);
        let (is_it, mark) = match at {
            PointInTime::Time(time) => (event.at <= time, None),
            PointInTime::Revision(revision) if revision_of(event, environment) == Some(revision) => {
                (true, event.batch)
            }
            // The rest of a request that came in a batch.
            PointInTime::Revision(_) => (found == Some(event.seq - 1) && same_batch(), within),
        };
        if is_it {
            (found, within) = (Some(event.seq), mark);
        }
        true
    })?;
    Ok(found)
}

fn revision_of(event: &Event, environment: Uuid) -> Option<u64> {
    match &event.body {
        Body::Environment(change) => (change.id == environment).then_some(change.revision),
        Body::Variable(change) => (change.environment == environment).then_some(change.revision),
        Body::Project(_)
        | Body::Schema(_)
        | Body::Batch(_)
        | Body::Access(_)
        | Body::Version(_)
        | Body::RoleBinding(_)
        | Body::ServiceAccount(_)
        | Body::Actor(_) => None,
    }
}

/// Returns the end of a revision's lockfile.
pub fn locks_at<S: Store + ?Sized>(
    store: &S,
    environment: Uuid,
    revision: u64,
) -> Result<Option<u64>, StoreError> {
    let mut found = None;
    events(store, |event| {
        if revision_of(event, environment).is_some_and(|later| later > revision) {
            found = Some(event.seq - 1);
        }
        found.is_none()
    })?;
    Ok(found)
}

/// Returns an environment as of a row.
pub fn as_of<S: Store + ?Sized>(
    store: &S,
    environment: Uuid,
    seq: u64,
    locks: u64,
    imported: bool,
) -> Result<AsOf, StoreError> {
    let mut state = State::default();
    let mut last = None;
    events(store, |event| {
        if event.seq > seq {
            // Later rows count for the lockfiles only.
            if event.seq <= locks && matches!(event.body, Body::Version(_)) {
                state.apply(event);
            }
            return event.seq < locks;
        }
        state.apply(event);
        if let Body::Environment(change) = &event.body
            && change.id == environment
        {
            last = Some((change.path.clone(), change.operation, change.revision));
        }
        true
    })?;
    let path = match last {
        None => return Ok(AsOf::NotYetCreated),
        Some((_, EnvironmentOperation::Deleted, revision)) => return Ok(AsOf::Deleted { revision }),
        Some((path, _, _)) => path,
    };
    let find = |path: &EnvPath| {
        state
            .environment(path)
            .cloned()
            .ok_or_else(|| StoreError::Corrupt(format!("environment {path} is missing")))
    };
    let environment = find(&path)?;
    let mut all: HashMap<EnvPath, Arc<Environment>> = HashMap::new();
    let mut open = if imported { environment.imports.to_vec() } else { Vec::new() };
    while let Some(path) = open.pop() {
        if let Entry::Vacant(entry) = all.entry(path) {
            let next = find(entry.key())?;
            open.extend(next.imports.iter().cloned());
            entry.insert(next);
        }
    }
    Ok(AsOf::Found { environment, imported: all })
}
