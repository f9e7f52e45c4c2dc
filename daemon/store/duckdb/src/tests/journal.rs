//! Rows are in the journal first. Whatever happens to the process, they are in the log once, and in order.

use std::time::{Duration, Instant};

use super::*;
use kontraktor_domain::{Access, AccessOperation, RecordAccesses};
use kontraktor_journal::PREFIX;
use kontraktor_store::{AuditQuery, Occasion, PointInTime};

/// Decides and commits, and returns the new state.
fn commit(store: &DuckDbStore, state: State, command: &impl Command) -> State {
    let author = Author::new("unix:ada", "test");
    let now: Timestamp = "2026-01-02T03:04:05.678901Z".parse().unwrap();
    let Ok(decision) = command.decide(&state, &author, now) else { panic!("it was refused") };
    assert_eq!(store.commit(state.head(), &decision.events).unwrap(), Commit::Committed);
    decision.state
}

fn accesses(reference: &str, number: u64) -> RecordAccesses {
    let access = |number| {
        let author = Author::new("unix:ada", "test");
        let access = Access {
            operation: AccessOperation::Read,
            action: None,
            project: None,
            environment: (number % 2 == 0).then(|| "demo/dev".parse().unwrap()),
            key: (number % 2 == 0).then(|| "A".parse().unwrap()),
            reference: Some(format!("{reference}\n\"ü\"{number}").into()),
            version: Some("7".into()),
            peer: Some("pid:1".into()),
            problem: (number % 3 == 0).then_some(kontraktor_domain::Code::VaultDenied),
        };
        (author, access, number + 1)
    };
    RecordAccesses { accesses: (0..number).map(access).collect(), versions: Vec::new() }
}

fn write(value: &str) -> Batch {
    let groups = vec![vec![item("A", put(value), Expect::Nothing)]];
    Batch { id: Uuid::new_v4(), groups }
}

/// Counts the rows of all tables, past the store.
fn in_tables(store: &DuckDbStore) -> u64 {
    run_on(store, rows::head).unwrap().seq
}

fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn journals(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(PREFIX))
        .collect();
    files.sort();
    files
}

/// Copies the files that a process leaves behind if it is killed now.
fn killed(dir: &Path) -> TempDir {
    let copy = TempDir::new().unwrap();
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() != LOCK_FILE {
            fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
        }
    }
    fs::set_permissions(copy.path(), fs::Permissions::from_mode(0o700)).unwrap();
    copy
}

fn read_only(dir: &Path) -> Result<DuckDbStore, StoreError> {
    DuckDbStore::open_read_only(DataDir::lock_for_reading(dir).unwrap(), DuckDbOptions::default())
}

#[track_caller]
fn assert_intact(store: &DuckDbStore, head: Head) {
    let report = verify(store, &[head]).unwrap();
    assert_eq!((report.head, report.broken, report.rows), (head, None, head.seq));
}

fn all(oldest_first: bool) -> AuditQuery {
    AuditQuery { limit: 1_000, oldest_first, ..AuditQuery::default() }
}

/// A store of which some rows are in the tables, and more in the journal only.
fn pending(dir: &Path) -> (DuckDbStore, State) {
    let (store, head) = filled(dir);
    store.checkpoint().unwrap();
    assert_eq!(in_tables(&store), head.seq);
    let state = store.load(Timestamp::UNIX_EPOCH).unwrap();
    let state = commit(&store, state, &accesses("vault://team/kv/a#b", 3));
    let state = commit(&store, state, &write("four"));
    assert_eq!(in_tables(&store), head.seq);
    (store, state)
}

