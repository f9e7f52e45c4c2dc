//! The journal, the rows that wait in it, and the database: what the callers of the store share with the thread that moves rows.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicBool, Ordering},
    },
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
    pending::{Asked, Pending, View, weight},
    rows,
};

/// A write-ahead log of more bytes is left to the next start: a checkpoint may outlast the time that stopping has.
const WAL_CHECKPOINT_ON_CLOSE: u64 = 64 * 1024 * 1024;

/// What moving rows takes on the disk, for each byte of the journal, and at least.
const ROOM_FACTOR: u64 = 2;
const LEAST_ROOM: u64 = 1024 * 1024;

pub(super) struct Shared {
    pub(super) dir: DataDir,
    pub(super) options: DuckDbOptions,
    log: Mutex<Log>,
    /// It is closed: kept apart, so that readers do not wait for a commit to find out.
    is_closed: AtomicBool,
    pub(super) pending: Pending,
    /// None: closed, or not reopened yet.
    database: RwLock<Option<Database>>,
    /// The journal's rows of a store that is opened read-only.
    pub(super) not_moved: Option<Vec<Row<'static>>>,
}

/// What commits are appended to.
enum Log {
    Open(Appended),
    /// Opened read-only; the newest row.
    ReadOnly(Head),
    Closed,
}

struct Appended {
    journal: Journal,
    /// The events of an append of which it is not known whether it was kept.
    unresolved: Option<Arc<[Event]>>,
}

