//! The log in DuckDB: tables that are only ever appended to. No index, no key, no UPDATE: those are what its defects
//! live in.
//!
//! Accesses to secrets, which nobody changes and everybody waits for, get there by way of a [`journal`].
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

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicBool, Ordering},
    },
};

use ::duckdb::Connection;
use jiff::Timestamp;
use uuid::Uuid;

pub use self::{
    dir::{DATABASE_FILE, DataDir, Holder, JOURNAL_FILE, LOCK_FILE},
    schema::SCHEMA_VERSION,
};
use self::{errors::classify, journal::Journal};
use kontraktor_domain::{AuditEntry, Event, Head, Row, State};
use kontraktor_store::{AsOf, AuditQuery, PointInTime, Store, StoreError, StoreInfo, Upkeep};

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
    writer: Mutex<Writer>,
    /// Never used itself: readers are cloned from it.
    reader: Mutex<Connection>,
    /// Something stands in the journal that is not in the tables.
    waiting: AtomicBool,
}

/// The connection that writes, and the journal before it.
struct Writer {
    connection: Connection,
    journal: Journal,
    /// A commit failed, and only a reopened database tells whether it was kept. Rows that are committed again would be there
    /// twice.
    in_doubt: bool,
}

impl DuckDbStore {
    /// Opens the database in a directory that was locked before, or makes it, and brings its tables up to date.
    ///
    /// A file that is not a database, is damaged or has tables of a later daemon is refused before anything is written
    /// to it.
    pub fn open(dir: DataDir, options: DuckDbOptions) -> Result<Self, StoreError> {
        let writer = Writer::new(open::writable(&dir.database(), &options)?, &dir)?;
        Self::with(dir, options, writer)
    }

    /// Opens the database of a directory that was locked for reading. Nothing is written, and writing is an error.
    pub fn open_read_only(dir: DataDir, options: DuckDbOptions) -> Result<Self, StoreError> {
        let connection = open::read_only(&dir.database(), &options)?;
        let journal = Journal::open_read_only(&dir.journal(), rows::head(&connection)?)?;
        Self::with(dir, options, Writer { connection, journal, in_doubt: false })
    }

    fn with(dir: DataDir, options: DuckDbOptions, writer: Writer) -> Result<Self, StoreError> {
        let version = writer.connection.version().map_err(classify)?;
        let engine = format!("DuckDB {}", version.trim_start_matches('v')).into();
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

    /// For those who look for accesses in the tables.
    fn read_all<T>(&self, work: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let waits = self.guard().as_ref().is_some_and(Open::waits);
        if waits {
            self.write(Writer::settle)?;
        }
        self.read(work)
    }

    fn write<T>(&self, work: impl FnOnce(&mut Writer) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let open = self.guard();
        open.as_ref().ok_or(StoreError::Closed)?.write(work)
    }

    /// Held for as long as a connection is used, so that nothing is reopened under it. What a lock protects here is a
    /// pair of handles, never half changed, so a panic of another holder is no reason to stop.
    fn guard(&self) -> RwLockReadGuard<'_, Option<Open>> {
        self.open.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn new(writer: Writer) -> Result<Self, StoreError> {
        let reader = writer.connection.try_clone().map_err(classify)?;
        let waiting = writer.waits();
        Ok(Self { writer: Mutex::new(writer), reader: Mutex::new(reader), waiting: AtomicBool::new(waiting) })
    }

    fn waits(&self) -> bool {
        self.waiting.load(Ordering::Acquire)
    }

    fn write<T>(&self, work: impl FnOnce(&mut Writer) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let done = work(&mut writer);
        self.waiting.store(writer.waits(), Ordering::Release);
        done
    }
}

impl Writer {
    /// With what was left in the journal by whoever did not end well.
    fn new(connection: Connection, dir: &DataDir) -> Result<Self, StoreError> {
        let journal = Journal::open(&dir.journal(), rows::head(&connection)?)?;
        Ok(Self { connection, journal, in_doubt: false })
    }

    /// The newest row, wherever it stands.
    fn head(&self) -> Result<Head, StoreError> {
        match self.journal.waiting().last() {
            Some(row) => rows::head_of(row),
            None => rows::head(&self.connection),
        }
    }

    fn waits(&self) -> bool {
        self.journal.is_to_be_moved()
    }