/// Compares what readers of the log see with what they see when everything is in the tables.
#[test]
fn readers_of_the_log_see_them() {
    let dir = TempDir::new().unwrap();
    let (store, state) = pending(dir.path());
    let not_moved = in_tables(&store);
    let queries = || {
        let mut queries = Vec::new();
        for limit in [1, 2, 3, 5, 7, 100] {
            for oldest_first in [false, true] {
                for beyond in
                    [None, Some(2), Some(not_moved), Some(not_moved + 1), Some(not_moved + 2), Some(99)]
                {
                    queries.push(AuditQuery { limit, oldest_first, beyond, ..AuditQuery::default() });
                }
                let demo = Some("demo".parse().unwrap());
                queries.push(AuditQuery { limit, oldest_first, project: demo, ..AuditQuery::default() });
                queries.push(AuditQuery { limit, oldest_first, writes_only: true, ..AuditQuery::default() });
                let key = Some("A".parse().unwrap());
                queries.push(AuditQuery { limit, oldest_first, key, ..AuditQuery::default() });
            }
        }
        queries
    };
    let read = || {
        let entries: Vec<_> = queries().iter().map(|query| store.audit(query).unwrap()).collect();
        let changes: Vec<_> = (0..=state.head().seq).map(|seq| changes_after(&store, seq)).collect();
        let id = state.environment(&"demo/dev".parse().unwrap()).unwrap().id;
        (entries, changes, store.load(Timestamp::UNIX_EPOCH).unwrap(), id)
    };
    let before = read();
    assert_eq!(in_tables(&store), not_moved, "nothing was moved");
    assert_eq!(store.head().unwrap(), state.head());
    assert_intact(&store, state.head());
    store.checkpoint().unwrap();
    assert_eq!(in_tables(&store), state.head().seq);
    let after = read();
    for (query, (before, after)) in queries().iter().zip(before.0.iter().zip(&after.0)) {
        assert_eq!(before, after, "{query:?}");
    }
    assert!(before.1 == after.1 && before.2 == after.2);
    assert_intact(&store, state.head());
}

fn changes_after(store: &DuckDbStore, mut seq: u64) -> Vec<Event> {
    let mut changes = Vec::new();
    loop {
        let page = store.changes_since(seq, 2).unwrap();
        let Some(last) = page.last() else { return changes };
        seq = last.seq;
        changes.extend(page);
    }
}

#[test]
fn points_in_time_include_them() {
    let dir = TempDir::new().unwrap();
    let (store, state) = pending(dir.path());
    let environment = state.environment(&"demo/dev".parse().unwrap()).unwrap();
    let newest = store.row_at(environment.id, PointInTime::Time(Timestamp::MAX)).unwrap();
    assert_eq!(newest, Some(state.head().seq));
    let row = store.row_at(environment.id, PointInTime::Revision(environment.revision)).unwrap().unwrap();
    let AsOf::Found { environment: found, .. } = store.as_of(environment.id, row, row, false).unwrap() else {
        panic!("it existed")
    };
    let key: kontraktor_model::names::Key = "A".parse().unwrap();
    assert_eq!(found.variables.get(&key).unwrap().value.as_ref(), "four");
}

/// Where the tables cannot take them, as on a full disk, everything is read all the same.
#[test]
fn they_are_read_where_they_cannot_be_moved() {
    let dir = TempDir::new().unwrap();
    let (store, state) = pending(dir.path());
    let run = |sql: &str| {
        run_on(&store, |connection| connection.execute_batch(sql).map_err(classify)).unwrap();
    };
    let before = store.audit(&all(false)).unwrap();
    let environment = state.environment(&"demo/dev".parse().unwrap()).unwrap();
    run("ALTER TABLE audit_events RENAME TO elsewhere");
    assert!(store.shared.move_pending().is_err());
    run("ALTER TABLE elsewhere RENAME TO audit_events");
    let error = store.shared.move_pending().unwrap_err();
    assert!(error.to_string().contains("has to be reopened first"), "{error}");

    assert_eq!(store.audit(&all(false)).unwrap(), before);
    let row = store.row_at(environment.id, PointInTime::Revision(environment.revision)).unwrap().unwrap();
    assert!(matches!(store.as_of(environment.id, row, row, true).unwrap(), AsOf::Found { .. }));
    assert_eq!(store.locks_at(environment.id, 1).unwrap(), Some(store_locks(&store, environment.id)));
    // Writing continues, too.
    let state = commit(&store, state, &write("five"));
    assert_eq!(store.audit(&all(false)).unwrap().len(), before.len() + 1);
    // The thread reopens the database, and moves them.
    assert_eq!(store.maintain(Occasion::Idle).unwrap(), Some(DuckDbOptions::default().idle));
    eventually("they are moved", || in_tables(&store) == state.head().seq);
    assert_intact(&store, state.head());
}

