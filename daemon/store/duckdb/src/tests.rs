mod journal;
mod planted;
mod upgrade;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use duckdb::Connection;
use tempfile::TempDir;
use uuid::Uuid;

use kontraktor_store::verify;

use super::*;
use kontraktor_domain::{
    AnyCommand, Author, Batch, Command, CreateEnvironment, CreateSchema, EnvironmentSettings, Expect,
    Operate, Put, PutContent, SchemaSettings, WriteItem,
};

fn open(dir: &Path) -> Result<DuckDbStore, StoreError> {
    DuckDbStore::open(DataDir::lock(dir)?, DuckDbOptions::default())
}

/// Runs something on the connection that writes, past the store.
fn run_on<T>(store: &DuckDbStore, work: impl FnOnce(&Connection) -> T) -> T {
    let guard = store.shared.guard();
    work(&guard.as_ref().unwrap().tables().connection)
}

fn refused(dir: &Path) -> StoreError {
    match open(dir) {
        Ok(_) => panic!("the data directory must be refused"),
        Err(error) => error,
    }
}

/// Returns a message without the directory of this run.
fn message(error: &StoreError, dir: &TempDir) -> String {
    error.to_string().replace(&*dir.path().to_string_lossy(), "DIR")
}

fn item(key: &str, operation: Operate, expect: Expect) -> WriteItem {
    WriteItem {
        project: "demo".to_owned(),
        env: "dev".to_owned(),
        key: key.to_owned(),
        operation: Ok(operation),
        expect,
    }
}

fn put(value: &str) -> Operate {
    Operate::Put(Put {
        content: PutContent::Value {
            value_type: kontraktor_model::value::ValueType::String,
            text: value.to_owned(),
        },
        description: "why".to_owned(),
        create_missing: true,
        protected: None,
    })
}

fn protected(value: &str) -> Operate {
    match put(value) {
        Operate::Put(put) => Operate::Put(Put { protected: Some(true), ..put }),
        Operate::Delete => unreachable!("it puts"),
    }
}

/// Returns a store with rows in every table, and something in every column.
fn filled(dir: &Path) -> (DuckDbStore, Head) {
    let store = open(dir).unwrap();
    let now: Timestamp = "2026-01-02T03:04:05.678901Z".parse().unwrap();
    let author = Author::new("unix:ada", "test");
    let mut state = store.load(now).unwrap();
    let batches = [
        vec![vec![item("A", put("one"), Expect::Nothing)], vec![item("B", put("two"), Expect::Nothing)]],
        vec![vec![item("A", protected("three"), Expect::Nothing)], vec![item("B", put("x"), Expect::Absent)]],
        vec![vec![item("B", Operate::Delete, Expect::Nothing)]],
    ];
    let batches = (1..)
        .zip(batches)
        .map(|(id, groups)| -> Box<dyn AnyCommand> { Box::new(Batch { id: Uuid::from_u128(id), groups }) });
    let settings = EnvironmentSettings {
        protected: true,
        imports: vec!["demo/dev".parse().unwrap()],
        ..EnvironmentSettings::default()
    };
    let others: [Box<dyn AnyCommand>; 2] = [
        Box::new(CreateEnvironment {
            path: "demo/prod".parse().unwrap(),
            settings,
            create_missing: false,
            adopt_existing: false,
        }),
        Box::new(CreateSchema {
            project: "demo".parse().unwrap(),
            name: "ports".parse().unwrap(),
            settings: SchemaSettings { key_pattern: "PORT_.*".to_owned(), schema: "true".to_owned() },
            create_missing: false,
            adopt_existing: false,
        }),
    ];
    for command in batches.chain(others) {
        let decision = command.decide(&state, &author, now).unwrap();
        assert_eq!(store.commit(state.head(), &decision.events).unwrap(), Commit::Committed);
        state = decision.state;
    }
    (store, state.head())
}

