//! Several writers of one log: nothing is lost or doubled, and what a request expects of a key holds against other writers.

use std::{sync::Arc, thread};

use kontraktor_domain::{
    AuditEntry, Batch, BatchOutcome, Event, Expect, Head, ItemOutcome, State, WriteItem,
};

use super::{
    Fixture, commit, filled,
    world::{World, batch, expecting_absence, put},
};
use crate::{AuditQuery, Commit, Store, StoreError, catch_up, verify};

pub fn a_commit_on_an_older_row_writes_nothing(fixture: &Fixture) {
    let store = &*fixture.store;
    let (mut world, events) = filled(store);
    let head = world.state.head();
    let older = events.iter().rev().nth(1).map(|event| Head { seq: event.seq, hash: event.hash }).unwrap();
    let other = Head { seq: head.seq, hash: older.hash };
    let (new, _) = world.ask(&batch(30, vec![vec![put("demo/dev", "NEW", "1")]])).unwrap();
    for expected in [Head::default(), older, other, world.state.head()] {
        assert_eq!(store.commit(expected, &new).unwrap(), Commit::Conflict(head));
        assert_eq!(store.commit(expected, &[]).unwrap(), Commit::Conflict(head));
    }
    assert_eq!(store.head().unwrap(), head);
    assert_eq!(store.changes_since(head.seq, 10).unwrap(), []);
    assert_eq!(store.commit(head, &[]).unwrap(), Commit::Committed);
    assert_eq!(store.head().unwrap(), head);
    assert_eq!(store.commit(head, &new).unwrap(), Commit::Committed);
    assert_eq!(store.load(world.now).unwrap(), world.state);
}

pub fn a_follower_has_the_same_state(fixture: &Fixture) {
    let (world, events) = filled(&*fixture.store);
    let mut state = State::default();
    for event in &events {
        let mut follower = state.clone();
        catch_up(&*fixture.store, &mut follower).unwrap();
        assert_eq!(follower, world.state);
        state.apply(event);
    }
    catch_up(&*fixture.store, &mut state).unwrap();
    assert_eq!(state, world.state);
}

/// Each commit has rows of several kinds, which a store may keep in several places.
pub fn a_follower_beside_a_writer_sees_no_gap(fixture: &Fixture) {
    let store = Arc::clone(&fixture.store);
    let writing = thread::spawn(move || {
        let mut world = World::new(State::default());
        for number in 1..=100 {
            let items = vec![
                vec![put(&format!("demo/env{number}"), "A", "1")],
                vec![expecting_absence(put("demo/env0", "A", "2"))],
            ];
            commit(&*store, &mut world, &batch(number, items));
        }
        world.state
    });
    let mut state = State::default();
    while !writing.is_finished() {
        catch_up(&*fixture.store, &mut state).unwrap();
        let report = verify(&*fixture.store, &[state.head()]).unwrap();
        assert_eq!(report.broken, None);
    }
    catch_up(&*fixture.store, &mut state).unwrap();
    assert_eq!(state, writing.join().unwrap());
}

pub fn a_log_of_another_history_is_not_followed(fixture: &Fixture) {
    let mut world = World::new(State::default());
    world.ask(&batch(1, vec![vec![put("another/dev", "A", "1")]])).unwrap();
    filled(&*fixture.store);
    let error = catch_up(&*fixture.store, &mut world.state).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt(_)), "{error}");
}

/// A thousand steps in an order that is the same each time.
pub fn interleaved_writers_lose_and_double_nothing(fixture: &Fixture) {
    let mut writers = [0, 1].map(|number| Writer::new(Arc::clone(&fixture.store), number));
    // A linear congruential generator (Knuth, The Art of Computer Programming, §3.3.4): any fixed order would do.
    let mut random = 1_u64;
    while writers.iter().any(|writer| !writer.is_done()) {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        writers[usize::from(random >> 63 == 1)].step();
    }
    let conflicts: usize = writers.iter().map(|writer| writer.conflicts).sum();
    let refusals: usize = writers.iter().map(|writer| writer.refusals).sum();
    assert!(conflicts > 10 && refusals > 10, "{conflicts} conflicts, {refusals} refusals");
    check(&fixture.store, writers);
}

pub fn concurrent_writers_lose_and_double_nothing(fixture: &Fixture) {
    let threads = [0, 1].map(|number| {
        let mut writer = Writer::new(Arc::clone(&fixture.store), number);
        thread::spawn(move || {
            while !writer.is_done() {
                writer.step();
            }
            writer
        })
    });
    check(&fixture.store, threads.map(|thread| thread.join().unwrap()));
}

/// How often each writer adds one to the counter, and how many keys both try to create.
const TASKS: u32 = 40;

/// What a client of a writer does.
#[derive(Debug, Clone, Copy)]
enum Task {
    /// Adds one to a counter, expecting the revision that was read; tries again where another was first.
    Count,
    /// Creates a key, expecting that it does not exist.
    Create(u32),
}

