//! Databases with the tables of an earlier daemon: they are opened, read and written, and their upgrade is interrupted.

use super::{super::schema, *};
use kontraktor_domain::{
    AuditEntry, AuditSubject, DeleteEnvironment, EnvironmentSettings, Event, Field, Row,
};
use kontraktor_store::contract::world::{create_account, grant, named, seen, token};

/// The tables as the daemon of version 1 made them.
const TABLES_OF_VERSION_1: &str = "
CREATE TABLE audit_variable_writes (
    id UUID NOT NULL,
    env_id UUID NOT NULL,
    key VARCHAR NOT NULL,
    old_value VARCHAR,
    new_value VARCHAR,
    actor VARCHAR NOT NULL,
    ts TIMESTAMP NOT NULL,
    seq UBIGINT NOT NULL,
    revision UBIGINT NOT NULL,
    type VARCHAR NOT NULL,
    operation VARCHAR NOT NULL,
    description VARCHAR NOT NULL,
    via VARCHAR NOT NULL,
    batch_id UUID,
    batch_digest BLOB,
    batch_item UINTEGER,
    hash BLOB NOT NULL
);
CREATE TABLE project_log (
    seq UBIGINT NOT NULL,
    project VARCHAR NOT NULL,
    operation VARCHAR NOT NULL,
    description VARCHAR NOT NULL,
    implicit BOOLEAN NOT NULL,
    actor VARCHAR NOT NULL,
    ts TIMESTAMP NOT NULL,
    via VARCHAR NOT NULL,
    batch_id UUID,
    batch_digest BLOB,
    batch_item UINTEGER,
    hash BLOB NOT NULL
);
CREATE TABLE environment_log (
    seq UBIGINT NOT NULL,
    env_id UUID NOT NULL,
    project VARCHAR NOT NULL,
    env VARCHAR NOT NULL,
    operation VARCHAR NOT NULL,
    revision UBIGINT NOT NULL,
    description VARCHAR NOT NULL,
    implicit BOOLEAN NOT NULL,
    actor VARCHAR NOT NULL,
    ts TIMESTAMP NOT NULL,
    via VARCHAR NOT NULL,
    batch_id UUID,
    batch_digest BLOB,
    batch_item UINTEGER,
    hash BLOB NOT NULL
);
CREATE TABLE batch_log (
    seq UBIGINT NOT NULL,
    items UINTEGER NOT NULL,
    results VARCHAR NOT NULL,
    actor VARCHAR NOT NULL,
    ts TIMESTAMP NOT NULL,
    via VARCHAR NOT NULL,
    batch_id UUID,
    batch_digest BLOB,
    batch_item UINTEGER,
    hash BLOB NOT NULL
);
";

/// Inserts a row as an earlier version did: without the columns that came later.
fn insert(connection: &Connection, row: &Row<'_>, version: u32) {
    let log = row.body.log();
    let text = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let (mut columns, mut values) = (Vec::new(), Vec::new());
    for (column, field) in log.columns().zip(row.fields()) {
        if column.since > version {
            assert!(
                matches!(field, Field::Null | Field::Flag(false)),
                "version {version} has no place for {row:?}"
            );
            continue;
        }
        columns.push(column.name);
        values.push(match field {
            Field::Null => "NULL".to_owned(),
            Field::Text(value) => text(value),
            Field::Bytes(bytes) => format!("unhex('{}')", hex::encode(bytes)),
            Field::Uuid(id) => format!("'{id}'"),
            Field::Number(number) => number.to_string(),
            Field::Count(count) => count.to_string(),
            Field::Time(at) => format!("make_timestamp(CAST({at} AS BIGINT))"),
            Field::Flag(flag) => flag.to_string(),
        });
    }
    let (columns, values) = (columns.join(", "), values.join(", "));
    connection.execute_batch(&format!("INSERT INTO {} ({columns}) VALUES ({values})", log.table)).unwrap();
}

