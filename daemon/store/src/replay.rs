//! What stood once, by going through the log from its beginning: the plain reading of what a store must find. Stores
//! that can do it faster do.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use kontraktor_model::names::EnvPath;
use uuid::Uuid;

use super::{AsOf, PointInTime, Store, StoreError};
use kontraktor_domain::{BatchMark, Body, Environment, EnvironmentOperation, Event, State};

/// Events read at a time.
const FACTS_AT_ONCE: usize = 1_024;

/// Hands every event to `each`, oldest first, until it says that it has seen enough.
fn events<S: Store + ?Sized>(store: &S, mut each: impl FnMut(&Event) -> bool) -> Result<(), StoreError> {
    let mut seq = 0;
    loop {
        let some = store.changes_since(seq, FACTS_AT_ONCE)?;
        let Some(last) = some.last() else { return Ok(()) };
        seq = last.seq;
        if !some.iter().all(&mut each) {
            return Ok(());
        }
    }
}

pub(super) fn row_at<S: Store + ?Sized>(
    store: &S,
    environment: Uuid,
    at: PointInTime,
) -> Result<Option<u64>, StoreError> {
    let mut found = None;
    // The batch that the row found last came in.
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
        Body::Project(_) | Body::Schema(_) | Body::Batch(_) | Body::Access(_) | Body::Version(_) => None,
    }
}

pub(super) fn locks_at<S: Store + ?Sized>(
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

pub(super) fn as_of<S: Store + ?Sized>(
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
            // What came later counts for the lockfiles alone.
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
    let stood = |path: &EnvPath| {
        state
            .environment(path)
            .cloned()
            .ok_or_else(|| StoreError::Corrupt(format!("environment {path} is missing")))
    };
    let environment = stood(&path)?;
    let mut all: HashMap<EnvPath, Arc<Environment>> = HashMap::new();
    let mut open = if imported { environment.imports.to_vec() } else { Vec::new() };
    while let Some(path) = open.pop() {
        if let Entry::Vacant(place) = all.entry(path) {
            let next = stood(place.key())?;
            open.extend(next.imports.iter().cloned());
            place.insert(next);
        }
    }
    Ok(AsOf::Found { environment, imported: all })
}
