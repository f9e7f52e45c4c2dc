//! A store that forgets everything with the process: for tests, and as the plain reading of what a store must do.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::{AuditQuery, Store, StoreError, StoreInfo, Upkeep};
use kontraktor_domain::{AuditEntry, Event, Head, Row, State};

/// The log in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    log: Mutex<Log>,
}

#[derive(Debug, Default)]
struct Log {
    events: Vec<Event>,
    closed: bool,
}

impl MemoryStore {
    /// An empty log.
    pub fn new() -> Self {
        Self::default()
    }

    fn open(&self) -> Result<MutexGuard<'_, Log>, StoreError> {
        // Only whole, valid changes are made under the lock, so a panic elsewhere leaves nothing half done.
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        if log.closed { Err(StoreError::Closed) } else { Ok(log) }
    }
}

impl Store for MemoryStore {
    fn commit(&self, events: &[Event]) -> Result<(), StoreError> {
        self.open()?.events.extend_from_slice(events);
        Ok(())
    }

    fn load(&self, now: Timestamp) -> Result<State, StoreError> {
        let mut state = State::default();
        for event in &self.open()?.events {
            state.apply(event);
        }
        state.forget_batches(now);
        Ok(state)
    }

    fn head(&self) -> Result<Head, StoreError> {
        let log = self.open()?;
        Ok(log.events.last().map_or_else(Head::default, |event| Head { seq: event.seq, hash: event.hash }))
    }

    fn changes_since(&self, seq: u64, limit: usize) -> Result<Vec<Event>, StoreError> {
        Ok(self.open()?.events.iter().filter(|event| event.seq > seq).take(limit).cloned().collect())
    }

    fn rows_since(&self, seq: u64, limit: usize) -> Result<Vec<Row<'static>>, StoreError> {
        let log = self.open()?;
        Ok(log
            .events
            .iter()
            .filter(|event| event.seq > seq)
            .take(limit)
            .map(|event| Row::from(event).into_owned())
            .collect())
    }

    fn audit(&self, query: &AuditQuery) -> Result<Vec<AuditEntry>, StoreError> {
        let log = self.open()?;
        let matches = |entry: &AuditEntry| {
            let named = |filter: Option<&str>, name: &str| filter.is_none_or(|filter| filter == name);
            !(query.writes_only && entry.operation.is_access())
                && named(query.project.as_ref().map(AsRef::as_ref), &entry.project)
                && named(query.env.as_ref().map(AsRef::as_ref), &entry.env)
                && named(query.key.as_ref().map(AsRef::as_ref), &entry.key)
                && query.since.is_none_or(|since| entry.written.at >= since)
                && query.until.is_none_or(|until| entry.written.at < until)
                && query
                    .beyond
                    .is_none_or(|row| if query.oldest_first { entry.seq > row } else { entry.seq < row })
        };
        let entries = log.events.iter().map(AuditEntry::from);
        Ok(if query.oldest_first {
            entries.filter(matches).take(query.limit).collect()
        } else {
            entries.rev().filter(matches).take(query.limit).collect()
        })
    }

    fn info(&self) -> StoreInfo {
        StoreInfo { engine: "memory".into(), schema_version: 0 }
    }

    fn upkeep(&self) -> Upkeep {
        Upkeep::None
    }

    fn checkpoint(&self) -> Result<(), StoreError> {
        self.open().map(|_| ())
    }

    fn recover(&self) -> Result<Head, StoreError> {
        self.head()
    }

    fn close(&self) -> Result<(), StoreError> {
        self.open()?.closed = true;
        Ok(())
    }
}
