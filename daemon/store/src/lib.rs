//! The log's store: the trait, its contract, and the store in memory. A store keeps events as they are and knows none of
//! the domain's rules; `main` chooses which store it is.
//!
//! Several writers may share one log. Each decides its events on a state and names the newest row of that state when it
//! commits; a writer that was overtaken applies what the others wrote ([`catch_up`]) and decides again.

#[cfg(any(test, feature = "contract"))]
pub mod contract;
mod error;
mod follow;
mod memory;
pub mod replay;
mod verify;

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use kontraktor_model::{
    access::Pattern,
    names::{EnvName, EnvPath, Key, ProjectName},
};
use uuid::Uuid;

use kontraktor_domain::{AuditEntry, Environment, Event, Head, Row, State};

pub use self::{
    error::StoreError,
    follow::catch_up,
    memory::MemoryStore,
    verify::{ChainBreak, ChainReport, verify},
};

/// A log that only grows, and that several writers may share.
///
/// All methods may be called from any thread and block it.
pub trait Store: Send + Sync + 'static {
    /// Appends events, all or none, if `expected` is the newest row. The events follow that row: the first one's sequence
    /// number is the next, and its hash covers the row's. Once this returns [`Commit::Committed`], they are on disk.
    ///
    /// Without events, it only checks that `expected` is the newest row.
    ///
    /// After [`StoreError::Full`] and [`StoreError::Failed`] it is unknown whether the events are in the log until
    /// [`recover`](Self::recover) has returned.
    fn commit(&self, expected: Head, events: &[Event]) -> Result<Commit, StoreError>;

    /// Returns the current state, read from the newest rows, with the batches that are still remembered at `now`.
    fn load(&self, now: Timestamp) -> Result<State, StoreError>;

    /// Returns the newest row.
    fn head(&self) -> Result<Head, StoreError>;

    /// Returns the events after the row `seq`, oldest first, at most `limit`; none: there are no more.
    ///
    /// This is how a log is followed, by a writer that was overtaken and by readers of a log that others write: see
    /// [`catch_up`].
    fn changes_since(&self, seq: u64, limit: usize) -> Result<Vec<Event>, StoreError>;

    /// Calls `notify` from now on after other writers have appended to the log; several commits may be one call. It must
    /// return at once. The calls end with the store.
    ///
    /// Returns whether there can be other writers. By default there are none, and `notify` is dropped.
    fn subscribe(&self, _notify: Box<dyn Fn() + Send + Sync>) -> bool {
        false
    }

    /// Returns the same as stored rows, to be verified. A gap in the sequence is not the end: only an empty answer is.
    fn rows_since(&self, seq: u64, limit: usize) -> Result<Vec<Row<'static>>, StoreError>;

    /// Returns the entries of the log that a query asks for.
    fn audit(&self, query: &AuditQuery) -> Result<Vec<AuditEntry>, StoreError>;

    /// Returns the history of one environment, or of one key of it, newest first: entries before the row `before`.
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

    /// Returns the row that was the newest at a point in time of an environment. None: there was no row yet, or the
    /// environment never had that revision.
    ///
    /// A request may change several environments, and its rows follow each other in the log: the row of a revision is the
    /// last of its request, so that no request is seen half done.
    fn row_at(&self, environment: Uuid, at: PointInTime) -> Result<Option<u64>, StoreError> {
        replay::row_at(self, environment, at)
    }

    /// Returns the last row before the environment had a later revision: the end of this revision's lockfile. None: there is
    /// no later revision.
    fn locks_at(&self, environment: Uuid, revision: u64) -> Result<Option<u64>, StoreError> {
        replay::locks_at(self, environment, revision)
    }

    /// Returns an environment as of the row `seq`; if `imported`, also the environments that it imported then, directly and
    /// through others. The lockfiles are those as of the row `locks`.
    fn as_of(&self, environment: Uuid, seq: u64, locks: u64, imported: bool) -> Result<AsOf, StoreError> {
        replay::as_of(self, environment, seq, locks, imported)
    }

    /// Returns the name and version of the store.
    fn info(&self) -> StoreInfo;

    /// Lets the store do what it needs beside commits, such as moving a write-ahead log into its tables. The writer calls it
    /// between commits, and waits for it: what is slow belongs to a thread of the store's own.
    ///
    /// Returns how long the writer must have had nothing to do before it calls again with [`Occasion::Idle`]; None: not
    /// before the next commit.
    ///
    /// After [`StoreError::Full`] and [`StoreError::Failed`], the store has to [`recover`](Self::recover). No row is lost.
    fn maintain(&self, occasion: Occasion) -> Result<Option<Duration>, StoreError>;

    /// Returns whether a commit would find room on the disk, as far as that can be known beforehand.
    fn check_room(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Makes the store usable again after [`StoreError::Full`] or [`StoreError::Failed`], and returns the newest row.
    fn recover(&self) -> Result<Head, StoreError>;

    /// Does pending maintenance and releases the files. Later reads and commits return [`StoreError::Closed`].
    fn close(&self) -> Result<(), StoreError>;
}

