//! The log in DuckDB: tables that are only ever appended to. No index, no key, no UPDATE: DuckDB's known defects are there.
//!
//! A commit is an entry of the journal, synced before it is answered. A thread moves its rows into the tables, many at a time: DuckDB
//! takes milliseconds for a commit, and for a thousand rows hardly more. Until then they are in memory, too, and readers of the log see
//! them there. DuckDB's own write-ahead log is never needed: at the start it is thrown away, and what the tables lack is moved again
//! from the journal, whose files remain until a checkpoint has their rows.
//!
//! Each read runs on a connection of its own; the engine gives it a consistent view. Reopening waits until every read is done,
//! because two engines on one file in one process are not safe.

mod append;
mod audit;
mod database;
mod dir;
mod errors;
mod load;
mod mover;
mod open;
mod pending;
mod point_in_time;
mod rows;
mod schema;
mod shared;
#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use uuid::Uuid;

pub use self::{
    dir::{DATABASE_FILE, DataDir, Holder, LOCK_FILE},
    schema::SCHEMA_VERSION,
};
use self::{
    errors::{classify, located},
    mover::Mover,
    pending::{Asked, Trouble},
    shared::Shared,
};
use kontraktor_domain::{AuditEntry, Event, Head, Row, State};
use kontraktor_store::{
    AsOf, AuditQuery, Commit, Occasion, PointInTime, Store, StoreError, StoreInfo, replay,
};

/// How DuckDB works: what it may use, and when rows are moved into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuckDbOptions {
    /// MiB of memory.
    pub memory_mib: u32,
    /// Threads for one query. With more than one, a commit is handed to another thread and waited for actively, which
    /// costs twice the processor time. Queries on several connections run beside each other in any case.
    pub threads: u32,
    /// How long nobody must have written before the few rows of the journal are moved into the tables.
    pub idle: Duration,
}

impl Default for DuckDbOptions {
    fn default() -> Self {
        Self { memory_mib: 512, threads: 1, idle: Duration::from_secs(2) }
    }
}

/// The log in a database file, with the journal before it.
pub struct DuckDbStore {
    shared: Arc<Shared>,
    engine: Arc<str>,
    /// None: opened read-only, or closed.
    mover: Mutex<Option<Mover>>,
}

impl DuckDbStore {
    /// Opens the database in a locked directory, or creates it, brings its tables up to date, and moves into them what the journal
    /// has.
    ///
    /// A file that is not a database, is damaged or has tables of a later daemon is refused before anything is written
    /// to it.
    pub fn open(dir: DataDir, options: DuckDbOptions) -> Result<Self, StoreError> {
        let path = dir.database();
        let shared = Shared::open(dir, options).map_err(|error| located(error, &path))?;
        let mover = Mover::start(Arc::clone(&shared))?;
        Self::with(shared, Some(mover))
    }

    /// Opens the database of a directory that is locked for reading. Nothing is written, and writing is an error.
    pub fn open_read_only(dir: DataDir, options: DuckDbOptions) -> Result<Self, StoreError> {
        let path = dir.database();
        let shared = Shared::open_read_only(dir, options).map_err(|error| located(error, &path))?;
        Self::with(shared, None)
    }

    fn with(shared: Arc<Shared>, mover: Option<Mover>) -> Result<Self, StoreError> {
        let version = shared.read(|connection| connection.version().map_err(classify))?;
        let engine = format!("DuckDB {}", version.trim_start_matches('v')).into();
        Ok(Self { shared, engine, mover: Mutex::new(mover) })
    }

    /// The data directory.
    pub fn dir(&self) -> &DataDir {
        &self.shared.dir
    }

    /// Moves the journal and the write-ahead log into the database, whatever their size. Slow: reads may wait for it. After an
    /// error, the store has to [`recover`](Store::recover); no row is lost.
    pub fn checkpoint(&self) -> Result<(), StoreError> {
        let done = self.shared.move_pending().and_then(|()| self.shared.checkpoint());
        if done.is_err() {
            self.shared.reopen()?;
        }
        done
    }

    /// Reads what the tables answer faster than the log would. Where the newest rows cannot be moved there, as on a full disk, the log
    /// answers.
    fn settled<T>(
        &self,
        fast: impl FnOnce(&duckdb::Connection) -> Result<T, StoreError>,
        slow: impl FnOnce() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match self.shared.move_pending() {
            Ok(()) => self.shared.read(fast),
            Err(StoreError::Full(_) | StoreError::Failed(_)) => slow(),
            Err(error) => Err(error),
        }
    }
}

impl Store for DuckDbStore {
    fn commit(&self, expected: Head, events: &[Event]) -> Result<Commit, StoreError> {
        self.shared.commit(expected, events)
    }