#[test]
fn a_second_daemon_names_the_first() {
    let dir = TempDir::new().unwrap();
    let store = open(dir.path()).unwrap();
    store.dir().note_socket(Path::new("/run/k.sock")).unwrap();
    let holder = DataDir::holder(dir.path()).unwrap();
    assert_eq!((holder.pid, holder.socket.as_deref()), (std::process::id(), Some(Path::new("/run/k.sock"))));
    let text = message(&refused(dir.path()), &dir).replace(&std::process::id().to_string(), "PID");
    insta::assert_snapshot!(text, @"the data directory DIR is in use by process PID; stop that daemon, or choose another --data-dir");
    let reading = DataDir::lock_for_reading(dir.path()).unwrap_err();
    assert!(matches!(reading, StoreError::Locked { .. }), "{reading}");
    drop(store);
    assert_eq!(DataDir::holder(dir.path()), None, "it is unlocked");
    let reading = DataDir::lock_for_reading(dir.path()).unwrap();
    insta::assert_snapshot!(message(&refused(dir.path()), &dir), @"the data directory DIR is in use by another process, such as `kontraktord audit verify`; wait for it to finish, or choose another --data-dir");
    drop(reading);
    open(dir.path()).unwrap();
}

#[test]
fn a_process_that_was_killed_is_not_named() {
    let dir = TempDir::new().unwrap();
    let mut child = std::process::Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    fs::write(dir.path().join("kontraktord.lock"), format!("{}\n/run/k.sock\n", child.id())).unwrap();
    assert_eq!(DataDir::holder(dir.path()), None);
}

#[test]
fn directory_and_files_are_closed_to_others() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("a/b");
    let (store, _) = filled(&data);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    assert_eq!(mode(&data.join("kontraktor.duckdb")), 0o600);
    assert_eq!(mode(&data.join("kontraktord.lock")), 0o600);
    drop(store);
    fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).unwrap();
    drop(open(&data).unwrap());
    assert_eq!(mode(&data), 0o700, "ours is closed again");

    let shared = dir.path().join("shared");
    fs::create_dir(&shared).unwrap();
    fs::write(shared.join("something"), "else").unwrap();
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o755)).unwrap();
    insta::assert_snapshot!(message(&refused(&shared), &dir), @"cannot use the data directory DIR/shared: other users can enter it (mode 0755), and it contains other files; choose an empty directory, or run `chmod 700` on this one");
    assert_eq!(mode(&shared), 0o755);
}

#[test]
fn what_is_not_ours_is_refused_and_left_untouched() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("kontraktor.duckdb");

    let refuse = |bytes: Vec<u8>| {
        fs::write(&file, &bytes).unwrap();
        let text = message(&refused(dir.path()), &dir);
        assert_eq!(fs::read(&file).unwrap(), bytes, "{text}");
        assert!(!dir.path().join("kontraktor.duckdb.wal").exists(), "{text}");
        text
    };
    insta::assert_snapshot!(refuse(b"short".to_vec()), @"cannot use DIR/kontraktor.duckdb as Kontraktor's database: it is too short to be a DuckDB database; nothing was changed");
    insta::assert_snapshot!(refuse(vec![b'x'; 100_000]), @"cannot use DIR/kontraktor.duckdb as Kontraktor's database: it is not a DuckDB database; nothing was changed");

    fs::remove_file(&file).unwrap();
    let other = Connection::open(&file).unwrap();
    other.execute_batch("CREATE TABLE recipes (name VARCHAR); CHECKPOINT;").unwrap();
    drop(other);
    insta::assert_snapshot!(refuse(fs::read(&file).unwrap()), @"cannot use DIR/kontraktor.duckdb as Kontraktor's database: it is a DuckDB database, but its tables are not Kontraktor's; nothing was changed");

    fs::remove_file(&file).unwrap();
    let (store, _) = filled(dir.path());
    store.close().unwrap();
    drop(store);
    let good = fs::read(&file).unwrap();
    for start in [4096, 2 * 4096] {
        let mut damaged = good.clone();
        damaged[start..start + 4096].fill(0xa5);
        let text = refuse(damaged);
        assert!(text.starts_with("DIR/kontraktor.duckdb is damaged: "), "{text}");
    }

    fs::write(&file, &good).unwrap();
    let newer = Connection::open(&file).unwrap();
    newer
        .execute_batch("INSERT INTO schema_version VALUES (7, now()::TIMESTAMP, '9.9.9'); CHECKPOINT;")
        .unwrap();
    drop(newer);
    insta::assert_snapshot!(refuse(fs::read(&file).unwrap()), @"DIR/kontraktor.duckdb has tables of version 7, and this kontraktord supports versions up to 5; nothing was changed. Start the newer kontraktord that wrote it");
}

