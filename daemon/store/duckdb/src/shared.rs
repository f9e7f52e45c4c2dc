//! The journal, the rows that wait in it, and the database: what the callers of the store share with the thread that moves rows.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard},
};

use duckdb::Connection;
use kontraktor_domain::{Body, Event, Head, Row};
use kontraktor_journal::Journal;
use kontraktor_model::names::EnvPath;
use kontraktor_store::{Commit, StoreError};
use uuid::Uuid;

use super::{
    DataDir, DuckDbOptions, SCHEMA_VERSION,
    database::Database,
    dir::io_error,
    errors::located,
    open,
    pending::{Pending, View},
    rows,
};

/// A write-ahead log of more bytes is left to the next start: a checkpoint may outlast the time that stopping has.
const WAL_CHECKPOINT_ON_CLOSE: u64 = 64 * 1024 * 1024;

/// Rows of the journal that are moved together at the start.
const ROWS_AT_ONCE: usize = 1_024;

/// What moving rows takes on the disk, for each byte of the journal, and at least.
const ROOM_FACTOR: u64 = 2;
const LEAST_ROOM: u64 = 1024 * 1024;

pub(super) struct Shared {
    pub(super) dir: DataDir,
    pub(super) options: DuckDbOptions,
    log: Mutex<Log>,
    pub(super) pending: Pending,
    /// None: closed, or not reopened yet.
    database: RwLock<Option<Database>>,
    /// The journal's rows of a store that is opened read-only.
    pub(super) not_moved: Option<Vec<Row<'static>>>,
}

/// What commits are appended to.
enum Log {
    Open(Journal),
    /// Opened read-only; the newest row.
    ReadOnly(Head),
    Closed,
}

impl Shared {
    pub(super) fn open(dir: DataDir, options: DuckDbOptions) -> Result<Arc<Self>, StoreError> {
        let path = dir.database();
        refuse_old_journal(&dir)?;
        let has_journal = Journal::exists(dir.path())?;
        // A journal has every row that DuckDB's write-ahead log has.
        let aside = if has_journal && path.exists() { SetAside::new(&path)? } else { SetAside::nothing() };
        let connection = open::writable(&path, &options)?;
        let database = Database::new(connection, &path)?;
        let (journal, events, head) = {
            let tables = database.tables();
            if !has_journal && tables.wal_bytes() > 0 {
                tables.checkpoint()?;
            }
            let connection = &tables.connection;
            let head = rows::head(connection)?;
            let hash_at = |seq: u64| match seq.checked_sub(1) {
                None => Ok(Some(Head::default().hash)),
                Some(before) => {
                    let found = rows::window(connection, before, 1)?;
                    let row = found.first().filter(|row| row.seq == seq);
                    row.map(|row| rows::hash_of(seq, &row.hash)).transpose()
                }
            };
            let (journal, not_moved) = Journal::open(dir.path(), SCHEMA_VERSION, head, hash_at)?;
            (journal, events(&not_moved, rows::environment_paths(connection)?)?, head)
        };
        aside.discard();
        let shared = Self {
            dir,
            options,
            log: Mutex::new(Log::Open(journal)),
            pending: Pending::default(),
            database: RwLock::new(Some(database)),
            not_moved: None,
        };
        shared.pending.moved_through(head.seq);
        for events in events.chunks(ROWS_AT_ONCE) {
            // Their length in the journal is not known any more, and matters little: they are moved now.
            shared.pending.push(events.into(), events.len());
        }
        match shared.move_pending() {
            Err(StoreError::Full(reason)) => {
                tracing::warn!(
                    reason,
                    "the disk is full: rows of the journal are not moved into the tables yet"
                );
                shared.reopen()?;
            }
            moved => moved?,
        }
        Ok(Arc::new(shared))
    }

    pub(super) fn open_read_only(dir: DataDir, options: DuckDbOptions) -> Result<Arc<Self>, StoreError> {
        let path = dir.database();
        let connection = open::read_only(&path, &options)?;
        let head = rows::head(&connection)?;
        let not_moved = Journal::read(dir.path(), SCHEMA_VERSION, head)?;
        let newest = not_moved.last().map_or(Ok(head), rows::head_of)?;
        let pending = Pending::default();
        pending.moved_through(head.seq);
        Ok(Arc::new(Self {
            database: RwLock::new(Some(Database::new(connection, &path)?)),
            dir,
            options,
            log: Mutex::new(Log::ReadOnly(newest)),
            pending,
            not_moved: Some(not_moved),
        }))
    }

