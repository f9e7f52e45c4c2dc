//! A store with faults put in: the memory store, told what to do with its next commits.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex},
};

use jiff::Timestamp;
use kontraktor_domain::{AuditEntry, Event, Head, Row, State};
use kontraktor_store::{AuditQuery, MemoryStore, Store, StoreError, StoreInfo, Upkeep};

/// What becomes of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No room, and nothing is kept.
    Full,
    /// No room, and yet everything is kept.
    FullButKept,
    /// A failure that leaves the store as it was.
    Failed,
    /// The end of the store.
    Fatal,
    /// A defect.
    Panic,
    /// Something else is kept instead, as if another process had written.
    Replaced,
}

#[derive(Default)]
pub(crate) struct FaultyStore {
    inner: MemoryStore,
    script: Mutex<Script>,
    gate: Condvar,
}

#[derive(Default)]
struct Script {
    commits: VecDeque<Fault>,
    failing_recoveries: usize,
    held: bool,
    upkeep: Option<Upkeep>,
    committed: Vec<usize>,
    checkpoints: usize,
    recoveries: usize,
}

impl FaultyStore {
    /// The next commits go wrong like this, those after them go well.
    pub(crate) fn next_commits(&self, faults: &[Fault]) {
        self.script.lock().unwrap().commits.extend(faults);
    }

    pub(crate) fn next_recoveries_fail(&self, count: usize) {
        self.script.lock().unwrap().failing_recoveries = count;
    }

    /// Commits wait until they are let go.
    pub(crate) fn hold(&self) {
        self.script.lock().unwrap().held = true;
    }

    pub(crate) fn let_go(&self) {
        self.script.lock().unwrap().held = false;
        self.gate.notify_all();
    }

    pub(crate) fn wants(&self, upkeep: Upkeep) {
        self.script.lock().unwrap().upkeep = Some(upkeep);
    }

    /// How many events each commit had.
    pub(crate) fn committed(&self) -> Vec<usize> {
        self.script.lock().unwrap().committed.clone()
    }

    pub(crate) fn checkpoints(&self) -> usize {
        self.script.lock().unwrap().checkpoints
    }

    pub(crate) fn recoveries(&self) -> usize {
        self.script.lock().unwrap().recoveries
    }
}

impl Store for FaultyStore {
    fn commit(&self, events: &[Event]) -> Result<(), StoreError> {
        let fault = {
            let script = self.script.lock().unwrap();
            let mut script = self.gate.wait_while(script, |script| script.held).unwrap();
            script.committed.push(events.len());
            script.commits.pop_front()
        };
        let reason = || "as the script says".to_owned();
        match fault {
            None => self.inner.commit(events),
            Some(Fault::Full) => Err(StoreError::Full(reason())),
            Some(Fault::FullButKept) => {
                self.inner.commit(events)?;
                Err(StoreError::Full(reason()))
            }
            Some(Fault::Failed) => Err(StoreError::Failed(reason())),
            Some(Fault::Fatal) => Err(StoreError::Fatal(reason())),
            Some(Fault::Panic) => panic!("as the script says"),
            Some(Fault::Replaced) => {
                let mut other = events.to_vec();
                other.truncate(1);
                other[0].hash = kontraktor_domain::Hash::ZERO;
                self.inner.commit(&other)?;
                Err(StoreError::Full(reason()))
            }
        }
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

    fn upkeep(&self) -> Upkeep {
        self.script.lock().unwrap().upkeep.unwrap_or(Upkeep::None)
    }

    fn checkpoint(&self) -> Result<(), StoreError> {
        let mut script = self.script.lock().unwrap();
        script.checkpoints += 1;
        script.upkeep = None;
        Ok(())
    }

    fn recover(&self) -> Result<Head, StoreError> {
        let mut script = self.script.lock().unwrap();
        script.recoveries += 1;
        if script.failing_recoveries > 0 {
            script.failing_recoveries -= 1;
            return Err(StoreError::Full("as the script says".to_owned()));
        }
        self.inner.recover()
    }

    fn close(&self) -> Result<(), StoreError> {
        self.inner.close()
    }
}
