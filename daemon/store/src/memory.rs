//! A store that loses everything with the process: for tests, and as the simplest reading of what a store must do.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;

use super::{AuditQuery, Commit, Occasion, Store, StoreError, StoreInfo};
use kontraktor_domain::{AuditEntry, Event, Head, Row, State};

type Notify = Box<dyn Fn() + Send + Sync>;

/// The log in memory.
#[derive(Default)]
pub struct MemoryStore {
    log: Arc<SharedLog>,
    /// What is called after others have written.
    notify: OnceLock<Arc<Notify>>,
    closed: AtomicBool,
}

#[derive(Default)]
struct SharedLog {
    events: Mutex<Vec<Event>>,
    /// Those of all writers, the newest last; each belongs to its writer's store.
    subscribers: Mutex<Vec<Weak<Notify>>>,
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("closed", &self.closed).finish_non_exhaustive()
    }
}

impl MemoryStore {
    /// Returns an empty log.
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens the same log for another writer. Each is closed separately.
    pub fn share(&self) -> Self {
        Self { log: Arc::clone(&self.log), ..Self::default() }
    }

    fn events(&self) -> Result<MutexGuard<'_, Vec<Event>>, StoreError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(StoreError::Closed);
        }
        // Only whole commits are made under the lock, so a panic elsewhere leaves nothing half done.
        Ok(self.log.events.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn subscribers(&self) -> MutexGuard<'_, Vec<Weak<Notify>>> {
        self.log.subscribers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the other writers that there are rows.
    fn notify_others(&self) {
        let own = self.notify.get();
        let others: Vec<_> = self.subscribers().iter().filter_map(Weak::upgrade).collect();
        for other in others {
            if own.is_none_or(|own| !Arc::ptr_eq(own, &other)) {
                other();
            }
        }
    }
}

fn head(events: &[Event]) -> Head {
    events.last().map_or_else(Head::default, |event| Head { seq: event.seq, hash: event.hash })
}

fn after(events: &[Event], seq: u64) -> &[Event] {
    &events[events.partition_point(|event| event.seq <= seq)..]
}

impl Store for MemoryStore {
    fn commit(&self, expected: Head, new: &[Event]) -> Result<Commit, StoreError> {
        let mut events = self.events()?;
        let head = head(&events);
        if head != expected {
            return Ok(Commit::Conflict(head));
        }
        events.extend_from_slice(new);
        drop(events);
        if !new.is_empty() {
            self.notify_others();
        }
        Ok(Commit::Committed)
    }

    fn load(&self, now: Timestamp) -> Result<State, StoreError> {
        let mut state = State::default();
        for event in &*self.events()? {
            state.apply(event);
        }
        state.forget_batches(now);
        Ok(state)
    }

    fn head(&self) -> Result<Head, StoreError> {
        Ok(head(&self.events()?))
    }

    fn changes_since(&self, seq: u64, limit: usize) -> Result<Vec<Event>, StoreError> {
        Ok(after(&self.events()?, seq).iter().take(limit).cloned().collect())
    }

    fn subscribe(&self, notify: Notify) -> bool {
        let notify = self.notify.get_or_init(|| Arc::new(notify));
        let mut subscribers = self.subscribers();
        subscribers.retain(|subscriber| subscriber.strong_count() > 0);
        subscribers.push(Arc::downgrade(notify));
        true
    }

    fn rows_since(&self, seq: u64, limit: usize) -> Result<Vec<Row<'static>>, StoreError> {
        let events = self.events()?;
        Ok(after(&events, seq).iter().take(limit).map(|event| Row::from(event).into_owned()).collect())
    }

    fn audit(&self, query: &AuditQuery) -> Result<Vec<AuditEntry>, StoreError> {
        let events = self.events()?;
        let matches = |entry: &AuditEntry| query.matches(entry);
        let entries = events.iter().map(AuditEntry::from);
        Ok(if query.oldest_first {
            entries.filter(matches).take(query.limit).collect()
        } else {
            entries.rev().filter(matches).take(query.limit).collect()
        })
    }

    fn info(&self) -> StoreInfo {
        StoreInfo { engine: "memory".into(), schema_version: 0 }
    }

    fn maintain(&self, _occasion: Occasion) -> Result<Option<Duration>, StoreError> {
        self.events().map(|_| None)
    }

    fn recover(&self) -> Result<Head, StoreError> {
        self.head()
    }

    fn close(&self) -> Result<(), StoreError> {
        self.closed.store(true, Ordering::Release);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use kontraktor_domain::{Head, State};

    use super::MemoryStore;
    use crate::{
        Commit, Store as _,
        contract::{
            Fixture,
            world::{World, create_project},
        },
        contract_tests,
    };

    fn memory() -> Fixture {
        Fixture::new(MemoryStore::new(), ())
    }

    contract_tests!(memory);

    #[test]
    fn a_commit_is_announced_to_the_other_writers_alone() {
        let a = MemoryStore::new();
        let (b, c) = (a.share(), a.share());
        let heard: [Arc<AtomicUsize>; 3] = Default::default();
        for (store, heard) in [&a, &b, &c].into_iter().zip(&heard) {
            let heard = Arc::clone(heard);
            assert!(store.subscribe(Box::new(move || {
                heard.fetch_add(1, Ordering::SeqCst);
            })));
        }
        let mut world = World::new(State::default());
        let (first, _) = world.ask(&create_project("a", "")).unwrap();
        assert_eq!(a.commit(Head::default(), &first).unwrap(), Commit::Committed);
        assert_eq!(a.commit(world.state.head(), &[]).unwrap(), Commit::Committed, "there is no row");
        let (second, _) = world.ask(&create_project("b", "")).unwrap();
        assert_ne!(b.commit(Head::default(), &second).unwrap(), Commit::Committed);
        drop(c);
        assert_eq!(b.commit(a.head().unwrap(), &second).unwrap(), Commit::Committed);
        assert_eq!(heard.map(|heard| heard.load(Ordering::SeqCst)), [1, 1, 1]);
    }
}