fn author() -> Author {
    Author::new("unix:ada", "test")
}

fn now() -> Timestamp {
    "2026-01-02T03:04:05.678901Z".parse().unwrap()
}

fn decided(state: &State, command: &impl Command) -> (State, Vec<Event>) {
    let Ok(decision) = command.decide(state, &author(), now()) else { panic!("it was refused") };
    (decision.state, decision.events)
}

fn batch(id: u128, groups: Vec<Vec<WriteItem>>) -> Batch {
    Batch { id: Uuid::from_u128(id), groups }
}

fn first_batch() -> Batch {
    batch(
        1,
        vec![vec![item("A", put("it's one"), Expect::Nothing)], vec![item("B", put(""), Expect::Nothing)]],
    )
}

fn file(dir: &TempDir) -> PathBuf {
    dir.path().join("kontraktor.duckdb")
}

/// Creates a database as a daemon of version 1 left it: rows of every kind, the last of them in the write-ahead log.
fn version_1(dir: &TempDir) -> State {
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let connection = Connection::open(file(dir)).unwrap();
    connection
        .execute_batch("SET checkpoint_threshold = '1TB'; PRAGMA disable_checkpoint_on_shutdown;")
        .unwrap();
    let versions = "CREATE TABLE schema_version (version UINTEGER NOT NULL, ts TIMESTAMP NOT NULL, daemon VARCHAR \
                    NOT NULL); INSERT INTO schema_version VALUES (1, now()::TIMESTAMP, '0.1.0'); CHECKPOINT;";
    connection.execute_batch(&format!("{TABLES_OF_VERSION_1} {} {versions}", schema::VIEWS_1)).unwrap();
    let settings = EnvironmentSettings { description: "asked for".to_owned(), ..Default::default() };
    let commands: [Box<dyn AnyCommand>; 5] = [
        Box::new(first_batch()),
        Box::new(batch(
            2,
            vec![vec![item("A", put("three"), Expect::Nothing)], vec![item("B", put("x"), Expect::Absent)]],
        )),
        Box::new(CreateEnvironment {
            path: "demo/prod".parse().unwrap(),
            settings,
            create_missing: false,
            adopt_existing: false,
        }),
        Box::new(DeleteEnvironment { path: "demo/prod".parse().unwrap(), force: false }),
        Box::new(batch(3, vec![vec![item("B", Operate::Delete, Expect::Nothing)]])),
    ];
    let mut state = State::default();
    for command in commands {
        let (after, events) = decided(&state, &command);
        for event in &events {
            insert(&connection, &Row::from(event), 1);
        }
        state = after;
    }
    assert_eq!(version(&connection), 1);
    state
}

/// Creates a database as a daemon of a version left it after these commands.
fn left_by(dir: &TempDir, last: u32, commands: Vec<Box<dyn AnyCommand>>) -> State {
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let connection = Connection::open(file(dir)).unwrap();
    connection
        .execute_batch("SET checkpoint_threshold = '1TB'; PRAGMA disable_checkpoint_on_shutdown;")
        .unwrap();
    let versions = "CREATE TABLE schema_version (version UINTEGER NOT NULL, ts TIMESTAMP NOT NULL, daemon VARCHAR NOT NULL);";
    connection.execute_batch(versions).unwrap();
    for number in 1..=last {
        let version =
            format!("INSERT INTO schema_version VALUES ({number}, now()::TIMESTAMP, '0.1.0'); CHECKPOINT;");
        connection.execute_batch(&format!("{} {version}", schema::step(number))).unwrap();
    }
    let mut state = State::default();
    for command in commands {
        let (after, events) = decided(&state, &command);
        for event in &events {
            insert(&connection, &Row::from(event), last);
        }
        state = after;
    }
    assert_eq!(version(&connection), last);
    state
}

