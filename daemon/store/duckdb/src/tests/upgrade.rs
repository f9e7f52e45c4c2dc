//! Databases with the tables of an earlier daemon: they are opened, read and written, and their upgrade is interrupted.

use super::{super::schema, *};
use kontraktor_domain::{EnvironmentSettings, Event, Row, RowBody};

/// Inserts a row as version 1 had it, without later columns.
fn insert(connection: &Connection, row: &Row<'_>) {
    let text = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let optional = |value: Option<&str>| value.map_or("NULL".to_owned(), text);
    let blob = |bytes: &[u8]| format!("unhex('{}')", hex::encode(bytes));
    let at = format!("make_timestamp(CAST({} AS BIGINT))", row.at_us);
    let (actor, via) = (text(&row.actor), text(&row.via));
    let end = format!(
        "{}, {}, {}, {}",
        row.batch_id.map_or("NULL".to_owned(), |id| text(&id.to_string())),
        row.batch_digest.as_deref().map_or("NULL".to_owned(), blob),
        row.batch_item.map_or("NULL".to_owned(), |item| item.to_string()),
        blob(&row.hash),
    );
    let seq = row.seq;
    let values = match &row.body {
        RowBody::Project { name, operation, description, implicit, protected: false } => format!(
            "{seq}, {}, {}, {}, {implicit}, {actor}, {at}, {via}, {end}",
            text(name),
            text(operation),
            text(description),
        ),
        RowBody::Environment {
            id,
            project,
            env,
            operation,
            revision,
            description,
            implicit,
            protected: false,
            imports: None,
        } => format!(
            "{seq}, '{id}', {}, {}, {}, {revision}, {}, {implicit}, {actor}, {at}, {via}, {end}",
            text(project),
            text(env),
            text(operation),
            text(description),
        ),
        RowBody::Variable {
            id,
            environment,
            key,
            operation,
            revision,
            value_type,
            old_value,
            new_value,
            description,
            protected: false,
        } => format!(
            "'{id}', '{environment}', {}, {}, {}, {actor}, {at}, {seq}, {revision}, {}, {}, {}, {via}, {end}",
            text(key),
            optional(old_value.as_deref()),
            optional(new_value.as_deref()),
            text(value_type),
            text(operation),
            text(description),
        ),
        RowBody::Batch { items, results } => {
            format!("{seq}, {items}, {}, {actor}, {at}, {via}, {end}", text(results))
        }
        later => panic!("version 1 has no place for {later:?}"),
    };
    connection.execute_batch(&format!("INSERT INTO {} VALUES ({values})", row.body.table())).unwrap();
}

fn author() -> Author {
    Author { actor: "unix:ada".into(), via: "test".into() }
}

fn now() -> Timestamp {
    "2026-01-02T03:04:05.678901Z".parse().unwrap()
}

fn decided(state: &State, request: &Request) -> (State, Vec<Event>) {
    let decision = decide(state, request, &author(), now()).unwrap();
    (decision.state, decision.events)
}

fn batch(id: u128, groups: Vec<Vec<WriteItem>>) -> Request {
    Request::WriteVariables(Batch { id: Uuid::from_u128(id), groups })
}

fn first_batch() -> Request {
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
    connection.execute_batch(&format!("{} {versions}", schema::VERSION_1)).unwrap();
    let settings = EnvironmentSettings { description: "asked for".to_owned(), ..Default::default() };
    let requests = [
        first_batch(),
        batch(
            2,
            vec![vec![item("A", put("three"), Expect::Nothing)], vec![item("B", put("x"), Expect::Absent)]],
        ),
        Request::CreateEnvironment {
            path: "demo/prod".parse().unwrap(),
            settings,
            create_missing: false,
            adopt_existing: false,
        },
        Request::DeleteEnvironment { path: "demo/prod".parse().unwrap(), force: false },
        batch(3, vec![vec![item("B", Operate::Delete, Expect::Nothing)]]),
    ];
    let mut state = State::default();
    for request in requests {
        let (after, events) = decided(&state, &request);
        for event in &events {
            insert(&connection, &Row::from(event));
        }
        state = after;
    }
    assert_eq!(version(&connection), 1);
    state
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

    let again = decide(state, &first_batch(), &author(), now()).unwrap();
    assert!(again.events.is_empty(), "a batch that the earlier daemon did is known");
    let mut protected = item("B", put("kept"), Expect::Nothing);
    if let Some(Operate::Put(put)) = &mut protected.operation {
        put.protected = Some(true);
    }
    let settings = EnvironmentSettings { imports: vec!["demo/dev".parse().unwrap()], ..Default::default() };
    let create = Request::CreateEnvironment {
        path: "demo/prod".parse().unwrap(),
        settings,
        create_missing: false,
        adopt_existing: false,
    };
    let (after, events) = decided(state, &batch(9, vec![vec![protected]]));
    assert_eq!(store.commit(state.head(), &events).unwrap(), Commit::Committed);
    let head = after.head();
    let (after, events) = decided(&after, &create);
    assert_eq!(store.commit(head, &events).unwrap(), Commit::Committed);
    // As after kill -9.
    drop(store);
    let store = open(dir.path()).unwrap();
    assert_eq!(store.load(now()).unwrap(), after);
    assert!(verify(&store, &[state.head(), after.head()]).unwrap().is_intact());
    let rows = store.rows_since(0, 100).unwrap();
    assert_eq!(rows.len() as u64, after.head().seq);
    let history = store.history(&"demo/dev".parse().unwrap(), None, None, 100).unwrap();
    assert_eq!(history.iter().filter(|entry| entry.protected).count(), 1, "only the last one is protected");
}

#[test]
fn tables_of_version_1_are_brought_up_to_date_and_nothing_in_them_changes() {
    let dir = TempDir::new().unwrap();
    let state = version_1(&dir);
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
            connection.execute_batch(schema::VERSION_2).unwrap();
        }),
        ("after the transaction", |connection| {
            connection.execute_batch("CHECKPOINT; BEGIN").unwrap();
            connection.execute_batch(schema::VERSION_2).unwrap();
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
    insta::assert_snapshot!(message(&refused, &dir), @"DIR/kontraktor.duckdb has tables of version 1, and this kontraktord reads version 3; nothing was changed. Start this kontraktord once to upgrade the tables, or use the kontraktord that wrote them");
    assert_eq!(fs::read(file(&dir)).unwrap(), before);
}
