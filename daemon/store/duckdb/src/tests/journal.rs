//! Accesses are in the journal first. Whatever happens to the process, they are in the log once, and in order.

use super::*;
use kontraktor_domain::{Access, AccessOperation, RecordAccesses};
use kontraktor_store::PointInTime;

/// Decides and commits, and returns the new state.
fn commit(store: &DuckDbStore, state: State, command: &impl Command) -> State {
    let author = Author { actor: "unix:ada".into(), via: "test".into() };
    let now: Timestamp = "2026-01-02T03:04:05.678901Z".parse().unwrap();
    let Ok(decision) = command.decide(&state, &author, now) else { panic!("it was refused") };
    assert_eq!(store.commit(state.head(), &decision.events).unwrap(), Commit::Committed);
    decision.state
}

fn accesses(reference: &str, number: u64) -> RecordAccesses {
    let access = |number| {
        let author = Author { actor: "unix:ada".into(), via: "test".into() };
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

/// Counts the rows of `audit_events`, past the store.
fn in_tables(store: &DuckDbStore) -> u64 {
    let count = "SELECT count(*) FROM audit_events";
    store.write(|writer| writer.connection.query_row(count, [], |row| row.get(0)).map_err(classify)).unwrap()
}

fn in_journal(dir: &Path) -> u64 {
    fs::metadata(dir.join("kontraktor.journal")).unwrap().len()
}

/// Copies the files that a process leaves behind if it is killed now.
fn killed(dir: &Path) -> TempDir {
    let copy = TempDir::new().unwrap();
    for file in ["kontraktor.duckdb", "kontraktor.duckdb.wal", "kontraktor.journal"] {
        let _ = fs::copy(dir.join(file), copy.path().join(file));
    }
    fs::set_permissions(copy.path(), fs::Permissions::from_mode(0o700)).unwrap();
    copy
}

#[track_caller]
fn assert_intact(store: &DuckDbStore, head: Head) {
    let report = verify(store, &[head]).unwrap();
    assert_eq!((report.head, report.broken, report.rows), (head, None, head.seq));
}

/// A store with a few rows, and three accesses that are not in its tables yet.
fn pending(dir: &Path) -> (DuckDbStore, State) {
    let (store, _) = filled(dir);
    let state = store.load(Timestamp::UNIX_EPOCH).unwrap();
    let state = commit(&store, state, &accesses("vault://team/kv/a#b", 3));
    assert_eq!(in_tables(&store), 0);
    assert!(in_journal(dir) > 0);
    (store, state)
}

#[test]
fn readers_of_the_log_see_them() {
    let dir = TempDir::new().unwrap();
    let (store, state) = pending(dir.path());
    let entries = store.audit(&AuditQuery { limit: 2, ..AuditQuery::default() }).unwrap();
    let counts: Vec<_> = entries.iter().map(|entry| entry.access().unwrap().count).collect();
    assert_eq!((entries[0].seq, counts), (state.head().seq, vec![3, 2]));
    assert_eq!((in_tables(&store), in_journal(dir.path())), (3, 0));
    assert_intact(&store, state.head());
    assert_eq!(store.head().unwrap(), state.head());
}

#[test]
fn the_next_commit_moves_them() {
    let dir = TempDir::new().unwrap();
    let (store, state) = pending(dir.path());
    let state = commit(&store, state, &accesses("aws-sm://prod/x", 2));
    assert_eq!(in_tables(&store), 0);
    let state = commit(&store, state, &write("four"));
    assert_eq!((in_tables(&store), in_journal(dir.path())), (5, 0));
    let state = commit(&store, state, &accesses("aws-sm://prod/x", 1));
    assert_intact(&store, state.head());
}

#[test]
fn a_killed_process_leaves_them_to_the_next() {
    let dir = TempDir::new().unwrap();
    let (_store, state) = pending(dir.path());
    let copy = killed(dir.path());
    let next = open(copy.path()).unwrap();
    assert_eq!(next.load(Timestamp::UNIX_EPOCH).unwrap().head(), state.head());
    assert_eq!(next.audit(&AuditQuery { limit: 9, ..AuditQuery::default() }).unwrap().len(), 9);
    assert_eq!((in_tables(&next), in_journal(copy.path())), (3, 0));
    let state = commit(&next, next.load(Timestamp::UNIX_EPOCH).unwrap(), &accesses("azure-kv://kv/x", 1));
    assert_intact(&next, state.head());
}

#[test]
fn closing_moves_them() {
    let dir = TempDir::new().unwrap();
    let (store, state) = pending(dir.path());
    store.close().unwrap();
    drop(store);
    assert_eq!(in_journal(dir.path()), 0);
    assert_intact(&open(dir.path()).unwrap(), state.head());
}

#[test]
fn maintenance_moves_them_when_the_writer_is_idle() {
    let dir = TempDir::new().unwrap();
    let (store, _) = pending(dir.path());
    assert_eq!(store.maintain(Occasion::Committed).unwrap(), Some(DuckDbOptions::default().idle));
    assert_eq!(in_tables(&store), 0);
    assert_eq!(store.maintain(Occasion::Idle).unwrap(), None);
    assert_eq!((in_tables(&store), in_journal(dir.path())), (3, 0));
}

#[test]
fn many_of_them_are_not_pending() {
    let dir = TempDir::new().unwrap();
    let (store, state) = pending(dir.path());
    let state = commit(&store, state, &accesses("vault://team/kv/a#b", 1021));
    assert_eq!(in_tables(&store), 0);
    let state = commit(&store, state, &accesses("vault://team/kv/a#b", 1));
    assert_eq!((in_tables(&store), in_journal(dir.path())), (1025, 0));
    assert_intact(&store, state.head());
}

/// The last line may be incomplete, or zeros where the file was already extended. Its request was not answered.
#[test]
fn an_incomplete_line_is_ignored() {
    let dir = TempDir::new().unwrap();
    let (store, state) = pending(dir.path());
    let before = state.head();
    let whole = fs::read(dir.path().join("kontraktor.journal")).unwrap();
    commit(&store, state, &accesses("aws-sm://prod/x", 2));
    let all = fs::read(dir.path().join("kontraktor.journal")).unwrap();
    let zeros = [&whole[..], &[0; 100]].concat();
    let zeros_and_end = [&whole[..], &[0; 100], b"\n"].concat();
    for left in [&all[..all.len() - 1], &all[..=whole.len()], &zeros, &zeros_and_end] {
        let copy = killed(dir.path());
        fs::write(copy.path().join("kontraktor.journal"), left).unwrap();
        let reading = DataDir::lock_for_reading(copy.path()).unwrap();
        let reading = DuckDbStore::open_read_only(reading, DuckDbOptions::default()).unwrap();
        assert_intact(&reading, before);
        drop(reading);
        let next = open(copy.path()).unwrap();
        assert_intact(&next, before);
        let state = commit(&next, next.load(Timestamp::UNIX_EPOCH).unwrap(), &accesses("azure-kv://kv/x", 1));
        drop(next);
        assert_intact(&open(copy.path()).unwrap(), state.head());
    }
}

/// Killed between the commit and the emptying of the journal.
#[test]
fn what_is_in_the_tables_already_is_not_moved_again() {
    let dir = TempDir::new().unwrap();
    let (store, state) = pending(dir.path());
    let journal = fs::read(dir.path().join("kontraktor.journal")).unwrap();
    let state = commit(&store, state, &write("four"));
    let copy = killed(dir.path());
    fs::write(copy.path().join("kontraktor.journal"), journal).unwrap();
    assert_intact(&open(copy.path()).unwrap(), state.head());
}

#[test]
fn what_was_altered_or_does_not_belong_here_is_refused() {
    let dir = TempDir::new().unwrap();
    let (store, state) = pending(dir.path());
    commit(&store, state, &accesses("aws-sm://prod/x", 2));
    let journal = fs::read_to_string(dir.path().join("kontraktor.journal")).unwrap();
    let lines: Vec<_> = journal.lines().collect();
    let refusal = |journal: &str| {
        let copy = killed(dir.path());
        fs::write(copy.path().join("kontraktor.journal"), journal).unwrap();
        let error = message(&refused(copy.path()), &copy);
        assert_eq!(fs::read_to_string(copy.path().join("kontraktor.journal")).unwrap(), journal);
        // Verifying finds the first damaged row.
        let reading = DataDir::lock_for_reading(copy.path()).unwrap();
        let found = DuckDbStore::open_read_only(reading, DuckDbOptions::default())
            .and_then(|store| verify(&store, &[]))
            .map(|report| report.broken.map(|broken| broken.explanation));
        (error, found)
    };
    let (error, found) = refusal(&journal.replacen("unix:ada", "unix:eve", 1));
    insta::assert_snapshot!(error, @"the log is damaged: row 10 in DIR/kontraktor.journal does not follow row 9 of the database; it was altered, or the two are from different backups; run `kontraktord audit verify` to find the first damaged row");
    insta::assert_snapshot!(found.unwrap().unwrap(), @"the hash of row 10 of audit_events does not match its content");
    let (error, found) = refusal(&format!("{}\n", lines[1]));
    insta::assert_snapshot!(error, @"the log is damaged: row 13 in DIR/kontraktor.journal does not follow row 9 of the database; it was altered, or the two are from different backups; run `kontraktord audit verify` to find the first damaged row");
    insta::assert_snapshot!(found.unwrap().unwrap(), @"row 10 is missing: row 13 follows row 9");
    let (error, found) = refusal(&journal.replacen("\"seq\"", "\"sec\"", 1));
    insta::assert_snapshot!(error, @"the log is damaged: line 1 of DIR/kontraktor.journal is not a journal entry; run `kontraktord audit verify` to find the first damaged row");
    assert!(found.is_err());
}

/// `audit verify` after a crash.
#[test]
fn reading_alone_sees_them_and_leaves_them() {
    let dir = TempDir::new().unwrap();
    let (_store, state) = pending(dir.path());
    let copy = killed(dir.path());
    let before = fs::read(copy.path().join("kontraktor.journal")).unwrap();
    let reading = DataDir::lock_for_reading(copy.path()).unwrap();
    let store = DuckDbStore::open_read_only(reading, DuckDbOptions::default()).unwrap();
    assert_intact(&store, state.head());
    assert_eq!(store.head().unwrap(), state.head());
    let events = store.changes_since(0, 100).unwrap();
    assert!(store.commit(state.head(), &events).is_err());
    drop(store);
    assert_eq!(fs::read(copy.path().join("kontraktor.journal")).unwrap(), before);
}

/// A missing database is not created again beside a journal that belongs to it.
#[test]
fn a_journal_without_its_database_is_refused() {
    let dir = TempDir::new().unwrap();
    let (_store, _) = pending(dir.path());
    let copy = killed(dir.path());
    for file in ["kontraktor.duckdb", "kontraktor.duckdb.wal"] {
        fs::remove_file(copy.path().join(file)).unwrap();
    }
    insta::assert_snapshot!(message(&refused(copy.path()), &copy), @"cannot use DIR/kontraktor.duckdb as Kontraktor's database: the file is missing, but its journal exists: restore it, or move the journal away to start with an empty database; nothing was changed");
    assert!(!copy.path().join("kontraktor.duckdb").exists());
}

/// Reads that need no accesses need no room on the disk to move them.
#[test]
fn only_queries_of_accesses_move_them() {
    let dir = TempDir::new().unwrap();
    let (store, state) = pending(dir.path());
    assert_eq!(store.load(Timestamp::UNIX_EPOCH).unwrap().head(), state.head());
    assert_eq!(store.head().unwrap(), state.head());
    assert_intact(&store, state.head());
    store.history(&"demo/dev".parse().unwrap(), None, None, 10).unwrap();
    // An access counts as the newest row, wherever it is.
    let id = state.environment(&"demo/dev".parse().unwrap()).unwrap().id;
    let newest = store.row_at(id, PointInTime::Time(Timestamp::MAX)).unwrap();
    assert_eq!(newest, Some(state.head().seq));
    assert_eq!(in_tables(&store), 0);
}

#[test]
fn after_a_failure_everything_that_was_kept_is_there() {
    let dir = TempDir::new().unwrap();
    let (store, state) = pending(dir.path());
    assert_eq!(store.recover().unwrap(), state.head());
    let state = commit(&store, state, &accesses("aws-sm://prod/x", 2));
    assert_eq!(store.recover().unwrap(), state.head());
    assert_eq!(in_tables(&store), 0);
    assert_intact(&store, state.head());
}

/// A reader failed to move them. Nothing is committed before the database is reopened: it may have kept them after all.
#[test]
fn a_move_that_failed_is_not_repeated_before_the_database_is_reopened() {
    let dir = TempDir::new().unwrap();
    let (store, state) = pending(dir.path());
    let run =
        |sql: &str| store.write(|writer| writer.connection.execute_batch(sql).map_err(classify)).unwrap();
    run("ALTER TABLE audit_events RENAME TO elsewhere");
    assert!(store.audit(&AuditQuery { limit: 1, ..AuditQuery::default() }).is_err());
    run("ALTER TABLE elsewhere RENAME TO audit_events");
    let error = store.audit(&AuditQuery { limit: 1, ..AuditQuery::default() }).unwrap_err();
    assert!(error.to_string().contains("must be reopened"), "{error}");
    let record = accesses("aws-sm://prod/x", 1);
    let author = Author { actor: "unix:ada".into(), via: "test".into() };
    let events = record.decide(&state, &author, Timestamp::UNIX_EPOCH).unwrap().events;
    assert!(store.commit(state.head(), &events).is_err());
    assert_eq!(store.recover().unwrap(), state.head());
    let state = commit(&store, state, &record);
    assert_intact(&store, state.head());
}