impl Shared {
    pub(super) fn open(dir: DataDir, options: DuckDbOptions) -> Result<Arc<Self>, StoreError> {
        let path = dir.database();
        refuse_old_journal(&dir)?;
        let has_journal = Journal::exists(dir.path())?;
        // A journal has every row that DuckDB's write-ahead log has.
        let aside = SetAside::new(&path, has_journal && path.exists())?;
        let connection = open::writable(&path, &options)?;
        let database = Database::new(connection, &path)?;
        let (journal, events, head) = {
            let tables = database.tables();
            if !has_journal && tables.wal_bytes() > 0 {
                tables.checkpoint()?;
            }
            let connection = &tables.connection;
            let head = rows::head(connection)?;
            let (journal, not_moved) = Journal::open(dir.path(), SCHEMA_VERSION, head)?;
            (journal, events(&not_moved, rows::environment_paths(connection)?)?, head)
        };
        aside.discard();
        let shared = Self {
            dir,
            options,
            log: Mutex::new(Log::Open(Appended { journal, unresolved: None })),
            is_closed: AtomicBool::new(false),
            pending: Pending::default(),
            database: RwLock::new(Some(database)),
            not_moved: None,
        };
        shared.pending.reset(head.seq, &events);
        match shared.move_pending() {
            Err(error @ (StoreError::Full(_) | StoreError::Failed(_))) => {
                tracing::warn!(%error, "rows of the journal cannot be moved into the tables yet");
                shared.reopen()?;
                shared.pending.ask(Asked::Move);
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
            is_closed: AtomicBool::new(false),
            pending,
            not_moved: Some(not_moved),
        }))
    }

    pub(super) fn commit(&self, expected: Head, events: &[Event]) -> Result<Commit, StoreError> {
        // Before the journal is locked, which the thread that makes room needs, too.
        if !events.is_empty() {
            self.pending.wait_for_room()?;
        }
        let mut log = self.log();
        let Appended { journal, unresolved } = log.appended()?;
        if expected != journal.head() {
            return Ok(Commit::Conflict(journal.head()));
        }
        if events.is_empty() {
            return Ok(Commit::Committed);
        }
        let rows: Vec<_> = events.iter().map(Row::from).collect();
        match journal.append(&rows) {
            // Under the lock of the journal, so that they are in the same order.
            Ok(bytes) => self.pending.push(events.into(), bytes),
            Err(error) => {
                if journal.is_unresolved() && unresolved.is_none() {
                    *unresolved = Some(events.into());
                }
                return Err(error);
            }
        }
        Ok(Commit::Committed)
    }

    pub(super) fn check_open(&self) -> Result<(), StoreError> {
        if self.is_closed.load(Ordering::Acquire) { Err(StoreError::Closed) } else { Ok(()) }
    }

    pub(super) fn head(&self) -> Result<Head, StoreError> {
        match &*self.log() {
            Log::Open(appended) => Ok(appended.journal.head()),
            Log::ReadOnly(head) => Ok(*head),
            Log::Closed => Err(StoreError::Closed),
        }
    }

    pub(super) fn check_room(&self) -> Result<(), StoreError> {
        self.pending.check_room()?;
        self.log().appended()?.journal.make_room()
    }

    /// Finds out what became of a commit that failed.
    pub(super) fn recover(&self) -> Result<Head, StoreError> {
        let mut log = self.log();
        let Appended { journal, unresolved } = log.appended()?;
        let head = journal.recover()?;
        if let Some(events) = unresolved.take()
            && events.last().is_some_and(|last| last.seq == head.seq && last.hash == head.hash)
        {
            let bytes = weight(&events);
            self.pending.push(events, bytes);
        }
        Ok(head)
    }

    /// Returns the rows that are not in the tables.
    pub(super) fn view(&self) -> Result<View, StoreError> {
        self.check_open()?;
        let Some(not_moved) = &self.not_moved else { return Ok(self.pending.view()) };
        let paths = self.read(rows::environment_paths)?;
        let pending = Pending::default();
        pending.reset(self.pending.moved(), &events(not_moved, paths)?);
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
        for portion in self.pending.view().portions() {
            let (Some(first), Some(last)) = (portion.first(), portion.last()) else { continue };
            let moved = self.pending.moved();
            if first.seq != moved + 1 {
                let (row, reason) = (first.seq, "a row between them is missing");
                return Err(StoreError::Fatal(format!(
                    "row {row} waits to be moved into the tables, which end with row {moved}: {reason}"
                )));
            }
            let last = last.seq;
            tables.append(portion).map_err(|error| located(error, &self.dir.database()))?;
            self.pending.moved_through(last);
        }
        Ok(())
    }

    /// Has DuckDB write everything into the database, and removes the files of the journal that are not needed any more.
    pub(super) fn checkpoint(&self) -> Result<(), StoreError> {
        let moved = {
            let guard = self.guard();
            let tables = guard.as_ref().ok_or_else(|| self.not_open())?.tables();
            let moved = self.pending.moved();
            tables.checkpoint().map_err(|error| located(error, &self.dir.database()))?;
            moved
        };
        let released = self.log().appended()?.journal.release(moved);
        kontraktor_journal::remove(&released);
        Ok(())
    }

    /// Returns the lengths of DuckDB's write-ahead log and of the journal.
    pub(super) fn log_bytes(&self) -> Result<(u64, u64), StoreError> {
        let wal = self.guard().as_ref().ok_or_else(|| self.not_open())?.tables().wal_bytes();
        Ok((wal, self.log().appended()?.journal.bytes()))
    }

    /// Fails if the disk has no room to move rows, so that the engine need not find out.
    pub(super) fn check_room_for_move(&self) -> Result<(), StoreError> {
        let path = self.dir.path();
        let needed = LEAST_ROOM + ROOM_FACTOR * self.pending.view().next_bytes();
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

    #[cfg(test)]
    pub(super) fn fail_appends(&self, fail: bool) {
        let mut log = self.log();
        let appended = log.appended().unwrap_or_else(|error| panic!("{error}"));
        appended.journal.fail_appends(fail).unwrap_or_else(|error| panic!("{error}"));
    }

    /// Whether the database is open.
    pub(super) fn is_open(&self) -> bool {
        self.guard().is_some()
    }

    /// Opens the database anew after a failure, as of its last checkpoint: the rows after it are in the journal.
    pub(super) fn reopen(&self) -> Result<(), StoreError> {
        let mut open = self.database.write().unwrap_or_else(PoisonError::into_inner);
        // The old engine must be gone before a new one opens the file.
        drop(open.take());
        // Nothing is committed meanwhile.
        let mut log = self.log();
        let newest = log.appended()?.journal.head();
        let path = self.dir.database();
        if !path.exists() {
            return Err(StoreError::Fatal(format!("{} no longer exists", path.display())));
        }
        let aside = SetAside::new(&path, true)?;
        let database = open::checked(&path, &self.options)
            .and_then(|connection| Database::new(connection, &path))
            .map_err(|error| located(error, &path))?;
        let (kept, events) = {
            let connection = &database.tables().connection;
            let kept = rows::head(connection)?;
            let mut rows = Journal::read(self.dir.path(), SCHEMA_VERSION, kept)?;
            // An append of which nobody knows whether it was kept is not committed.
            rows.retain(|row| row.seq <= newest.seq);
            (kept, events(&rows, rows::environment_paths(connection)?)?)
        };
        aside.discard();
        self.pending.reset(kept.seq, &events);
        *open = Some(database);
        Ok(())
    }

    /// Closes journal and database, after moving the rows, and a checkpoint that is not too long. Rows that could not be moved are in
    /// the journal for the next start.
    pub(super) fn close(&self) -> Result<(), StoreError> {
        let is_open = matches!(&*self.log(), Log::Open(_));
        let moved = if is_open { self.close_in_order() } else { Ok(()) };
        self.is_closed.store(true, Ordering::Release);
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
    fn appended(&mut self) -> Result<&mut Appended, StoreError> {
        match self {
            Self::Open(appended) => Ok(appended),
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
struct SetAside {
    wal: PathBuf,
    aside: PathBuf,
    /// It is under the other name.
    is_aside: bool,
}

impl SetAside {
    /// Renames it if there is one, and if it is `covered`: another log has its rows.
    fn new(database: &Path, covered: bool) -> Result<Self, StoreError> {
        let wal = open::wal_of(database);
        let aside = database.with_extension("duckdb.wal.unused");
        let is_aside = covered
            && match fs::rename(&wal, &aside) {
                Ok(()) => true,
                Err(error) if error.kind() == io::ErrorKind::NotFound => false,
                Err(error) => return Err(io_error("cannot rename", &wal)(error)),
            };
        Ok(Self { wal, aside, is_aside })
    }

    /// Removes it, and one that a start left that was interrupted.
    fn discard(mut self) {
        self.is_aside = false;
        match fs::remove_file(&self.aside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                let path = self.aside.display();
                tracing::warn!(%path, %error, "a file that is not needed any more cannot be removed");
            }
            _ => {}
        }
    }
}

impl Drop for SetAside {
    /// The start was refused: everything is as it was before.
    fn drop(&mut self) {
        if self.is_aside
            && let Err(error) = fs::rename(&self.aside, &self.wal)
        {
            let path = self.aside.display();
            tracing::warn!(%path, %error, "DuckDB's write-ahead log cannot be renamed back");
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