/// What a daemon of version 3 could do: with accesses, and imports.
fn of_version_3() -> Vec<Box<dyn AnyCommand>> {
    let settings = EnvironmentSettings { imports: vec!["demo/dev".parse().unwrap()], ..Default::default() };
    vec![
        Box::new(first_batch()),
        Box::new(CreateEnvironment {
            path: "demo/stage".parse().unwrap(),
            settings,
            create_missing: false,
            adopt_existing: false,
        }),
        Box::new(seen("demo/dev", "A", "azure-kv://kv/name", "0a1b")),
        Box::new(batch(3, vec![vec![item("B", Operate::Delete, Expect::Nothing)]])),
    ]
}

/// What a daemon of version 4 could do: also with roles and service accounts.
fn of_version_4() -> Vec<Box<dyn AnyCommand>> {
    let mut commands = of_version_3();
    commands.push(Box::new(create_account("old", 4)));
    commands.push(Box::new(token("old")));
    commands.push(Box::new(grant("viewer", "service-account:old", "demo/*")));
    commands
}

fn is_protected(entry: &AuditEntry) -> bool {
    match &entry.subject {
        AuditSubject::Project(project) => project.protected,
        AuditSubject::Environment(environment) => environment.protected,
        AuditSubject::Variable(variable) => variable.protected,
        _ => false,
    }
}

fn version(connection: &Connection) -> u32 {
    connection.query_row("SELECT max(version) FROM schema_version", [], |row| row.get(0)).unwrap()
}

/// Checks what the current daemon must be able to do with it.
fn check(dir: &TempDir, state: &State) {
    let store = open(dir.path()).unwrap();
    assert_eq!(store.info().schema_version, SCHEMA_VERSION);
    assert_eq!(store.load(now()).unwrap(), *state);
    assert!(verify(&store, &[state.head()]).unwrap().is_intact());
    let wal = fs::metadata(dir.path().join("kontraktor.duckdb.wal")).map_or(0, |wal| wal.len());
    assert_eq!(wal, 0, "no row comes after a change of the tables in one write-ahead log");
    let names = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(!names.collect::<Vec<_>>().contains(&"kontraktor.upgrading".into()), "the marker is removed");

    let again = first_batch().decide(state, &author(), now()).unwrap();
    assert!(again.events.is_empty(), "a batch that the earlier daemon did is known");
    let mut protected = item("B", put("kept"), Expect::Nothing);
    if let Ok(Operate::Put(put)) = &mut protected.operation {
        put.protected = Some(true);
    }
    let settings = EnvironmentSettings { imports: vec!["demo/dev".parse().unwrap()], ..Default::default() };
    let create = CreateEnvironment {
        path: "demo/prod".parse().unwrap(),
        settings,
        create_missing: false,
        adopt_existing: false,
    };
    let (after, events) = decided(state, &batch(9, vec![vec![protected]]));
    assert_eq!(store.commit(state.head(), &events).unwrap(), Commit::Committed);
    let mut after = after;
    let commands: [Box<dyn AnyCommand>; 4] = [
        Box::new(create),
        Box::new(create_account("ci", 1)),
        Box::new(token("ci")),
        Box::new(grant("owner", "unix:ada", "*")),
    ];
    for command in commands {
        let head = after.head();
        let (next, events) = decided(&after, &command);
        assert_eq!(store.commit(head, &events).unwrap(), Commit::Committed);
        after = next;
    }
    assert!(after.service_accounts().client("sa-1").unwrap().last_used.is_some());
    let ada = named("unix:ada", "Ada Lovelace");
    let decision =
        batch(10, vec![vec![item("A", put("named"), Expect::Nothing)]]).decide(&after, &ada, now());
    let decision = decision.unwrap();
    assert_eq!(decision.events.len(), 2, "the name, and the write");
    assert_eq!(store.commit(after.head(), &decision.events).unwrap(), Commit::Committed);
    after = decision.state;
    // As after kill -9.
    drop(store);
    let store = open(dir.path()).unwrap();
    assert_eq!(store.load(now()).unwrap(), after);
    assert!(verify(&store, &[state.head(), after.head()]).unwrap().is_intact());
    let rows = store.rows_since(0, 100).unwrap();
    assert_eq!(rows.len() as u64, after.head().seq);
    let history = store.history(&"demo/dev".parse().unwrap(), None, None, 100).unwrap();
    assert_eq!(
        history.iter().filter(|entry| is_protected(entry)).count(),
        1,
        "only the last one is protected"
    );
}