#[test]
fn a_file_that_was_made_but_not_filled_is_no_obstacle() {
    let dir = TempDir::new().unwrap();
    drop(Connection::open(dir.path().join("kontraktor.duckdb")).unwrap());
    let (_, head) = filled(dir.path());
    assert!(head.seq > 0);
}

/// The files of a daemon that was killed while it created the database.
#[test]
fn half_a_database_is_no_obstacle() {
    let dir = TempDir::new().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(dir.path().join("kontraktor.new"), b"").unwrap();
    fs::write(dir.path().join("kontraktor.new.wal"), b"half a record").unwrap();
    let (store, head) = filled(dir.path());
    assert!(verify(&store, &[head]).unwrap().is_intact());
    let mut names: Vec<_> = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["kontraktor.duckdb", "kontraktor.journal.00000001", "kontraktord.lock"]);
}

#[test]
fn a_write_ahead_log_without_its_database_is_left_alone() {
    let dir = TempDir::new().unwrap();
    let (store, _) = filled(dir.path());
    store.shared.move_pending().unwrap();
    drop(store);
    fs::remove_file(dir.path().join("kontraktor.duckdb")).unwrap();
    let wal = dir.path().join("kontraktor.duckdb.wal");
    let before = fs::read(&wal).unwrap();
    insta::assert_snapshot!(message(&refused(dir.path()), &dir), @"cannot use DIR/kontraktor.duckdb as Kontraktor's database: the file is missing, but its write-ahead log exists: restore it, or move the write-ahead log away to start with an empty database; nothing was changed");
    assert_eq!(fs::read(&wal).unwrap(), before);
    assert!(!dir.path().join("kontraktor.duckdb").exists());
}

/// The explanation names the row even if it cannot be read.
#[test]
fn unreadable_rows_are_found() {
    let dir = TempDir::new().unwrap();
    let (store, head) = filled(dir.path());
    store.shared.move_pending().unwrap();
    let run =
        |sql: &str| run_on(&store, |connection| connection.execute_batch(sql).map_err(classify)).unwrap();
    run("ALTER TABLE audit_variable_writes ALTER actor DROP NOT NULL");
    run("UPDATE audit_variable_writes SET actor = NULL WHERE seq = 5");
    let broken = verify(&store, &[head]).unwrap().broken.unwrap();
    assert_eq!(broken.seq, 5);
    assert!(broken.explanation.starts_with("row 5 cannot be read: "), "{}", broken.explanation);
}

#[test]
fn reading_alone_changes_nothing_and_writes_nothing() {
    let dir = TempDir::new().unwrap();
    let missing = DataDir::lock_for_reading(&dir.path().join("none")).unwrap_err();
    assert!(matches!(missing, StoreError::Missing { .. }), "{missing}");
    let (store, head) = filled(dir.path());
    // As after a crash: the rows are in the two write-ahead logs only.
    store.shared.move_pending().unwrap();
    drop(store);
    let read = || {
        let mut files: Vec<_> =
            fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files.into_iter().map(|path| (fs::read(&path).unwrap(), path)).collect::<Vec<_>>()
    };
    let before = read();
    assert!(before.iter().any(|(_, path)| path.ends_with("kontraktor.duckdb.wal")));
    let lock = || DataDir::lock_for_reading(dir.path()).unwrap();
    let first = DuckDbStore::open_read_only(lock(), DuckDbOptions::default()).unwrap();
    let report = verify(&first, &[head]).unwrap();
    assert_eq!((report.head, report.broken), (head, None));
    let second = DataDir::lock_for_reading(dir.path()).unwrap();
    let events = first.changes_since(0, 100).unwrap();
    assert!(first.commit(head, &events).is_err());
    drop((first, second));
    assert_eq!(read(), before);
}