/// What became of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Commit {
    /// The events are on disk.
    Committed,
    /// Another writer was first: this is the newest row, and nothing was written.
    Conflict(Head),
}

/// When a store is maintained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// The writer starts.
    Started,
    /// Events were committed, and their requests are answered.
    Committed,
    /// The writer has had nothing to do for as long as the store asked for.
    Idle,
}

/// Which entries of the log to read. Each filter narrows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// Rows about this project and its contents.
    pub project: Option<ProjectName>,
    /// Rows about environments of this name and their variables.
    pub env: Option<EnvName>,
    /// Rows about variables of this key.
    pub key: Option<Key>,
    /// Not before.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
    /// Only rows that may be about something that one of these patterns matches: a coarse filter. None: every row.
    pub within: Option<Vec<Pattern>>,
    /// Leave out accesses to secrets.
    pub writes_only: bool,
    /// Otherwise newest first.
    pub oldest_first: bool,
    /// Only rows after this one, in the requested order.
    pub beyond: Option<u64>,
    /// The maximum number of entries.
    pub limit: usize,
}

impl AuditQuery {
    /// Returns whether an entry passes every filter.
    pub fn matches(&self, entry: &AuditEntry) -> bool {
        self.is_within(entry)
            && !(self.writes_only && entry.operation().is_access())
            && self.project.as_ref().is_none_or(|project| entry.project() == Some(project))
            && self.env.as_ref().is_none_or(|env| entry.environment().is_some_and(|path| path.env == *env))
            && self.key.as_ref().is_none_or(|key| entry.key() == Some(key))
            && self.since.is_none_or(|since| entry.written.at >= since)
            && self.until.is_none_or(|until| entry.written.at < until)
            && self.beyond.is_none_or(|row| if self.oldest_first { entry.seq > row } else { entry.seq < row })
    }

    /// Returns whether an entry may be about something that the query's patterns match.
    pub fn is_within(&self, entry: &AuditEntry) -> bool {
        self.within.as_ref().is_none_or(|patterns| {
            patterns.iter().any(|pattern| match (entry.environment(), entry.project()) {
                (Some(path), _) => pattern.matches(path),
                (None, Some(project)) => pattern.may_match_in(project),
                (None, None) => pattern.matches_all(),
            })
        })
    }
}

/// A point in an environment's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PointInTime {
    /// When the environment had this revision, from 1, and the request that made it was complete.
    Revision(u64),
    /// When the last row was written that has this time or an earlier one. If the clock was set back, times in the log are
    /// not in order; then the order of the log counts, and rows of a later time may be included.
    Time(Timestamp),
}

/// An environment as of a row of the past.
#[derive(Debug, Clone, PartialEq)]
pub enum AsOf {
    /// It had not been created yet.
    NotYetCreated,
    /// It was deleted.
    Deleted {
        /// The revision of the deletion.
        revision: u64,
    },
    /// It existed.
    Found {
        /// As it was.
        environment: Arc<Environment>,
        /// What it imported, directly and through others; empty unless requested.
        imported: HashMap<EnvPath, Arc<Environment>>,
    },
}

/// The name and version of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreInfo {
    /// Name and version of the engine.
    pub engine: Arc<str>,
    /// The version of the tables.
    pub schema_version: u32,
}