fn store_locks(store: &DuckDbStore, environment: Uuid) -> u64 {
    replay::locks_at(store, environment, 1).unwrap().unwrap()
}

#[test]
fn a_killed_process_leaves_them_to_the_next() {
    let dir = TempDir::new().unwrap();
    let (store, state) = pending(dir.path());
    let entries = store.audit(&all(true)).unwrap();
    let copy = killed(dir.path());
    let next = open(copy.path()).unwrap();
    assert_eq!(next.load(Timestamp::UNIX_EPOCH).unwrap(), state);
    assert_eq!(next.audit(&all(true)).unwrap(), entries);
    assert_eq!(in_tables(&next), state.head().seq);
    let state = commit(&next, next.load(Timestamp::UNIX_EPOCH).unwrap(), &accesses("azure-kv://kv/x", 1));
    assert_intact(&next, state.head());
    drop(next);
    assert_intact(&open(copy.path()).unwrap(), state.head());
}

/// Whatever happened to DuckDB's own write-ahead log: every row is in the journal, until a checkpoint has it.
#[test]
fn the_databases_own_write_ahead_log_is_not_needed() {
    let dir = TempDir::new().unwrap();
    let (store, mut state) = pending(dir.path());
    for round in 0..3 {
        state = commit(&store, state, &write(&format!("round {round}")));
        store.shared.move_pending().unwrap();
    }
    state = commit(&store, state, &write("not moved"));
    let wal = |dir: &Path| dir.join("kontraktor.duckdb.wal");
    let good = fs::read(wal(dir.path())).unwrap();
    assert!(good.len() > 500);
    let variants = (0..good.len()).step_by(good.len() / 24).map(|at| {
        let mut damaged = good.clone();
        damaged[at] ^= 0x10;
        damaged
    });
    let cut = [0, 1, good.len() / 2, good.len() - 1].map(|length| good[..length].to_vec());
    for damaged in variants.chain(cut) {
        let copy = killed(dir.path());
        fs::write(wal(copy.path()), damaged).unwrap();
        let next = open(copy.path()).unwrap();
        assert_intact(&next, state.head());
        assert_eq!(next.load(Timestamp::UNIX_EPOCH).unwrap(), state);
    }
    let copy = killed(dir.path());
    fs::remove_file(wal(copy.path())).unwrap();
    assert_intact(&open(copy.path()).unwrap(), state.head());
}

#[test]
fn closing_moves_them() {
    let dir = TempDir::new().unwrap();
    let (store, state) = pending(dir.path());
    store.close().unwrap();
    drop(store);
    assert!(!dir.path().join("kontraktor.duckdb.wal").exists());
    let database = Connection::open(dir.path().join(DATABASE_FILE)).unwrap();
    assert_eq!(rows::head(&database).unwrap(), state.head());
    drop(database);
    assert_intact(&open(dir.path()).unwrap(), state.head());
}

#[test]
fn they_are_moved_when_nobody_writes() {
    let dir = TempDir::new().unwrap();
    let (store, state) = pending(dir.path());
    let idle = DuckDbOptions::default().idle;
    assert_eq!(store.maintain(Occasion::Committed).unwrap(), Some(idle));
    assert!(in_tables(&store) < state.head().seq);
    assert_eq!(store.maintain(Occasion::Idle).unwrap(), Some(idle));
    eventually("they are moved", || in_tables(&store) == state.head().seq);
    eventually("nothing is left to do", || store.maintain(Occasion::Idle).unwrap().is_none());
}