    fn load(&self, now: Timestamp) -> Result<State, StoreError> {
        // First: what is moved meanwhile is found in the tables.
        let view = self.shared.view()?;
        let mut state = self.shared.read(|connection| load::load(connection, now))?;
        let head = state.head().seq;
        for event in view.after(head) {
            state.apply(event);
        }
        state.forget_batches(now);
        Ok(state)
    }

    fn head(&self) -> Result<Head, StoreError> {
        self.shared.head()
    }

    fn changes_since(&self, seq: u64, limit: usize) -> Result<Vec<Event>, StoreError> {
        let view = self.shared.view()?;
        let moved = if seq < view.moved {
            self.shared.read(|connection| rows::events(connection, seq, limit))?
        } else {
            Vec::new()
        };
        Ok(if moved.is_empty() { view.after(seq).take(limit).cloned().collect() } else { moved })
    }

    fn rows_since(&self, seq: u64, limit: usize) -> Result<Vec<Row<'static>>, StoreError> {
        if let Some(not_moved) = &self.shared.not_moved {
            let rows = self.shared.read(|connection| rows::window(connection, seq, limit))?;
            let rest = not_moved.iter().filter(|row| row.seq > seq).take(limit);
            return Ok(if rows.is_empty() { rest.cloned().collect() } else { rows });
        }
        let view = self.shared.view()?;
        // Also where there should be none: rows that do not belong in the tables must show.
        let rows = self.shared.read(|connection| rows::window(connection, seq, limit))?;
        let rest = view.after(seq).take(limit).map(|event| Row::from(event).into_owned());
        Ok(if rows.is_empty() { rest.collect() } else { rows })
    }

    fn audit(&self, query: &AuditQuery) -> Result<Vec<AuditEntry>, StoreError> {
        let view = self.shared.view()?;
        let of_tables = |query: &AuditQuery| self.shared.read(|connection| audit::audit(connection, query));
        if view.is_empty() {
            return of_tables(query);
        }
        if query.oldest_first {
            let mut entries = of_tables(query)?;
            // What was moved meanwhile comes from the view.
            entries.retain(|entry| entry.seq <= view.moved);
            let left = query.limit.saturating_sub(entries.len());
            entries.extend(view.entries(&AuditQuery { limit: left, ..query.clone() }));
            return Ok(entries);
        }
        let mut entries = view.entries(query);
        let left = query.limit.saturating_sub(entries.len());
        if left > 0 {
            let before = query.beyond.map_or(view.moved + 1, |beyond| beyond.min(view.moved + 1));
            entries.extend(of_tables(&AuditQuery { limit: left, beyond: Some(before), ..query.clone() })?);
        }
        Ok(entries)
    }

    fn row_at(&self, environment: Uuid, at: PointInTime) -> Result<Option<u64>, StoreError> {
        self.settled(
            |connection| point_in_time::row_at(connection, environment, at),
            || replay::row_at(self, environment, at),
        )
    }

    fn locks_at(&self, environment: Uuid, revision: u64) -> Result<Option<u64>, StoreError> {
        self.settled(
            |connection| point_in_time::locks_at(connection, environment, revision),
            || replay::locks_at(self, environment, revision),
        )
    }

    fn as_of(&self, environment: Uuid, seq: u64, locks: u64, imported: bool) -> Result<AsOf, StoreError> {
        self.settled(
            |connection| point_in_time::as_of(connection, environment, seq, locks, imported),
            || replay::as_of(self, environment, seq, locks, imported),
        )
    }

    fn info(&self) -> StoreInfo {
        StoreInfo { engine: Arc::clone(&self.engine), schema_version: SCHEMA_VERSION }
    }

    fn maintain(&self, occasion: Occasion) -> Result<Option<Duration>, StoreError> {
        self.shared.check_open()?;
        let pending = &self.shared.pending;
        if let Some(Trouble::Lasting(_)) = pending.trouble() {
            // The thread has said why; the next commit would fail of it.
            pending.wait_for_room()?;
        }
        if occasion != Occasion::Idle {
            return Ok(Some(self.shared.options.idle));
        }
        if pending.is_settled() {
            return Ok(None);
        }
        pending.ask(Asked::Tidy);
        Ok(Some(self.shared.options.idle))
    }

    fn check_room(&self) -> Result<(), StoreError> {
        self.shared.check_room()
    }

    fn recover(&self) -> Result<Head, StoreError> {
        self.shared.recover()
    }

    fn close(&self) -> Result<(), StoreError> {
        // Nothing moves rows any more but this thread.
        drop(self.mover.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.shared.close()
    }
}
