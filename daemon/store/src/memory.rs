//! A store that loses everything with the process: for tests, and as the simplest reading of what a store must do.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;

use super::{AuditQuery, Commit, Occasion, Store, StoreError, StoreInfo};
use kontraktor_domain::{AuditEntry, Event, Head, Row, State};

/// The log in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    events: Arc<Mutex<Vec<Event>>>,
    closed: AtomicBool,
}

impl MemoryStore {
    /// Returns an empty log.
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens the same log for another writer. Each is closed separately.
    pub fn share(&self) -> Self {
        Self { events: Arc::clone(&self.events), closed: AtomicBool::new(false) }
    }

    fn events(&self) -> Result<MutexGuard<'_, Vec<Event>>, StoreError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(StoreError::Closed);
        }
        // Only whole commits are made under the lock, so a panic elsewhere leaves nothing half done.
        Ok(self.events.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn head(events: &[Event]) -> Head {
    events.last().map_or_else(Head::default, |event| Head { seq: event.seq, hash: event.hash })
}

fn after(events: &[Event], seq: u64) -> &[Event] {
    &events[events.partition_point(|event| event.seq <= seq)..]
}

impl Store for MemoryStore {
    fn commit(&self, expected: Head, new: &[Event]) -> Result<Commit, StoreError> {
        let mut events = self.events()?;
        let head = head(&events);
        if head != expected {
            return Ok(Commit::Conflict(head));
        }
        events.extend_from_slice(new);
        Ok(Commit::Committed)
    }

    fn load(&self, now: Timestamp) -> Result<State, StoreError> {
        let mut state = State::default();
        for event in &*self.events()? {
            state.apply(event);
        }
        state.forget_batches(now);
        Ok(state)
    }

    fn head(&self) -> Result<Head, StoreError> {
        Ok(head(&self.events()?))
    }

    fn changes_since(&self, seq: u64, limit: usize) -> Result<Vec<Event>, StoreError> {
        Ok(after(&self.events()?, seq).iter().take(limit).cloned().collect())
    }

    fn rows_since(&self, seq: u64, limit: usize) -> Result<Vec<Row<'static>>, StoreError> {
        let events = self.events()?;
        Ok(after(&events, seq).iter().take(limit).map(|event| Row::from(event).into_owned()).collect())
    }

    fn audit(&self, query: &AuditQuery) -> Result<Vec<AuditEntry>, StoreError> {
        let events = self.events()?;
        let matches = |entry: &AuditEntry| {
            query.is_within(entry)
                && !(query.writes_only && entry.operation().is_access())
                && query.project.as_ref().is_none_or(|project| entry.project() == Some(project))
                && query
                    .env
                    .as_ref()
                    .is_none_or(|env| entry.environment().is_some_and(|path| path.env == *env))
                && query.key.as_ref().is_none_or(|key| entry.key() == Some(key))
                && query.since.is_none_or(|since| entry.written.at >= since)
                && query.until.is_none_or(|until| entry.written.at < until)
                && query
                    .beyond
                    .is_none_or(|row| if query.oldest_first { entry.seq > row } else { entry.seq < row })
        };
        let entries = events.iter().map(AuditEntry::from);
        Ok(if query.oldest_first {
            entries.filter(matches).take(query.limit).collect()
        } else {
            entries.rev().filter(matches).take(query.limit).collect()
        })
    }

    fn info(&self) -> StoreInfo {
        StoreInfo { engine: "memory".into(), schema_version: 0 }
    }

    fn maintain(&self, _occasion: Occasion) -> Result<Option<Duration>, StoreError> {
        self.events().map(|_| None)
    }

    fn recover(&self) -> Result<Head, StoreError> {
        self.head()
    }

    fn close(&self) -> Result<(), StoreError> {
        self.closed.store(true, Ordering::Release);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::MemoryStore;
    use crate::{contract::Fixture, contract_tests};

    fn memory() -> Fixture {
        Fixture::new(MemoryStore::new(), ())
    }

    contract_tests!(memory);
}