/// Alters every column of every row of every table, and removes and doubles every row.
#[test]
fn whatever_is_tampered_with_shows() {
    let dir = TempDir::new().unwrap();
    let (store, head) = filled(dir.path());
    store.shared.move_pending().unwrap();
    let run =
        |sql: &str| run_on(&store, |connection| connection.execute_batch(sql).map_err(classify)).unwrap();
    let list = |sql: &str| -> Vec<String> {
        run_on(&store, |connection| {
            let mut statement = connection.prepare(sql).map_err(classify)?;
            let rows = statement.query_map([], |row| row.get(0)).map_err(classify)?;
            rows.collect::<duckdb::Result<_>>().map_err(classify)
        })
        .unwrap()
    };
    let intact = || verify(&store, &[head]).map(|report| report.is_intact());
    assert!(intact().unwrap());

    let mut tried = 0;
    for table in ["project_log", "environment_log", "audit_variable_writes", "schema_log", "batch_log"] {
        run(&format!("CREATE OR REPLACE TEMP TABLE saved AS FROM {table}"));
        let restore = format!("DELETE FROM {table}; INSERT INTO {table} FROM saved;");
        let columns = list(&format!("SELECT column_name || ' ' || column_type FROM (DESCRIBE {table})"));
        for seq in list(&format!("SELECT CAST(seq AS VARCHAR) FROM {table}")) {
            let where_ = format!("WHERE seq = {seq}");
            let mut tamper = |sql: String| {
                run(&sql);
                assert!(!intact().unwrap_or(false), "not noticed: {sql}");
                run(&restore);
                assert!(intact().unwrap(), "put back after: {sql}");
                tried += 1;
            };
            tamper(format!("DELETE FROM {table} {where_}"));
            tamper(format!("INSERT INTO {table} FROM saved {where_}"));
            for column in &columns {
                let (column, kind) = column.split_once(' ').unwrap();
                let altered = match kind {
                    "UUID" => "'00000000-0000-8000-8000-000000000000'".to_owned(),
                    "VARCHAR" => format!("coalesce({column}, '') || ' '"),
                    "TIMESTAMP" => format!("{column} + INTERVAL 1 MICROSECOND"),
                    "UBIGINT" | "UINTEGER" => format!("coalesce({column}, 0) + 1"),
                    "BOOLEAN" => format!("NOT {column}"),
                    "BLOB" => format!("coalesce({column}, ''::BLOB) || '\\x00'::BLOB"),
                    other => panic!("no way to alter a {other} is known here"),
                };
                tamper(format!("UPDATE {table} SET {column} = {altered} {where_}"));
            }
        }
    }
    assert!(tried > 120, "{tried}");

    run(&format!("DELETE FROM schema_log WHERE seq = {}", head.seq));
    assert!(verify(&store, &[]).unwrap().is_intact(), "a missing end leaves no trace");
    let report = verify(&store, &[head]).unwrap();
    let broken = report.broken.unwrap();
    assert_eq!(broken.seq, head.seq);
    let wrong = verify(&store, &[Head { seq: 1, hash: head.hash }]).unwrap();
    assert_eq!(wrong.broken.unwrap().seq, 1);
}

#[test]
fn the_views_show_the_current_state() {
    let dir = TempDir::new().unwrap();
    let (store, _) = filled(dir.path());
    store.shared.move_pending().unwrap();
    let lines = |sql: &str| -> Vec<String> {
        store
            .shared
            .read(|connection| {
                let mut statement = connection.prepare(sql).map_err(classify)?;
                let rows = statement.query_map([], |row| row.get(0)).map_err(classify)?;
                rows.collect::<duckdb::Result<_>>().map_err(classify)
            })
            .unwrap()
    };
    assert_eq!(
        lines(
            "SELECT concat_ws(' ', project, env, key, type, value, revision, deletion_protection, actor, via) FROM variables"
        ),
        ["demo dev A string three 2 true unix:ada test"]
    );
    assert_eq!(
        lines(
            "SELECT concat_ws(' ', key, revision, operation, old_value, new_value) FROM variable_revisions \
             ORDER BY seq"
        ),
        ["A 1 created one", "B 1 created two", "A 2 updated one three", "B 3 deleted two"]
    );
}
