//! The rows that are in the journal, and not in the tables yet. They are in memory, too, so that reading the log needs no room on the
//! disk to move them.

use std::{
    collections::VecDeque,
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use kontraktor_domain::{AuditEntry, Body, Event};
use kontraktor_store::{AuditQuery, StoreError};

/// With more rows or bytes than this, they are moved at once, and about so many in one transaction.
const MANY: Size = Size { rows: 4_096, bytes: 4 * 1024 * 1024 };

/// With more than this, commits wait until some have been moved.
const TOO_MANY: Size = Size { rows: 262_144, bytes: 64 * 1024 * 1024 };

/// Rows that are read from the journal are moved together in so many.
const EVENTS_AT_ONCE: usize = 1_024;

/// How long a commit waits for that.
const BACK_PRESSURE: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Size {
    rows: usize,
    bytes: usize,
}

impl Size {
    fn exceeds(self, limit: Self) -> bool {
        self.rows > limit.rows || self.bytes > limit.bytes
    }
}

/// The rows, and what the thread that moves them is asked and reports.
#[derive(Default)]
pub(super) struct Pending {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    commits: VecDeque<(Arc<[Event]>, usize)>,
    size: Size,
    /// The newest row of the tables.
    moved: u64,
    asked: Asked,
    /// It is doing what it was asked.
    is_busy: bool,
    /// Why rows cannot be moved for now.
    trouble: Option<Trouble>,
}

/// What the thread that moves rows is asked to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Asked {
    /// Nothing.
    #[default]
    Nothing,
    /// Move rows.
    Move,
    /// Move rows, and bring the files in order: nobody writes.
    Tidy,
    /// End.
    Stop,
}

/// Why rows cannot be moved into the tables.
#[derive(Debug, Clone)]
pub(super) enum Trouble {
    /// For now.
    Passing {
        /// The disk is full.
        is_full: bool,
        /// The reason, in a sentence.
        reason: Arc<str>,
    },
    /// This process cannot use the database any more.
    Lasting(Arc<StoreError>),
}

/// The rows that are not in the tables, at one moment.
pub(super) struct View {
    /// The newest row of the tables.
    pub(super) moved: u64,
    commits: Vec<(Arc<[Event]>, usize)>,
}

impl Pending {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // What is changed under the lock is changed as a whole, so a panic elsewhere leaves it sound.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the rows of a commit, whose entry in the journal has so many bytes.
    pub(super) fn push(&self, events: Arc<[Event]>, bytes: usize) {
        let mut queue = self.lock();
        queue.size.rows += events.len();
        queue.size.bytes += bytes;
        queue.commits.push_back((events, bytes));
        if queue.size.exceeds(MANY) {
            self.ask_in(&mut queue, Asked::Move);
        }
    }

    /// Forgets the rows up to this one: they are in the tables.
    pub(super) fn moved_through(&self, seq: u64) {
        let mut queue = self.lock();
        while queue
            .commits
            .front()
            .is_some_and(|(events, _)| events.last().is_none_or(|last| last.seq <= seq))
        {
            if let Some((events, bytes)) = queue.commits.pop_front() {
                queue.size.rows -= events.len();
                queue.size.bytes -= bytes;
            }
        }
        queue.moved = queue.moved.max(seq);
        self.changed.notify_all();
    }