    pub(super) fn commit(&self, expected: Head, events: &[Event]) -> Result<Commit, StoreError> {
        let mut log = self.log();
        let journal = log.journal()?;
        if expected != journal.head() {
            return Ok(Commit::Conflict(journal.head()));
        }
        if events.is_empty() {
            return Ok(Commit::Committed);
        }
        self.pending.wait_for_room()?;
        let rows: Vec<_> = events.iter().map(Row::from).collect();
        let bytes = journal.append(&rows)?;
        // Under the lock of the journal, so that they are in the same order.
        self.pending.push(events.into(), bytes);
        Ok(Commit::Committed)
    }

    pub(super) fn head(&self) -> Result<Head, StoreError> {
        match &*self.log() {
            Log::Open(journal) => Ok(journal.head()),
            Log::ReadOnly(head) => Ok(*head),
            Log::Closed => Err(StoreError::Closed),
        }
    }

    pub(super) fn check_room(&self) -> Result<(), StoreError> {
        self.log().journal()?.make_room()
    }

    /// Finds out what became of a commit that failed.
    pub(super) fn recover(&self) -> Result<Head, StoreError> {
        self.log().journal()?.recover()
    }

    /// Returns the rows that are not in the tables.
    pub(super) fn view(&self) -> Result<View, StoreError> {
        // Not after it was closed.
        self.head()?;
        let Some(not_moved) = &self.not_moved else { return Ok(self.pending.view()) };
        let paths = self.read(rows::environment_paths)?;
        let pending = Pending::default();
        pending.moved_through(self.pending.view().moved);
        pending.push(events(not_moved, paths)?.into(), 0);
        Ok(pending.view())
    }

