//! Where the log is kept. The trait speaks the domain's words; which store it is, main chooses. A store takes events as
//! they are and knows no rule about them.

mod error;
mod memory;
mod replay;
mod verify;

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;
use kontraktor_model::names::{EnvName, EnvPath, Key, ProjectName};
use uuid::Uuid;

use kontraktor_domain::{AuditEntry, Environment, Event, Head, Row, State};

pub use self::{
    error::StoreError,
    memory::MemoryStore,
    verify::{ChainBreak, ChainReport, verify},
};

/// A log that only grows.
///
/// All methods may be called from any thread and block it. [`commit`](Self::commit), [`recover`](Self::recover),
/// [`checkpoint`](Self::checkpoint) and [`close`](Self::close) belong to one writer.
pub trait Store: Send + Sync + 'static {
    /// Appends events, all or none. When it returns, they are on disk.
    ///
    /// [`StoreError::Full`]: nothing is promised about these events until [`recover`](Self::recover) says which row is
    /// the newest.
    fn commit(&self, events: &[Event]) -> Result<(), StoreError>;

    /// What stands, from the newest rows, and the batches that are still remembered at `now`.
    fn load(&self, now: Timestamp) -> Result<State, StoreError>;

    /// The newest row.
    fn head(&self) -> Result<Head, StoreError>;

    /// Events after `seq`, oldest first, about `limit` of them; none: there are no more.
    fn changes_since(&self, seq: u64, limit: usize) -> Result<Vec<Event>, StoreError>;

    /// The same as stored, for those who want to check rather than believe. A gap in the sequence is no end: only an
    /// empty answer is.
    fn rows_since(&self, seq: u64, limit: usize) -> Result<Vec<Row<'static>>, StoreError>;

    /// Entries of the log that a query asks for.
    fn audit(&self, query: &AuditQuery) -> Result<Vec<AuditEntry>, StoreError>;

    /// What happened to one environment, or to one key of it, newest first: entries before the row `before`.
    fn history(
        &self,
        path: &EnvPath,
        key: Option<&Key>,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        self.audit(&AuditQuery {
            project: Some(path.project.clone()),
            env: Some(path.env.clone()),
            key: key.cloned(),
            writes_only: true,
            beyond: before,
            limit,
            ..AuditQuery::default()
        })
    }

    /// The row that was the newest at a moment of an environment's history. None: there was no row yet, or the
    /// environment never had that revision.
    ///
    /// A request may change several environments, and its rows stand one after the other: the row that belongs to a
    /// revision is the last of its request, so that no request is seen half done.
    fn row_at(&self, environment: Uuid, at: PointInTime) -> Result<Option<u64>, StoreError> {
        replay::row_at(self, environment, at)
    }

    /// The last row before the environment had a later revision: up to there goes the lockfile of this one. None: it has
    /// had no later one.
    fn locks_at(&self, environment: Uuid, revision: u64) -> Result<Option<u64>, StoreError> {
        replay::locks_at(self, environment, revision)
    }

    /// How an environment stood when the row `seq` was the newest, and with it, where they are `imported`, the
    /// environments that it imported then, directly and through others. The lockfiles are those of the row `locks`.
    fn as_of(&self, environment: Uuid, seq: u64, locks: u64, imported: bool) -> Result<AsOf, StoreError> {
        replay::as_of(self, environment, seq, locks, imported)
    }

    /// What the store is.
    fn info(&self) -> StoreInfo;

    /// Whether there is something to tidy up, and how urgent it is.
    fn upkeep(&self) -> Upkeep;

    /// Tidies up. Slow: reads and writes may wait for it.
    fn checkpoint(&self) -> Result<(), StoreError>;

    /// After [`StoreError::Full`]: makes the store usable again and says which row is the newest.
    fn recover(&self) -> Result<Head, StoreError>;

    /// Tidies up and lets go of the files. Everything else is an error from now on.
    fn close(&self) -> Result<(), StoreError>;
}

/// Which entries of the log to read. Each filter narrows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// Rows about this project and what is in it.
    pub project: Option<ProjectName>,
    /// Rows about environments of this name and their variables.
    pub env: Option<EnvName>,
    /// Rows about variables of this key.
    pub key: Option<Key>,
    /// Not before.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
    /// Leave out who accessed secrets.
    pub writes_only: bool,
    /// Otherwise newest first.
    pub oldest_first: bool,
    /// Only what comes after this row in the order asked for.
    pub beyond: Option<u64>,
    /// At most so many.
    pub limit: usize,
}

/// A moment of an environment's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PointInTime {
    /// When the environment had this revision, from 1, and the request that made it was done.
    Revision(u64),
    /// When the last row was written that has this time or an earlier one. A clock that was set back leaves rows behind
    /// each other whose times are not in order; the order of the log counts, so such a moment may include rows of a
    /// later time.
    Time(Timestamp),
}

/// How an environment stood once.
#[derive(Debug, Clone, PartialEq)]
pub enum AsOf {
    /// It had not been created yet.
    NotYetCreated,
    /// It did not stand.
    Deleted {
        /// That of the deletion.
        revision: u64,
    },
    /// It stood.
    Found {
        /// As it was.
        environment: Arc<Environment>,
        /// What it imported, directly and through others; empty where that was not asked for.
        imported: HashMap<EnvPath, Arc<Environment>>,
    },
}

/// What a store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreInfo {
    /// Name and version of the engine.
    pub engine: Arc<str>,
    /// The version of the tables.
    pub schema_version: u32,
}

/// Whether a store wants its [`checkpoint`](Store::checkpoint).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upkeep {
    /// No.
    None,
    /// When nobody waits.
    WhenIdle,
    /// Even if somebody waits.
    Now,
}