#[test]
fn tables_of_version_1_are_brought_up_to_date_and_nothing_in_them_changes() {
    let dir = TempDir::new().unwrap();
    let state = version_1(&dir);
    check(&dir, &state);
}

#[test]
fn tables_of_version_3_are_brought_up_to_date_and_nothing_in_them_changes() {
    let dir = TempDir::new().unwrap();
    let state = left_by(&dir, 3, of_version_3());
    check(&dir, &state);
}

#[test]
fn tables_of_version_4_are_brought_up_to_date_and_nothing_in_them_changes() {
    let dir = TempDir::new().unwrap();
    let state = left_by(&dir, 4, of_version_4());
    assert!(state.service_accounts().client("sa-4").unwrap().last_used.is_some());
    check(&dir, &state);
}

#[test]
fn a_crash_before_during_or_after_the_change_of_the_tables_loses_nothing() {
    /// Leaves the database as a daemon that is killed at a certain point.
    type Cut = fn(&Connection);
    let cuts: [(&str, Cut); 4] = [
        ("before anything", |_| {}),
        ("after the checkpoint before", |connection| connection.execute_batch("CHECKPOINT").unwrap()),
        ("in the transaction", |connection| {
            connection.execute_batch("CHECKPOINT; BEGIN").unwrap();
            connection.execute_batch(&schema::step(2)).unwrap();
        }),
        ("after the transaction", |connection| {
            connection.execute_batch("CHECKPOINT; BEGIN").unwrap();
            connection.execute_batch(&schema::step(2)).unwrap();
            connection
                .execute_batch("INSERT INTO schema_version VALUES (2, now()::TIMESTAMP, 'killed'); COMMIT")
                .unwrap();
        }),
    ];
    for (point, cut) in cuts {
        let dir = TempDir::new().unwrap();
        let state = version_1(&dir);
        fs::write(dir.path().join("kontraktor.upgrading"), b"").unwrap();
        let connection = Connection::open(file(&dir)).unwrap();
        connection
            .execute_batch("SET checkpoint_threshold = '1TB'; PRAGMA disable_checkpoint_on_shutdown;")
            .unwrap();
        cut(&connection);
        drop(connection);
        println!("killed {point}");
        check(&dir, &state);
    }
}

/// The change takes effect only where something is written anyway.
#[test]
fn reading_alone_does_not_bring_tables_up_to_date() {
    let dir = TempDir::new().unwrap();
    version_1(&dir);
    drop(open(dir.path()).unwrap());
    assert_eq!(version(&Connection::open(file(&dir)).unwrap()), SCHEMA_VERSION);

    let dir = TempDir::new().unwrap();
    version_1(&dir);
    let before = fs::read(file(&dir)).unwrap();
    let lock = DataDir::lock_for_reading(dir.path()).unwrap();
    let Err(refused) = DuckDbStore::open_read_only(lock, DuckDbOptions::default()) else {
        panic!("tables of version 1 cannot be read as those of {SCHEMA_VERSION}")
    };
    insta::assert_snapshot!(message(&refused, &dir), @"DIR/kontraktor.duckdb has tables of version 1, and this kontraktord reads version 5; nothing was changed. Start this kontraktord once to upgrade the tables, or use the kontraktord that wrote them");
    assert_eq!(fs::read(file(&dir)).unwrap(), before);
}