    /// Moves all rows of the journal into the tables.
    pub(super) fn move_pending(&self) -> Result<(), StoreError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let guard = self.guard();
        let mut tables = guard.as_ref().ok_or_else(|| self.not_open())?.tables();
        // Another thread may have moved them while this one waited.
        let view = self.pending.view();
        let Some(last) = view.last() else { return Ok(()) };
        let moved = tables.append(view.events());
        moved.map_err(|error| located(error, &self.dir.database()))?;
        self.pending.moved_through(last.seq);
        Ok(())
    }

    /// Has DuckDB write everything into the database, and removes the files of the journal that are not needed any more.
    pub(super) fn checkpoint(&self) -> Result<(), StoreError> {
        let moved = {
            let guard = self.guard();
            let tables = guard.as_ref().ok_or_else(|| self.not_open())?.tables();
            let moved = self.pending.view().moved;
            tables.checkpoint().map_err(|error| located(error, &self.dir.database()))?;
            moved
        };
        let released = self.log().journal()?.release(moved);
        kontraktor_journal::remove(&released);
        Ok(())
    }

    /// Returns the lengths of DuckDB's write-ahead log and of the journal.
    pub(super) fn log_bytes(&self) -> Result<(u64, u64), StoreError> {
        let wal = self.guard().as_ref().ok_or_else(|| self.not_open())?.tables().wal_bytes();
        Ok((wal, self.log().journal()?.bytes()))
    }

    /// Fails if the disk has no room to move rows, so that the engine need not find out.
    pub(super) fn check_room_for_move(&self) -> Result<(), StoreError> {
        let path = self.dir.path();
        let needed = LEAST_ROOM + ROOM_FACTOR * self.pending.view().bytes();
        let found = nix::sys::statvfs::statvfs(path)
            .map_err(|error| io_error("cannot inspect", path)(io::Error::from(error)))?;
        let free = found.blocks_available().saturating_mul(found.fragment_size());
        if free < needed {
            return Err(StoreError::Full(format!(
                "{free} bytes are free, and moving rows into the tables may take {needed}"
            )));
        }
        Ok(())
    }

    /// Opens the database anew after a failure, and finds out which rows it kept.
    pub(super) fn reopen(&self) -> Result<(), StoreError> {
        let mut open = self.database.write().unwrap_or_else(PoisonError::into_inner);
        // The old engine must be gone before a new one opens the file.
        drop(open.take());
        let path = self.dir.database();
        if !path.exists() {
            return Err(StoreError::Fatal(format!("{} no longer exists", path.display())));
        }
        let database = open::checked(&path, &self.options)
            .and_then(|connection| Database::new(connection, &path))
            .map_err(|error| located(error, &path))?;
        let kept = rows::head(&database.tables().connection)?;
        self.pending.moved_through(kept.seq);
        *open = Some(database);
        Ok(())
    }

    /// Closes journal and database, after moving the rows, and a checkpoint that is not too long. Rows that could not be moved are in
    /// the journal for the next start.
    pub(super) fn close(&self) -> Result<(), StoreError> {
        let is_open = matches!(&*self.log(), Log::Open(_));
        let moved = if is_open { self.close_in_order() } else { Ok(()) };
        *self.log() = Log::Closed;
        let database = self.database.write().unwrap_or_else(PoisonError::into_inner).take();
        database.map_or(Ok(()), Database::close).map_err(|error| located(error, &self.dir.database()))?;
        moved
    }

    fn close_in_order(&self) -> Result<(), StoreError> {
        self.move_pending()?;
        let (wal, _) = self.log_bytes()?;
        if wal == 0 || wal > WAL_CHECKPOINT_ON_CLOSE { Ok(()) } else { self.checkpoint() }
    }

    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let open = self.guard();
        let reader = open.as_ref().ok_or_else(|| self.not_open())?.reader();
        reader.and_then(|reader| work(&reader)).map_err(|error| located(error, &self.dir.database()))
    }

    fn not_open(&self) -> StoreError {
        match &*self.log() {
            Log::Closed => StoreError::Closed,
            _ => StoreError::Failed("it could not be reopened yet after a failure".to_owned()),
        }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        // An append changes it as a whole, so a panic elsewhere leaves it sound.
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Held for as long as a connection is used, so that nothing is reopened under it. What a lock protects here is a
    /// pair of handles, never half changed, so a panic of another holder is no reason to stop.
    pub(super) fn guard(&self) -> RwLockReadGuard<'_, Option<Database>> {
        self.database.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log {
    fn journal(&mut self) -> Result<&mut Journal, StoreError> {
        match self {
            Self::Open(journal) => Ok(journal),
            Self::ReadOnly(_) => Err(StoreError::Failed("it is opened read-only".to_owned())),
            Self::Closed => Err(StoreError::Closed),
        }
    }
}

/// Returns rows as events. `paths` are the names of the environments of the tables.
fn events(rows: &[Row<'_>], mut paths: HashMap<Uuid, EnvPath>) -> Result<Vec<Event>, StoreError> {
    let mut events = Vec::with_capacity(rows.len());
    for row in rows {
        let event = rows::event(row, &paths)?;
        if let Body::Environment(environment) = &event.body {
            paths.insert(environment.id, environment.path.clone());
        }
        events.push(event);
    }
    Ok(events)
}

/// DuckDB's write-ahead log under another name, until it is certain that it is not needed.
struct SetAside(Option<[PathBuf; 2]>);

impl SetAside {
    fn nothing() -> Self {
        Self(None)
    }

    fn new(database: &Path) -> Result<Self, StoreError> {
        let wal = open::wal_of(database);
        let aside = database.with_extension("duckdb.wal.unused");
        match fs::rename(&wal, &aside) {
            Ok(()) => Ok(Self(Some([wal, aside]))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self(None)),
            Err(error) => Err(io_error("cannot rename", &wal)(error)),
        }
    }

    fn discard(mut self) {
        if let Some([_, aside]) = self.0.take()
            && let Err(error) = fs::remove_file(&aside)
        {
            tracing::warn!(path = %aside.display(), %error, "a file that is not needed any more cannot be removed");
        }
    }
}

impl Drop for SetAside {
    /// The start was refused: everything is as it was before.
    fn drop(&mut self) {
        if let Some([wal, aside]) = &self.0
            && let Err(error) = fs::rename(aside, wal)
        {
            tracing::warn!(path = %aside.display(), %error, "DuckDB's write-ahead log cannot be renamed back");
        }
    }
}

/// A journal of a version that was never released would be ignored.
fn refuse_old_journal(dir: &DataDir) -> Result<(), StoreError> {
    let path = dir.path().join("kontraktor.journal");
    if fs::metadata(&path).is_ok_and(|file| file.len() > 0) {
        let reason = "it is a journal of an earlier kontraktord; start that one once and stop it".to_owned();
        return Err(StoreError::Unusable { path, reason });
    }
    Ok(())
}