#[test]
fn many_of_them_are_moved_at_once() {
    let dir = TempDir::new().unwrap();
    let (store, state) = pending(dir.path());
    let state = commit(&store, state, &accesses("vault://team/kv/a#b", 4_096));
    eventually("they are moved", || in_tables(&store) == state.head().seq);
    assert_intact(&store, state.head());
}

/// Files of the journal go when a checkpoint has their rows, and not before.
#[test]
fn the_journal_does_not_grow_for_ever() {
    let dir = TempDir::new().unwrap();
    let (store, mut state) = pending(dir.path());
    for round in 0..12 {
        state = commit(&store, state, &write(&format!("{round} {}", "v".repeat(60_000))));
    }
    assert!(journals(dir.path()).len() > 1);
    store.shared.move_pending().unwrap();
    assert!(journals(dir.path()).len() > 1, "the tables' rows are in their write-ahead log");
    store.checkpoint().unwrap();
    assert_eq!(journals(dir.path()).len(), 1);
    let copy = killed(dir.path());
    assert_intact(&open(copy.path()).unwrap(), state.head());
}

#[test]
fn what_was_altered_or_does_not_belong_here_is_refused() {
    let dir = TempDir::new().unwrap();
    let (store, _) = pending(dir.path());
    let path = journals(dir.path()).remove(0);
    drop(store);
    let journal = fs::read(&path).unwrap();
    let refusal = |journal: &[u8]| {
        let copy = killed(dir.path());
        let path = copy.path().join(path.file_name().unwrap());
        fs::write(&path, journal).unwrap();
        let before = fs::read(copy.path().join("kontraktor.duckdb")).unwrap();
        let error = message(&refused(copy.path()), &copy);
        assert_eq!(fs::read(&path).unwrap(), journal);
        assert_eq!(fs::read(copy.path().join("kontraktor.duckdb")).unwrap(), before);
        let reading = read_only(copy.path()).map(drop).unwrap_err();
        assert_eq!(message(&reading, &copy), error);
        error
    };
    let end = journal.iter().rposition(|byte| *byte == 0xa5).unwrap();
    let mut altered = journal.clone();
    altered[end - 3] ^= 1;
    let error = refusal(&altered);
    assert!(error.starts_with("DIR/kontraktor.journal.00000001 is damaged: the entry at byte "), "{error}");

    // The journal of another log.
    let other = TempDir::new().unwrap();
    let store = open(other.path()).unwrap();
    let mut state = State::default();
    for round in 0..20 {
        state = commit(&store, state, &write(&format!("other {round}")));
    }
    drop(store);
    let error = refusal(&fs::read(&journals(other.path())[0]).unwrap());
    assert!(
        error.starts_with("cannot use the data directory DIR: row ")
            && error.ends_with("restore both from the same backup"),
        "{error}"
    );
}

/// `audit verify` after a crash.
#[test]
fn reading_alone_sees_them_and_leaves_them() {
    let dir = TempDir::new().unwrap();
    let (_store, state) = pending(dir.path());
    let copy = killed(dir.path());
    let before = fs::read(&journals(copy.path())[0]).unwrap();
    let store = read_only(copy.path()).unwrap();
    assert_intact(&store, state.head());
    assert_eq!(store.head().unwrap(), state.head());
    let events = changes_after(&store, 0);
    assert_eq!(events.len() as u64, state.head().seq);
    assert!(store.commit(state.head(), &events).is_err());
    drop(store);
    assert_eq!(fs::read(&journals(copy.path())[0]).unwrap(), before);
}

