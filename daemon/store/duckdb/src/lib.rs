//! The log in DuckDB: tables that are only ever appended to. No index, no key, no UPDATE: DuckDB's known defects are there.
//!
//! Accesses to secrets, which change nothing and which callers wait for, get there through a journal.
//!
//! One connection writes. Each read runs on a connection of its own; the engine gives it a consistent view. Reopening
//! waits until every read is done, because two engines on one file in one process are not safe.

mod append;
mod audit;
mod dir;
mod errors;
mod journal;
mod load;
mod open;
mod point_in_time;
mod rows;
mod schema;
#[cfg(test)]
mod tests;
mod writer;

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
    time::Duration,
};

use ::duckdb::Connection;
use jiff::Timestamp;
use uuid::Uuid;

pub use self::{
    dir::{DATABASE_FILE, DataDir, Holder, JOURNAL_FILE, LOCK_FILE},
    schema::SCHEMA_VERSION,
};
use self::{
    errors::{classify, located},
    writer::{Open, Writer},
};
use kontraktor_domain::{AuditEntry, Event, Head, Row, State};
use kontraktor_store::{AsOf, AuditQuery, Commit, Occasion, PointInTime, Store, StoreError, StoreInfo};

/// How DuckDB works: what it may use, and when its write-ahead log is moved into the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuckDbOptions {
    /// MiB of memory.
    pub memory_mib: u32,
    /// Threads for one query. With more than one, a commit is handed to another thread and waited for actively, which
    /// costs twice the processor time. Queries on several connections run beside each other in any case.
    pub threads: u32,
    /// How long the writer must have had nothing to do before the write-ahead log is moved into the database.
    pub idle: Duration,
}

impl Default for DuckDbOptions {
    fn default() -> Self {
        Self { memory_mib: 512, threads: 1, idle: Duration::from_secs(2) }
    }
}

/// The log in a database file.
pub struct DuckDbStore {
    dir: DataDir,
    options: DuckDbOptions,
    engine: Arc<str>,
    /// None: closed, or not reopened yet.
    open: RwLock<Option<Open>>,
}

impl DuckDbStore {
    /// Opens the database in a locked directory, or creates it, and brings its tables up to date.
    ///
    /// A file that is not a database, is damaged or has tables of a later daemon is refused before anything is written
    /// to it.
    pub fn open(dir: DataDir, options: DuckDbOptions) -> Result<Self, StoreError> {
        let path = dir.database();
        let writer = open::writable(&path, &options).and_then(|connection| Writer::new(connection, &dir));
        Self::with(dir, options, writer.map_err(|error| located(error, &path))?)
    }

    /// Opens the database of a directory that is locked for reading. Nothing is written, and writing is an error.
    pub fn open_read_only(dir: DataDir, options: DuckDbOptions) -> Result<Self, StoreError> {
        let path = dir.database();
        let writer =
            open::read_only(&path, &options).and_then(|connection| Writer::read_only(connection, &dir));
        Self::with(dir, options, writer.map_err(|error| located(error, &path))?)
    }

    fn with(dir: DataDir, options: DuckDbOptions, writer: Writer) -> Result<Self, StoreError> {
        let version = writer.connection.version().map_err(classify)?;
        let engine = format!("DuckDB {}", version.trim_start_matches('v')).into();
        let open = RwLock::new(Some(Open::new(writer)?));
        Ok(Self { dir, options, engine, open })
    }

    /// The data directory.
    pub fn dir(&self) -> &DataDir {
        &self.dir
    }

    /// Moves the journal and the write-ahead log into the database, whatever their size. Slow: reads and writes may wait
    /// for it. After an error, the store has to [`recover`](Store::recover); no row is lost.
    pub fn checkpoint(&self) -> Result<(), StoreError> {
        self.write(Writer::checkpoint)
    }

    fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let open = self.guard();
        let reader = open.as_ref().ok_or(StoreError::Closed)?.reader();
        reader.and_then(|reader| work(&reader)).map_err(|error| self.located(error))
    }

    /// For queries of the tables that ask for accesses, too.
    fn read_all<T>(&self, work: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        if self.has_pending() {
            self.write(Writer::move_pending)?;
        }
        self.read(work)
    }

    fn has_pending(&self) -> bool {
        self.guard().as_ref().is_some_and(Open::has_pending)
    }

    fn write<T>(&self, work: impl FnOnce(&mut Writer) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let open = self.guard();
        open.as_ref().ok_or(StoreError::Closed)?.write(work).map_err(|error| self.located(error))
    }

    /// Names the database in an error that says that it is damaged.
    fn located(&self, error: StoreError) -> StoreError {
        located(error, &self.dir.database())
    }

    /// Held for as long as a connection is used, so that nothing is reopened under it. What a lock protects here is a
    /// pair of handles, never half changed, so a panic of another holder is no reason to stop.
    fn guard(&self) -> RwLockReadGuard<'_, Option<Open>> {
        self.open.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for DuckDbStore {
    fn commit(&self, expected: Head, events: &[Event]) -> Result<Commit, StoreError> {
        self.write(|writer| writer.commit(expected, events))
    }

    fn load(&self, now: Timestamp) -> Result<State, StoreError> {
        // Moving what is in the journal would need room on the disk. It is looked up first: what is moved meanwhile is found
        // in the tables.
        let pending = self.write(|writer| Ok(writer.journal.pending().to_vec()))?;
        let mut state = self.read(|connection| load::load(connection, now))?;
        for row in pending.iter().filter(|row| row.seq > state.head().seq).collect::<Vec<_>>() {
            state.restore_access(&rows::event(row, &HashMap::new())?);
            state.restore_head(rows::head_of(row)?);
        }
        Ok(state)
    }

    fn head(&self) -> Result<Head, StoreError> {
        self.write(|writer| Ok(writer.head()))
    }

    fn changes_since(&self, seq: u64, limit: usize) -> Result<Vec<Event>, StoreError> {
        self.read_all(|connection| rows::events(connection, seq, limit))
    }

    fn rows_since(&self, seq: u64, limit: usize) -> Result<Vec<Row<'static>>, StoreError> {
        // First: what is moved meanwhile is found in the tables.
        let pending: Vec<_> = self.write(|writer| {
            Ok(writer.journal.pending().iter().filter(|row| row.seq > seq).take(limit).cloned().collect())
        })?;
        let rows = self.read(|connection| rows::window(connection, seq, limit))?;
        Ok(if rows.is_empty() { pending } else { rows })
    }

    fn audit(&self, query: &AuditQuery) -> Result<Vec<AuditEntry>, StoreError> {
        if query.writes_only {
            return self.read(|connection| audit::audit(connection, query));
        }
        self.read_all(|connection| audit::audit(connection, query))
    }

    fn row_at(&self, environment: Uuid, at: PointInTime) -> Result<Option<u64>, StoreError> {
        // Rows in the journal are newer than those in the tables, and belong to no revision.
        if let (PointInTime::Time(time), true) = (at, self.has_pending()) {
            let newest = self.write(|writer| {
                let mut rows = writer.journal.pending().iter();
                Ok(rows.rfind(|row| row.at_us <= time.as_microsecond()).map(|row| row.seq))
            })?;
            if newest.is_some() {
                return Ok(newest);
            }
        }
        self.read(|connection| point_in_time::row_at(connection, environment, at))
    }

    fn locks_at(&self, environment: Uuid, revision: u64) -> Result<Option<u64>, StoreError> {
        self.read(|connection| point_in_time::locks_at(connection, environment, revision))
    }

    fn as_of(&self, environment: Uuid, seq: u64, locks: u64, imported: bool) -> Result<AsOf, StoreError> {
        self.read(|connection| point_in_time::as_of(connection, environment, seq, locks, imported))
    }

    fn info(&self) -> StoreInfo {
        StoreInfo { engine: Arc::clone(&self.engine), schema_version: SCHEMA_VERSION }
    }

    fn maintain(&self, occasion: Occasion) -> Result<Option<Duration>, StoreError> {
        self.write(|writer| writer.maintain(occasion, self.options.idle))
    }

    fn recover(&self) -> Result<Head, StoreError> {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        // The old engine must be gone before a new one opens the file.
        drop(open.take());
        let path = self.dir.database();
        if !path.exists() {
            return Err(StoreError::Fatal(format!("{} no longer exists", path.display())));
        }
        let writer = open::checked(&path, &self.options)
            .and_then(|connection| Writer::new(connection, &self.dir))
            .map_err(|error| located(error, &path))?;
        let head = writer.head();
        *open = Some(Open::new(writer)?);
        Ok(head)
    }

    fn close(&self) -> Result<(), StoreError> {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        open.take().map_or(Ok(()), Open::close).map_err(|error| self.located(error))
    }
}
