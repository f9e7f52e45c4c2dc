//! The memory store with injected failures: a script decides how its next commits end.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard},
    time::Duration,
};

use jiff::Timestamp;
use kontraktor_domain::{AuditEntry, Event, Hash, Head, Row, State};
use kontraktor_store::{
    AuditQuery, Commit, MemoryStore, Occasion, Store, StoreError, StoreInfo,
    contract::world::{World, batch, put},
};

/// How a commit ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InjectedFailure {
    /// No room, and nothing is kept.
    Full,
    /// No room, and yet everything is kept.
    FullButKept,
    /// No room, and nothing is kept; then another writer commits.
    FullThenOther,
    /// No room, and yet everything is kept; then another writer commits.
    FullButKeptThenOther,
    /// A failure that leaves the store as it was.
    Failed,
    /// The end of the store.
    Fatal,
    /// A defect.
    Panic,
    /// No room, and a row is kept that follows no other.
    Replaced,
    /// Another writer commits first.
    Overtaken,
}

#[derive(Default)]
pub(crate) struct FaultyStore {
    inner: MemoryStore,
    script: Mutex<Script>,
    changed: Condvar,
}

#[derive(Default)]
struct Script {
    commits: VecDeque<InjectedFailure>,
    failing_recoveries: usize,
    recovers_to: Option<Head>,
    commits_held: bool,
    maintenance_held: bool,
    maintain_after: Option<Duration>,
    committed: Vec<usize>,
    maintained: Vec<Occasion>,
    recoveries: usize,
    others: u32,
}

impl FaultyStore {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    /// Makes the next commits fail in these ways; those after them succeed.
    pub(crate) fn next_commits(&self, failures: &[InjectedFailure]) {
        self.script().commits.extend(failures);
    }

    pub(crate) fn next_recoveries_fail(&self, count: usize) {
        self.script().failing_recoveries = count;
    }

    /// Recovering finds another newest row than there was.
    pub(crate) fn recovers_to(&self, head: Head) {
        self.script().recovers_to = Some(head);
    }

    /// Lets commits wait until they are released.
    pub(crate) fn hold(&self) {
        self.script().commits_held = true;
    }

    pub(crate) fn release(&self) {
        self.script().commits_held = false;
        self.changed.notify_all();
    }

    /// Lets maintenance wait until it is released.
    pub(crate) fn hold_maintenance(&self) {
        self.script().maintenance_held = true;
    }

    pub(crate) fn release_maintenance(&self) {
        self.script().maintenance_held = false;
        self.changed.notify_all();
    }

    /// After a commit, the store wants maintenance when the writer has been idle for so long.
    pub(crate) fn maintain_after(&self, idle: Duration) {
        self.script().maintain_after = Some(idle);
    }

    /// How many events each commit had; those without events are left out.
    pub(crate) fn committed(&self) -> Vec<usize> {
        self.script().committed.clone()
    }

    pub(crate) fn maintained(&self) -> Vec<Occasion> {
        self.script().maintained.clone()
    }

    pub(crate) fn recoveries(&self) -> usize {
        self.script().recoveries
    }

    /// Commits as another writer of the same log does: the variable `demo/dev` `OTHER`.
    pub(crate) fn other_writer(&self) {
        let number = {
            let mut script = self.script();
            script.others += 1;
            script.others
        };
        let mut world = World::new(self.inner.load(Timestamp::UNIX_EPOCH).unwrap());
        let head = world.state.head();
        let item = put("demo/dev", "OTHER", &number.to_string());
        let (events, _) = world.ask(&batch(1_000_000 + u128::from(number), vec![vec![item]])).unwrap();
        assert_eq!(self.inner.commit(head, &events).unwrap(), Commit::Committed);
    }

    fn keep(&self, expected: Head, events: &[Event]) {
        assert_eq!(self.inner.commit(expected, events).unwrap(), Commit::Committed);
    }
}

fn full() -> StoreError {
    StoreError::Full("as the script says".to_owned())
}

impl Store for FaultyStore {
    fn commit(&self, expected: Head, events: &[Event]) -> Result<Commit, StoreError> {
        let failure = {
            let script = self.script();
            let mut script = self.changed.wait_while(script, |script| script.commits_held).unwrap();
            if events.is_empty() {
                None
            } else {
                script.committed.push(events.len());
                script.commits.pop_front()
            }
        };
        match failure {
            None => {}
            Some(InjectedFailure::Overtaken) => self.other_writer(),
            Some(InjectedFailure::Full) => return Err(full()),
            Some(InjectedFailure::FullButKept) => {
                self.keep(expected, events);
                return Err(full());
            }
            Some(InjectedFailure::FullThenOther) => {
                self.other_writer();
                return Err(full());
            }
            Some(InjectedFailure::FullButKeptThenOther) => {
                self.keep(expected, events);
                self.other_writer();
                return Err(full());
            }
            Some(InjectedFailure::Failed) => return Err(StoreError::Failed("as the script says".to_owned())),
            Some(InjectedFailure::Fatal) => return Err(StoreError::Fatal("as the script says".to_owned())),
            Some(InjectedFailure::Panic) => panic!("as the script says"),
            Some(InjectedFailure::Replaced) => {
                let mut other = events.to_vec();
                other.truncate(1);
                other[0].hash = Hash::ZERO;
                self.keep(expected, &other);
                return Err(full());
            }
        }
        self.inner.commit(expected, events)
    }

    fn load(&self, now: Timestamp) -> Result<State, StoreError> {
        self.inner.load(now)
    }

    fn head(&self) -> Result<Head, StoreError> {
        self.inner.head()
    }

    fn changes_since(&self, seq: u64, limit: usize) -> Result<Vec<Event>, StoreError> {
        self.inner.changes_since(seq, limit)
    }

    fn rows_since(&self, seq: u64, limit: usize) -> Result<Vec<Row<'static>>, StoreError> {
        self.inner.rows_since(seq, limit)
    }

    fn audit(&self, query: &AuditQuery) -> Result<Vec<AuditEntry>, StoreError> {
        self.inner.audit(query)
    }

    fn info(&self) -> StoreInfo {
        self.inner.info()
    }

    fn maintain(&self, occasion: Occasion) -> Result<Option<Duration>, StoreError> {
        let script = self.script();
        let mut script = self.changed.wait_while(script, |script| script.maintenance_held).unwrap();
        script.maintained.push(occasion);
        Ok(script.maintain_after.filter(|_| occasion == Occasion::Committed))
    }

    fn recover(&self) -> Result<Head, StoreError> {
        let mut script = self.script();
        script.recoveries += 1;
        if script.failing_recoveries > 0 {
            script.failing_recoveries -= 1;
            return Err(full());
        }
        script.recovers_to.map_or_else(|| self.inner.recover(), Ok)
    }

    fn close(&self) -> Result<(), StoreError> {
        self.inner.close()
    }
}