/// A missing database is not created again beside a journal that belongs to it.
#[test]
fn a_journal_without_its_database_is_refused() {
    let dir = TempDir::new().unwrap();
    let (_store, _) = pending(dir.path());
    let copy = killed(dir.path());
    for file in ["kontraktor.duckdb", "kontraktor.duckdb.wal"] {
        let _ = fs::remove_file(copy.path().join(file));
    }
    insta::assert_snapshot!(message(&refused(copy.path()), &copy), @"cannot use DIR/kontraktor.duckdb as Kontraktor's database: the file is missing, but its journal exists: restore it, or move the journal away to start with an empty database; nothing was changed");
    assert!(!copy.path().join("kontraktor.duckdb").exists());
}

/// A database that is refused keeps its write-ahead log.
#[test]
fn a_refused_start_leaves_the_write_ahead_log() {
    let dir = TempDir::new().unwrap();
    let (store, _) = pending(dir.path());
    store.shared.move_pending().unwrap();
    let copy = killed(dir.path());
    let wal = copy.path().join("kontraktor.duckdb.wal");
    let before = fs::read(&wal).unwrap();
    let path = &journals(copy.path())[0];
    let mut journal = fs::read(path).unwrap();
    journal[200] ^= 1;
    fs::write(path, journal).unwrap();
    refused(copy.path());
    assert_eq!(fs::read(&wal).unwrap(), before);
    assert!(!copy.path().join("kontraktor.duckdb.wal.unused").exists());
}

#[test]
fn after_a_failure_everything_that_was_kept_is_there() {
    let dir = TempDir::new().unwrap();
    let (store, state) = pending(dir.path());
    assert_eq!(store.recover().unwrap(), state.head());
    let state = commit(&store, state, &accesses("aws-sm://prod/x", 2));
    store.shared.move_pending().unwrap();
    store.shared.reopen().unwrap();
    assert_eq!(store.recover().unwrap(), state.head());
    assert_intact(&store, state.head());
}

/// An append that failed may have been kept: after the store has recovered, it is there for every reader, or for none.
#[test]
fn what_a_failed_append_kept_is_read_and_moved() {
    let dir = TempDir::new().unwrap();
    let (store, state) = pending(dir.path());
    let record = accesses("aws-sm://prod/x", 2);
    let decision = record.decide(&state, &Author::new("unix:ada", "test"), Timestamp::UNIX_EPOCH).unwrap();
    store.shared.fail_appends(true);
    assert!(matches!(store.commit(state.head(), &decision.events), Err(StoreError::Failed(_))));
    assert!(store.commit(state.head(), &decision.events).is_err());
    assert!(store.recover().is_err());
    assert_eq!(store.head().unwrap(), state.head());
    assert_eq!(store.load(Timestamp::UNIX_EPOCH).unwrap(), state);
    // The database is opened anew meanwhile.
    store.shared.reopen().unwrap();
    assert_eq!(store.load(Timestamp::UNIX_EPOCH).unwrap(), state);

    store.shared.fail_appends(false);
    assert_eq!(store.recover().unwrap(), decision.state.head());
    assert_eq!(store.load(Timestamp::UNIX_EPOCH).unwrap(), decision.state);
    assert_intact(&store, decision.state.head());
    let state = commit(&store, decision.state, &write("after"));
    store.checkpoint().unwrap();
    assert_eq!(in_tables(&store), state.head().seq);
    assert_intact(&store, state.head());
    drop(store);
    assert_intact(&open(dir.path()).unwrap(), state.head());
}

/// A database that could not be opened again is opened as soon as it can be, without anybody writing.
#[test]
fn a_database_that_is_not_open_is_opened_again() {
    let dir = TempDir::new().unwrap();
    let (store, state) = pending(dir.path());
    store.checkpoint().unwrap();
    let (file, elsewhere) = (dir.path().join(DATABASE_FILE), dir.path().join("elsewhere"));
    fs::rename(&file, &elsewhere).unwrap();
    assert!(store.shared.reopen().is_err());
    assert!(store.audit(&all(false)).is_err());
    fs::rename(&elsewhere, &file).unwrap();
    store.shared.pending.ask(pending::Asked::Tidy);
    eventually("it is open", || store.audit(&all(false)).is_ok());
    assert_intact(&store, state.head());
}