    fn commit(&mut self, rows: &[Row<'_>]) -> Result<(), StoreError> {
        // Whoever writes reopens it upon an error.
        if self.in_doubt {
            return Err(in_doubt());
        }
        if self.journal.append(rows)? { Ok(()) } else { self.commit_with(rows) }
    }

    /// Moves what waits into the tables.
    fn settle(&mut self) -> Result<(), StoreError> {
        if self.waits() { self.commit_with(&[]) } else { Ok(()) }
    }

    /// Commits what waits and these rows behind it.
    fn commit_with(&mut self, rows: &[Row<'_>]) -> Result<(), StoreError> {
        if self.in_doubt {
            return Err(in_doubt());
        }
        let waiting = self.journal.waiting();
        let all = [waiting, rows].concat();
        if !all.is_empty() {
            self.in_doubt = true;
            append::commit(&self.connection, &all, waiting.is_empty())?;
            self.in_doubt = false;
        }
        self.journal.clear()
    }
}

fn in_doubt() -> StoreError {
    StoreError::Failed("a commit failed before, and the database has to be reopened first".to_owned())
}

fn size_of(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

impl Store for DuckDbStore {
    fn commit(&self, events: &[Event]) -> Result<(), StoreError> {
        let rows: Vec<_> = events.iter().map(Row::from).collect();
        self.write(|writer| writer.commit(&rows))
    }

    fn load(&self, now: Timestamp) -> Result<State, StoreError> {
        // Accesses change nothing but the head, and moving them would need room on the disk.
        let mut state = self.read(|connection| load::load(connection, now))?;
        state.restore_head(self.head()?);
        Ok(state)
    }

    fn head(&self) -> Result<Head, StoreError> {
        self.write(|writer| writer.head())
    }

    fn changes_since(&self, seq: u64, limit: usize) -> Result<Vec<Event>, StoreError> {
        self.read_all(|connection| rows::events(connection, seq, limit))
    }

    fn rows_since(&self, seq: u64, limit: usize) -> Result<Vec<Row<'static>>, StoreError> {
        // First: what is moved meanwhile is found in the tables.
        let waiting: Vec<_> = self.write(|writer| {
            Ok(writer.journal.waiting().iter().filter(|row| row.seq > seq).take(limit).cloned().collect())
        })?;
        let rows = self.read(|connection| rows::window(connection, seq, limit))?;
        Ok(if rows.is_empty() { waiting } else { rows })
    }

    fn audit(&self, query: &AuditQuery) -> Result<Vec<AuditEntry>, StoreError> {
        if query.writes_only {
            return self.read(|connection| audit::audit(connection, query));
        }
        self.read_all(|connection| audit::audit(connection, query))
    }

    fn row_at(&self, environment: Uuid, at: PointInTime) -> Result<Option<u64>, StoreError> {
        // Rows in the journal are newer than those in the tables, and belong to no revision.
        if let (PointInTime::Time(time), true) = (at, self.guard().as_ref().is_some_and(Open::waits)) {
            let newest = self.write(|writer| {
                let mut rows = writer.journal.waiting().iter();
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

    fn upkeep(&self) -> Upkeep {
        match size_of(&self.wal) {
            size if size > WAL_LIMIT => Upkeep::Now,
            size if size > WAL_WORTH_A_CHECKPOINT => Upkeep::WhenIdle,
            _ if self.guard().as_ref().is_some_and(Open::waits) => Upkeep::WhenIdle,
            _ => Upkeep::None,
        }
    }

    fn checkpoint(&self) -> Result<(), StoreError> {
        let moved = self.write(|writer| {
            let waited = writer.waits();
            writer.settle().map(|()| waited)
        })?;
        // Accesses may trickle in for days: what they leave is not worth a checkpoint each time.
        if moved && size_of(&self.wal) <= WAL_WORTH_A_CHECKPOINT {
            return Ok(());
        }
        self.write(|writer| writer.connection.execute_batch("CHECKPOINT").map_err(classify))
    }

    fn recover(&self) -> Result<Head, StoreError> {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        // The old engine must be gone before a new one opens the file.
        drop(open.take());
        let path = self.dir.database();
        if !path.exists() {
            return Err(StoreError::Fatal(format!("{} is gone", path.display())));
        }
        let writer = Writer::new(open::checked(&path, &self.options)?, &self.dir)?;
        let head = writer.head()?;
        *open = Some(Open::new(writer)?);
        Ok(head)
    }

    fn close(&self) -> Result<(), StoreError> {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        let Some(Open { writer, reader, .. }) = open.take() else { return Ok(()) };
        drop(reader);
        let mut writer = writer.into_inner().unwrap_or_else(PoisonError::into_inner);
        // Where it is not moved, it is in the journal for the next start.
        let tidied = writer.settle().and_then(|()| {
            if size_of(&self.wal) > WAL_TIDIED_ON_CLOSE {
                return Ok(());
            }
            writer.connection.execute_batch("CHECKPOINT").map_err(classify)
        });
        writer.connection.close().map_err(|(_, error)| classify(error))?;
        tidied
    }
}
