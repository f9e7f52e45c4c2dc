//! The log in DuckDB: tables that are only ever appended to. No index, no key, no UPDATE: those are what its defects
//! live in.
//!
//! One connection writes. Each read runs on a connection of its own; the engine gives it a consistent view. Reopening
//! waits until every read is done, because two engines on one file in one process are not safe.

mod append;
mod audit;
mod errors;
mod load;
mod moments;
mod open;
mod rows;
mod schema;
#[cfg(test)]
mod tests;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard},
};

use ::duckdb::Connection;
use jiff::Timestamp;
use uuid::Uuid;

use self::errors::classify;
pub use self::schema::SCHEMA_VERSION;
use super::{AuditQuery, DataDir, Moment, Past, Store, StoreError, StoreInfo, Upkeep};
use crate::domain::{AuditEntry, Fact, Head, Row, State};

/// A write-ahead log of so many bytes is worth a checkpoint when nobody waits.
const WAL_WORTH_A_CHECKPOINT: u64 = 4 * 1024 * 1024;

/// Beyond so many bytes of write-ahead log, starting again would take too long: checkpoint at once.
const WAL_LIMIT: u64 = 256 * 1024 * 1024;

/// A write-ahead log of more bytes is left for the next start to tidy up: a checkpoint of it may outlast the time that
/// stopping has.
const WAL_TIDIED_ON_CLOSE: u64 = 64 * 1024 * 1024;

/// How much of the machine DuckDB may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuckDbOptions {
    /// MiB of memory.
    pub memory_mib: u32,
    /// Threads for one query. With more than one, a commit is handed to another thread and waited for actively, which
    /// costs twice the processor time. Queries on several connections run beside each other in any case.
    pub threads: u32,
}

impl Default for DuckDbOptions {
    fn default() -> Self {
        Self { memory_mib: 512, threads: 1 }
    }
}

/// The log in a database file.
pub struct DuckDbStore {
    dir: DataDir,
    options: DuckDbOptions,
    engine: Arc<str>,
    wal: PathBuf,
    /// None: closed, or not to be reopened yet.
    open: RwLock<Option<Open>>,
}

struct Open {
    writer: Mutex<Connection>,
    /// Never used itself: readers are cloned from it.
    reader: Mutex<Connection>,
}

impl DuckDbStore {
    /// Opens the database in a directory that was locked before, or makes it, and brings its tables up to date.
    ///
    /// A file that is not a database, is damaged or has tables of a later daemon is refused before anything is written
    /// to it.
    pub fn open(dir: DataDir, options: DuckDbOptions) -> Result<Self, StoreError> {
        let writer = open::writable(&dir.database(), &options)?;
        Self::with(dir, options, writer)
    }

    /// Opens the database of a directory that was locked for reading. Nothing is written, and writing is an error.
    pub fn open_read_only(dir: DataDir, options: DuckDbOptions) -> Result<Self, StoreError> {
        let connection = open::read_only(&dir.database(), &options)?;
        Self::with(dir, options, connection)
    }

    fn with(dir: DataDir, options: DuckDbOptions, writer: Connection) -> Result<Self, StoreError> {
        let engine = format!("DuckDB {}", writer.version().map_err(classify)?.trim_start_matches('v')).into();
        let wal = open::wal_of(&dir.database());
        let open = RwLock::new(Some(Open::new(writer)?));
        Ok(Self { dir, options, engine, wal, open })
    }

    /// The data directory.
    pub fn dir(&self) -> &DataDir {
        &self.dir
    }

    fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let open = self.guard();
        let open = open.as_ref().ok_or(StoreError::Closed)?;
        let reader =
            open.reader.lock().unwrap_or_else(PoisonError::into_inner).try_clone().map_err(classify)?;
        work(&reader)
    }

    fn write<T>(&self, work: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let open = self.guard();
        let open = open.as_ref().ok_or(StoreError::Closed)?;
        work(&open.writer.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Held for as long as a connection is used, so that nothing is reopened under it. What a lock protects here is a
    /// pair of handles, never half changed, so a panic of another holder is no reason to stop.
    fn guard(&self) -> RwLockReadGuard<'_, Option<Open>> {
        self.open.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn new(writer: Connection) -> Result<Self, StoreError> {
        let reader = writer.try_clone().map_err(classify)?;
        Ok(Self { writer: Mutex::new(writer), reader: Mutex::new(reader) })
    }
}

fn size_of(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

impl Store for DuckDbStore {
    fn commit(&self, facts: &[Fact]) -> Result<(), StoreError> {
        self.write(|connection| append::commit(connection, facts))
    }

    fn load(&self, now: Timestamp) -> Result<State, StoreError> {
        self.read(|connection| load::load(connection, now))
    }

    fn head(&self) -> Result<Head, StoreError> {
        self.read(rows::head)
    }

    fn changes_since(&self, seq: u64, limit: usize) -> Result<Vec<Fact>, StoreError> {
        self.read(|connection| rows::facts(connection, seq, limit))
    }

    fn rows_since(&self, seq: u64, limit: usize) -> Result<Vec<Row<'static>>, StoreError> {
        self.read(|connection| rows::window(connection, seq, limit))
    }

    fn audit(&self, query: &AuditQuery) -> Result<Vec<AuditEntry>, StoreError> {
        self.read(|connection| audit::audit(connection, query))
    }

    fn row_at(&self, environment: Uuid, moment: Moment) -> Result<Option<u64>, StoreError> {
        self.read(|connection| moments::row_at(connection, environment, moment))
    }

    fn locks_at(&self, environment: Uuid, revision: u64) -> Result<Option<u64>, StoreError> {
        self.read(|connection| moments::locks_at(connection, environment, revision))
    }

    fn as_of(&self, environment: Uuid, seq: u64, locks: u64, imported: bool) -> Result<Past, StoreError> {
        self.read(|connection| moments::as_of(connection, environment, seq, locks, imported))
    }

    fn info(&self) -> StoreInfo {
        StoreInfo { engine: Arc::clone(&self.engine), schema_version: SCHEMA_VERSION }
    }

    fn upkeep(&self) -> Upkeep {
        match size_of(&self.wal) {
            size if size > WAL_LIMIT => Upkeep::Now,
            size if size > WAL_WORTH_A_CHECKPOINT => Upkeep::WhenIdle,
            _ => Upkeep::None,
        }
    }

    fn checkpoint(&self) -> Result<(), StoreError> {
        self.write(|connection| connection.execute_batch("CHECKPOINT").map_err(classify))
    }

    fn recover(&self) -> Result<Head, StoreError> {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        // The old engine must be gone before a new one opens the file.
        drop(open.take());
        let path = self.dir.database();
        if !path.exists() {
            return Err(StoreError::Fatal(format!("{} is gone", path.display())));
        }
        let writer = open::checked(&path, &self.options)?;
        let head = rows::head(&writer)?;
        *open = Some(Open::new(writer)?);
        Ok(head)
    }

    fn close(&self) -> Result<(), StoreError> {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        let Some(Open { writer, reader }) = open.take() else { return Ok(()) };
        drop(reader);
        let writer = writer.into_inner().unwrap_or_else(PoisonError::into_inner);
        let tidied = if size_of(&self.wal) > WAL_TIDIED_ON_CLOSE {
            Ok(())
        } else {
            writer.execute_batch("CHECKPOINT").map_err(classify)
        };
        writer.close().map_err(|(_, error)| classify(error))?;
        tidied
    }
}