    pub(super) fn view(&self) -> View {
        let queue = self.lock();
        View { moved: queue.moved, commits: queue.commits.iter().cloned().collect() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().commits.is_empty()
    }

    /// The newest row of the tables.
    pub(super) fn moved(&self) -> u64 {
        self.lock().moved
    }

    /// Replaces all rows: the tables end with the row `moved`, and these come after it.
    pub(super) fn reset(&self, moved: u64, events: &[Event]) {
        let mut queue = self.lock();
        queue.commits = events.chunks(EVENTS_AT_ONCE).map(|events| (events.into(), weight(events))).collect();
        queue.size = Size { rows: events.len(), bytes: queue.commits.iter().map(|(_, bytes)| bytes).sum() };
        queue.moved = moved;
        self.changed.notify_all();
    }

    /// Fails if a commit would find too many that cannot be moved.
    pub(super) fn check_room(&self) -> Result<(), StoreError> {
        let queue = self.lock();
        match &queue.trouble {
            Some(Trouble::Lasting(error)) => Err(again(error)),
            Some(Trouble::Passing { reason, .. }) if queue.size.exceeds(TOO_MANY) => {
                Err(StoreError::Failed(reason.to_string()))
            }
            _ => Ok(()),
        }
    }

    /// Waits while there are too many. Where they cannot be moved, it fails at once.
    pub(super) fn wait_for_room(&self) -> Result<(), StoreError> {
        let deadline = Instant::now() + BACK_PRESSURE;
        let mut queue = self.lock();
        loop {
            if let Some(Trouble::Lasting(error)) = &queue.trouble {
                return Err(again(error));
            }
            if !queue.size.exceeds(TOO_MANY) {
                return Ok(());
            }
            if let Some(Trouble::Passing { is_full, reason }) = &queue.trouble {
                return Err(if *is_full {
                    StoreError::Full(reason.to_string())
                } else {
                    StoreError::Failed(reason.to_string())
                });
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let reason = format!(
                    "{} rows wait to be moved into the tables, and none was moved for {} seconds",
                    queue.size.rows,
                    BACK_PRESSURE.as_secs()
                );
                return Err(StoreError::Failed(reason));
            }
            queue = self.changed.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Asks the thread that moves rows.
    pub(super) fn ask(&self, what: Asked) {
        self.ask_in(&mut self.lock(), what);
    }

    fn ask_in(&self, queue: &mut Queue, what: Asked) {
        queue.asked = queue.asked.max(what);
        self.changed.notify_all();
    }

    /// Waits until something is asked. While there is trouble, that is `retry` later at the latest.
    pub(super) fn wait_until_asked(&self, retry: Duration) -> Asked {
        let deadline = Instant::now() + retry;
        let mut queue = self.lock();
        loop {
            let troubled = matches!(queue.trouble, Some(Trouble::Passing { .. }));
            let left = deadline.saturating_duration_since(Instant::now());
            match queue.asked {
                Asked::Stop => return Asked::Stop,
                Asked::Nothing if !troubled => {
                    queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
                }
                // In trouble, nothing is tried before its time.
                _ if troubled && !left.is_zero() => {
                    queue = self.changed.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
                }
                _ => {
                    queue.is_busy = true;
                    return mem::take(&mut queue.asked);
                }
            }
        }
    }

    /// Notes that what was asked is done, and whether rows can be moved.
    pub(super) fn report(&self, trouble: Option<Trouble>) {
        let mut queue = self.lock();
        queue.trouble = trouble;
        queue.is_busy = false;
        self.changed.notify_all();
    }

    /// Returns why rows cannot be moved.
    pub(super) fn trouble(&self) -> Option<Trouble> {
        self.lock().trouble.clone()
    }

    /// Returns whether nothing is left to do.
    pub(super) fn is_settled(&self) -> bool {
        let queue = self.lock();
        queue.commits.is_empty() && queue.asked == Asked::Nothing && !queue.is_busy && queue.trouble.is_none()
    }
}

impl View {
    pub(super) fn is_empty(&self) -> bool {
        self.commits.is_empty()
    }

    /// The rows in portions, of which each is moved in one transaction.
    pub(super) fn portions(&self) -> Vec<Vec<&Event>> {
        let mut portions = Vec::new();
        let mut size = Size::default();
        for (events, bytes) in &self.commits {
            if portions.is_empty() || size.exceeds(MANY) {
                portions.push(Vec::new());
                size = Size::default();
            }
            size.rows += events.len();
            size.bytes += bytes;
            if let Some(portion) = portions.last_mut() {
                portion.extend(events.iter());
            }
        }
        portions
    }

    /// The length of the first portion in the journal.
    pub(super) fn next_bytes(&self) -> u64 {
        let first = self.portions().first().map_or(0, Vec::len);
        let mut rows = 0;
        let of_first = self.commits.iter().take_while(|(events, _)| {
            rows += events.len();
            rows <= first
        });
        of_first.map(|(_, bytes)| *bytes as u64).sum()
    }

    /// The rows, oldest first.
    pub(super) fn events(&self) -> impl DoubleEndedIterator<Item = &Event> {
        self.commits.iter().flat_map(|(events, _)| events.iter())
    }

    /// The rows after this one.
    pub(super) fn after(&self, seq: u64) -> impl Iterator<Item = &Event> {
        self.events().skip_while(move |event| event.seq <= seq)
    }

    /// The entries that a query asks for, in its order.
    pub(super) fn entries(&self, query: &AuditQuery) -> Vec<AuditEntry> {
        let matching = |entry: &AuditEntry| query.matches(entry);
        let entries = self.events().map(AuditEntry::from);
        if query.oldest_first {
            entries.filter(matching).take(query.limit).collect()
        } else {
            entries.rev().filter(matching).take(query.limit).collect()
        }
    }
}

/// About how many bytes events have in the journal, where that is not known.
pub(super) fn weight(events: &[Event]) -> usize {
    let texts = |event: &Event| match &event.body {
        Body::Variable(change) => {
            [&change.old_value, &change.new_value].into_iter().flatten().map(|value| value.len()).sum()
        }
        Body::Schema(change) => change.schema.len(),
        _ => 0,
    };
    events.iter().map(|event| 256 + texts(event)).sum()
}

/// The same error for another caller.
fn again(error: &StoreError) -> StoreError {
    match error {
        StoreError::Damaged { path, reason } => {
            StoreError::Damaged { path: path.clone(), reason: reason.clone() }
        }
        StoreError::Corrupt(reason) => StoreError::Corrupt(reason.clone()),
        other => StoreError::Fatal(other.to_string()),
    }
}
