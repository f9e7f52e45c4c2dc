//! The one connection that writes, and the journal before it. It knows which row is the newest, so that a commit can be
//! checked without a query.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ::duckdb::Connection;

use super::{
    StoreError,
    append::{self, ColumnOrders},
    dir::DataDir,
    errors::classify,
    journal::Journal,
    open, rows,
};
use kontraktor_domain::{Event, Head, Row};
use kontraktor_store::{Commit, Occasion};

/// A write-ahead log of more bytes is moved into the database when the writer has nothing to do.
const WAL_CHECKPOINT_IDLE: u64 = 4 * 1024 * 1024;

/// A write-ahead log of more bytes is moved into the database at once: reading it at the next start would take too long.
const WAL_CHECKPOINT_NOW: u64 = 256 * 1024 * 1024;

/// A write-ahead log of more bytes is left to the next start: a checkpoint may outlast the time that stopping has.
const WAL_CHECKPOINT_ON_CLOSE: u64 = 64 * 1024 * 1024;

/// The connections of an open database.
pub(super) struct Open {
    writer: Mutex<Writer>,
    /// Never used itself: readers are cloned from it.
    reader: Mutex<Connection>,
    /// The journal holds rows that are not in the tables.
    pending: AtomicBool,
}

impl Open {
    pub(super) fn new(writer: Writer) -> Result<Self, StoreError> {
        let reader = writer.connection.try_clone().map_err(classify)?;
        let pending = AtomicBool::new(writer.has_pending());
        Ok(Self { writer: Mutex::new(writer), reader: Mutex::new(reader), pending })
    }

    /// Whether the journal holds rows that are not in the tables.
    pub(super) fn has_pending(&self) -> bool {
        self.pending.load(Ordering::Acquire)
    }

    /// Returns a connection to read with.
    pub(super) fn reader(&self) -> Result<Connection, StoreError> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner).try_clone().map_err(classify)
    }

    pub(super) fn write<T>(
        &self,
        work: impl FnOnce(&mut Writer) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let done = work(&mut writer);
        self.pending.store(writer.has_pending(), Ordering::Release);
        done
    }

    /// Closes both connections, after a checkpoint that is not too long. Pending rows that could not be moved are in the
    /// journal for the next start.
    pub(super) fn close(self) -> Result<(), StoreError> {
        drop(self.reader);
        let mut writer = self.writer.into_inner().unwrap_or_else(PoisonError::into_inner);
        let moved = writer.move_pending().and_then(|()| {
            if writer.wal_bytes() > WAL_CHECKPOINT_ON_CLOSE { Ok(()) } else { writer.checkpoint_wal() }
        });
        writer.connection.close().map_err(|(_, error)| classify(error))?;
        moved
    }
}

/// The connection that writes, and the journal before it.
pub(super) struct Writer {
    pub(super) connection: Connection,
    orders: ColumnOrders,
    pub(super) journal: Journal,
    /// The newest row, in the tables or in the journal.
    head: Head,
    wal: PathBuf,
    /// A commit or a move failed, and only a reopened database tells whether it was kept. Rows that are committed again
    /// would be there twice.
    unresolved_commit: bool,
}

impl Writer {
    /// With what a process that did not end in order left in the journal.
    pub(super) fn new(connection: Connection, dir: &DataDir) -> Result<Self, StoreError> {
        let journal = Journal::open(&dir.journal(), rows::head(&connection)?)?;
        Self::with(connection, journal, dir)
    }

    pub(super) fn read_only(connection: Connection, dir: &DataDir) -> Result<Self, StoreError> {
        let journal = Journal::open_read_only(&dir.journal(), rows::head(&connection)?)?;
        Self::with(connection, journal, dir)
    }

    fn with(connection: Connection, journal: Journal, dir: &DataDir) -> Result<Self, StoreError> {
        let head = match journal.head()? {
            Some(head) => head,
            None => rows::head(&connection)?,
        };
        let wal = open::wal_of(&dir.database());
        let orders = ColumnOrders::read(&connection)?;
        Ok(Self { connection, orders, journal, head, wal, unresolved_commit: false })
    }

    /// The newest row, in the tables or in the journal.
    pub(super) fn head(&self) -> Head {
        self.head
    }

    fn has_pending(&self) -> bool {
        self.journal.has_pending()
    }

    pub(super) fn commit(&mut self, expected: Head, events: &[Event]) -> Result<Commit, StoreError> {
        if expected != self.head {
            return Ok(Commit::Conflict(self.head));
        }
        let Some(last) = events.last() else { return Ok(Commit::Committed) };
        self.check_resolved()?;
        let rows: Vec<_> = events.iter().map(Row::from).collect();
        self.unresolved_commit = true;
        if !self.journal.append(&rows)? {
            self.commit_with(&rows)?;
        }
        self.unresolved_commit = false;
        self.head = Head { seq: last.seq, hash: last.hash };
        Ok(Commit::Committed)
    }

    /// Moves the rows of the journal into the tables.
    pub(super) fn move_pending(&mut self) -> Result<(), StoreError> {
        if !self.has_pending() {
            return Ok(());
        }
        self.check_resolved()?;
        self.unresolved_commit = true;
        self.commit_with(&[])?;
        self.unresolved_commit = false;
        Ok(())
    }

    /// Commits the pending rows, and these after them.
    fn commit_with(&mut self, rows: &[Row<'_>]) -> Result<(), StoreError> {
        match self.journal.pending() {
            [] => append::commit(&self.connection, &self.orders, rows, true)?,
            pending => append::commit(&self.connection, &self.orders, &[pending, rows].concat(), false)?,
        }
        self.journal.clear()
    }

    fn check_resolved(&self) -> Result<(), StoreError> {
        if self.unresolved_commit {
            let reason = "an earlier commit failed, and the database must be reopened first";
            return Err(StoreError::Failed(reason.to_owned()));
        }
        Ok(())
    }

    pub(super) fn maintain(
        &mut self,
        occasion: Occasion,
        idle: Duration,
    ) -> Result<Option<Duration>, StoreError> {
        match occasion {
            Occasion::Committed if self.wal_bytes() > WAL_CHECKPOINT_NOW => self.checkpoint().map(|()| None),
            Occasion::Started | Occasion::Committed => Ok(Some(idle)),
            Occasion::Idle if self.has_pending() || self.wal_bytes() > WAL_CHECKPOINT_IDLE => {
                self.checkpoint().map(|()| None)
            }
            Occasion::Idle => Ok(None),
        }
    }

    pub(super) fn checkpoint(&mut self) -> Result<(), StoreError> {
        let had_pending = self.has_pending();
        self.move_pending()?;
        // Accesses may trickle in for days: the few rows that they leave are not worth a checkpoint each time.
        if had_pending && self.wal_bytes() <= WAL_CHECKPOINT_IDLE {
            return Ok(());
        }
        self.checkpoint_wal()
    }

    fn checkpoint_wal(&self) -> Result<(), StoreError> {
        self.connection.execute_batch("CHECKPOINT").map_err(classify)
    }

    fn wal_bytes(&self) -> u64 {
        size_of(&self.wal)
    }
}

fn size_of(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}