/// A writer in steps, as the service has one: it decides, commits, and after a conflict catches up and decides again.
struct Writer {
    store: Arc<dyn Store>,
    number: u32,
    world: World,
    tasks: Vec<Task>,
    requests: u32,
    request: Option<Batch>,
    decided: Option<(Vec<Event>, BatchOutcome, State)>,
    created: Vec<u32>,
    conflicts: usize,
    refusals: usize,
}

impl Writer {
    fn new(store: Arc<dyn Store>, number: u32) -> Self {
        Self {
            store,
            number,
            world: World::new(State::default()),
            tasks: (0..TASKS).flat_map(|key| [Task::Count, Task::Create(key)]).collect(),
            requests: 0,
            request: None,
            decided: None,
            created: Vec::new(),
            conflicts: 0,
            refusals: 0,
        }
    }

    fn is_done(&self) -> bool {
        self.tasks.is_empty()
    }

    fn step(&mut self) {
        let Some(task) = self.tasks.last().copied() else { return };
        let Some((events, outcome, after)) = self.decided.take() else {
            let request = self.request.take().unwrap_or_else(|| self.next_request(task));
            let before = self.world.state.clone();
            let (events, outcome) = self.world.ask(&request).unwrap();
            let after = std::mem::replace(&mut self.world.state, before);
            self.decided = Some((events, outcome, after));
            self.request = Some(request);
            return;
        };
        match self.store.commit(self.world.state.head(), &events).unwrap() {
            Commit::Conflict(head) => {
                self.conflicts += 1;
                catch_up(&*self.store, &mut self.world.state).unwrap();
                assert!(self.world.state.head().seq >= head.seq);
            }
            Commit::Committed => {
                self.world.state = after;
                self.request = None;
                match (task, &outcome.results[0].outcome) {
                    (Task::Count, ItemOutcome::Written) => {}
                    (Task::Create(key), ItemOutcome::Written) => self.created.push(key),
                    (Task::Count, ItemOutcome::Refused(_)) => {
                        self.refusals += 1;
                        return;
                    }
                    (Task::Create(_), ItemOutcome::Refused(_)) => self.refusals += 1,
                    (task, other) => panic!("{task:?}: {other:?}"),
                }
                self.tasks.pop();
            }
        }
    }

    fn next_request(&mut self, task: Task) -> Batch {
        self.requests += 1;
        let item = match task {
            Task::Count => self.count(),
            Task::Create(key) => {
                expecting_absence(put("demo/dev", &format!("KEY{key}"), &self.number.to_string()))
            }
        };
        batch(u128::from(self.number * 1_000_000 + self.requests), vec![vec![item]])
    }

    fn count(&self) -> WriteItem {
        let environment = self.world.state.environment(&"demo/dev".parse().unwrap());
        match environment.and_then(|environment| environment.variables.get("COUNTER")) {
            None => expecting_absence(put("demo/dev", "COUNTER", "1")),
            Some(counter) => {
                let value: u32 = counter.value.parse().unwrap();
                let item = put("demo/dev", "COUNTER", &(value + 1).to_string());
                WriteItem { expect: Expect::Revision(counter.revision), ..item }
            }
        }
    }
}

fn check(store: &Arc<dyn Store>, writers: [Writer; 2]) {
    let mut created = Vec::new();
    for writer in writers {
        let mut state = writer.world.state;
        catch_up(&**store, &mut state).unwrap();
        assert_eq!(state, store.load(writer.world.now).unwrap());
        created.extend(writer.created.iter().map(|key| (*key, writer.number.to_string())));
        assert!(writer.requests >= 2 * TASKS);
    }
    created.sort_unstable();
    let keys: Vec<u32> = created.iter().map(|(key, _)| *key).collect();
    assert_eq!(keys, (0..TASKS).collect::<Vec<_>>(), "each key was created once");

    let values = |key: &str| -> Vec<String> {
        let query = AuditQuery {
            key: Some(key.parse().unwrap()),
            writes_only: true,
            oldest_first: true,
            limit: 1_000,
            ..AuditQuery::default()
        };
        let entries: Vec<AuditEntry> = store.audit(&query).unwrap();
        entries.into_iter().filter_map(|entry| entry.new_value().map(str::to_owned)).collect()
    };
    let counted: Vec<String> = (1..=2 * TASKS).map(|value| value.to_string()).collect();
    assert_eq!(values("COUNTER"), counted, "each increment is there once");
    for (key, creator) in created {
        assert_eq!(values(&format!("KEY{key}")), [creator], "KEY{key} is its creator's");
    }

    let head = store.head().unwrap();
    let report = verify(&**store, &[head]).unwrap();
    assert_eq!((report.rows, report.head, report.broken), (head.seq, head, None));
}
