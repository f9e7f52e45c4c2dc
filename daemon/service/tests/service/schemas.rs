//! JSON Schemas of projects, through the service: only what conforms is written.

use std::sync::Arc;

use kontraktor_domain::{
    AuditSubject, Body, Code, CreateSchema, DeleteProject, DeleteSchema, Expect, ItemOutcome, Operate, Put,
    PutContent, Refusal, Row, SchemaSettings, State, UpdateSchema, VariableSchema, WriteItem,
};
use kontraktor_model::value::ValueType;
use kontraktor_service::{PageRequest, Service};
use kontraktor_store::{AuditQuery, MemoryStore};
use tempfile::TempDir;

use super::{
    drained, duckdb, start,
    world::{World, append, caller, delete, importing, put},
    write,
};

const PORTS: &str = r#"{"type": "integer", "minimum": 1, "maximum": 65535}"#;

fn settings(key_pattern: &str, schema: &str) -> SchemaSettings {
    SchemaSettings { key_pattern: key_pattern.to_owned(), schema: schema.to_owned() }
}

fn creating(project: &str, name: &str, key_pattern: &str, schema: &str) -> CreateSchema {
    CreateSchema {
        project: project.parse().unwrap(),
        name: name.parse().unwrap(),
        settings: settings(key_pattern, schema),
        create_missing: true,
        adopt_existing: false,
    }
}

fn updating(project: &str, name: &str, key_pattern: &str, schema: &str) -> UpdateSchema {
    let (project, name) = (project.parse().unwrap(), name.parse().unwrap());
    UpdateSchema { project, name, settings: settings(key_pattern, schema), expect: None }
}

fn deleting(project: &str, name: &str) -> DeleteSchema {
    DeleteSchema { project: project.parse().unwrap(), name: name.parse().unwrap() }
}

async fn create(service: &Service, command: CreateSchema) -> Result<Arc<VariableSchema>, Refusal> {
    service.create_schema(&caller(), command).await
}

async fn update(service: &Service, command: UpdateSchema) -> Result<Arc<VariableSchema>, Refusal> {
    service.update_schema(&caller(), command).await
}

fn number(path: &str, key: &str, value: &str) -> WriteItem {
    typed(put(path, key, value), ValueType::Number)
}

fn typed(mut item: WriteItem, value_type: ValueType) -> WriteItem {
    let Ok(Operate::Put(Put { content: PutContent::Value { value_type: of, .. }, .. })) = &mut item.operation
    else {
        unreachable!("only values have types")
    };
    *of = value_type;
    item
}

/// Writes one item in a batch of its own.
async fn one(service: &Service, item: WriteItem) -> ItemOutcome {
    write(service, uuid::Uuid::new_v4().as_u128(), vec![item]).await.unwrap().results.remove(0).outcome
}

fn refused(outcome: ItemOutcome) -> Arc<Refusal> {
    match outcome {
        ItemOutcome::Refused(refusal) => refusal,
        other => panic!("refused, not {other:?}"),
    }
}

fn describe(refusal: &Refusal) -> String {
    format!(
        "{:?} {}: {} ({})",
        refusal.code,
        refusal.field.as_deref().unwrap_or_default(),
        refusal.message,
        refusal.remedy.as_deref().unwrap_or_default()
    )
}

#[tokio::test]
async fn a_value_that_breaks_a_schema_is_refused_with_the_schemas_path_and_without_the_value() {
    let service = start(Arc::new(MemoryStore::new()));
    create(&service, creating("infra", "ports", ".*_PORT", PORTS)).await.unwrap();
    let refusal = refused(one(&service, number("infra/dev", "DB_PORT", "70001")).await);
    insta::assert_snapshot!(describe(&refusal), @r#"SchemaViolation value: key "DB_PORT" of environment "infra/dev" violates schema "ports" of project "infra": /maximum: must be at most 65535 (write a value that conforms, or change the schema first)"#);
    let violation = refusal.violation.as_deref().unwrap();
    assert_eq!(
        (&*violation.schema, &*violation.schema_path, &*violation.value_path),
        ("ports", "/maximum", "")
    );

    let text = refused(one(&service, put("infra/dev", "DB_PORT", "5432")).await);
    assert!(
        text.message.ends_with("/type: must be of type integer"),
        "a string is no number: {}",
        text.message
    );
    assert_eq!(one(&service, number("infra/dev", "DB_PORT", "5432")).await, ItemOutcome::Written);
    assert_eq!(one(&service, put("infra/dev", "DB_PORTS", "any")).await, ItemOutcome::Written, "another key");
    assert_eq!(
        one(&service, put("other/dev", "DB_PORT", "any")).await,
        ItemOutcome::Written,
        "another project"
    );

    let nested = r#"{"properties": {"db": {"required": ["host"]}}}"#;
    create(&service, creating("infra", "config", "CONFIG", nested)).await.unwrap();
    let item = typed(put("infra/dev", "CONFIG", r#"{"db": {"password": "hunter2"}}"#), ValueType::Json);
    let refusal = refused(one(&service, item).await);
    assert!(!format!("{refusal:?}").contains("hunter2"));
    insta::assert_snapshot!(refusal.message, @r#"key "CONFIG" of environment "infra/dev" violates schema "config" of project "infra": /properties/db/required: must have the property "host" (at /db of the value)"#);
    drained(&service).await;
}

#[tokio::test]
async fn all_schemas_that_match_must_agree_and_only_a_conflict_comes_before() {
    let service = start(Arc::new(MemoryStore::new()));
    create(&service, creating("infra", "a", ".*", r#"{"minLength": 2}"#)).await.unwrap();
    create(&service, creating("infra", "b", "K.*", r#"{"maxLength": 3}"#)).await.unwrap();
    assert_eq!(one(&service, put("infra/dev", "K", "abc")).await, ItemOutcome::Written);
    assert!(refused(one(&service, put("infra/dev", "K", "a")).await).message.contains("schema \"a\""));
    assert!(refused(one(&service, put("infra/dev", "K", "abcd")).await).message.contains("schema \"b\""));
    let expecting = WriteItem { expect: Expect::Absent, ..put("infra/dev", "K", "abcd") };
    assert_eq!(refused(one(&service, expecting).await).code, Code::KeyExists);
    assert_eq!(
        one(&service, delete("infra/dev", "K")).await,
        ItemOutcome::Deleted,
        "deleting breaks no schema"
    );
    drained(&service).await;
}

#[tokio::test]
async fn a_group_with_one_bad_value_writes_nothing_and_a_replay_answers_the_same() {
    let dir = TempDir::new().unwrap();
    let service = start(duckdb(dir.path()));
    create(&service, creating("infra", "ports", "PORT", PORTS)).await.unwrap();
    let items = || vec![put("infra/dev", "NAME", "x"), number("infra/dev", "PORT", "0")];
    let first = write(&service, 7, items()).await.unwrap();
    assert_eq!(first.results[0].outcome, ItemOutcome::Written);
    assert_eq!(refused(first.results[1].outcome.clone()).code, Code::SchemaViolation);
    drained(&service).await;
    drop(service);
    let service = start(duckdb(dir.path()));
    let again = write(&service, 7, items()).await.unwrap();
    assert!(again.replayed);
    assert_eq!(again.results, first.results, "where the schema is broken is remembered too");
    let group = kontraktor_domain::Batch {
        id: uuid::Uuid::from_u128(8),
        groups: vec![vec![put("infra/dev", "NAME", "y"), number("infra/dev", "PORT", "0")]],
    };
    let together = super::submit(&service, group).await.unwrap();
    let codes: Vec<Code> =
        together.results.iter().map(|result| refused(result.outcome.clone()).code).collect();
    assert_eq!(codes, [Code::Skipped, Code::SchemaViolation]);
    drained(&service).await;
}

#[tokio::test]
async fn a_schema_that_variables_violate_is_refused_with_their_names() {
    let service = start(Arc::new(MemoryStore::new()));
    let items = (0..25).map(|i| put("infra/dev", &format!("N{i:02}_PORT"), "x")).collect();
    write(&service, 1, items).await.unwrap();
    write(&service, 2, vec![number("infra/prod", "DB_PORT", "0"), number("infra/prod", "OK_PORT", "1")])
        .await
        .unwrap();
    let refusal = create(&service, creating("infra", "ports", ".*_PORT", PORTS)).await.unwrap_err();
    assert_eq!(refusal.violation.as_ref().unwrap().schema_path, "/type");
    insta::assert_snapshot!(describe(&refusal), @r#"SchemaViolation schema: 26 variables of project "infra" violate schema "ports": dev/N00_PORT, dev/N01_PORT, dev/N02_PORT, dev/N03_PORT, dev/N04_PORT, dev/N05_PORT, dev/N06_PORT, dev/N07_PORT, dev/N08_PORT, dev/N09_PORT, dev/N10_PORT, dev/N11_PORT, dev/N12_PORT, dev/N13_PORT, dev/N14_PORT, dev/N15_PORT, dev/N16_PORT, dev/N17_PORT, dev/N18_PORT, dev/N19_PORT and 6 more; dev/N00_PORT violates /type: must be of type integer (change these values first, or change the schema to allow them)"#);
    let one_only = create(&service, creating("infra", "ports", "DB_PORT", PORTS)).await.unwrap_err();
    insta::assert_snapshot!(one_only, @r#"1 variable of project "infra" violates schema "ports": prod/DB_PORT; prod/DB_PORT violates /minimum: must be at least 1"#);

    create(&service, creating("infra", "ports", "OK_PORT", PORTS)).await.unwrap();
    let wider = update(&service, updating("infra", "ports", ".*_PORT", PORTS)).await.unwrap_err();
    assert_eq!(wider.code, Code::SchemaViolation);
    let current = service.schema(&caller(), &"infra".parse().unwrap(), &"ports".parse().unwrap()).unwrap();
    assert_eq!(&*current.key_pattern, "OK_PORT", "a refused change changes nothing");
    drained(&service).await;
}

#[tokio::test]
async fn schemas_are_created_adopted_changed_and_deleted() {
    let service = start(Arc::new(MemoryStore::new()));
    let strict = |project: &str| CreateSchema {
        create_missing: false,
        adopt_existing: true,
        ..creating(project, "ports", "PORT", PORTS)
    };
    let missing = create(&service, strict("infra")).await.unwrap_err();
    assert_eq!((missing.code, missing.field.as_deref()), (Code::NotFound, Some("project")));
    create(&service, creating("infra", "ports", "PORT", "true")).await.unwrap();
    assert!(service.project(&caller(), &"infra".parse().unwrap()).unwrap().implicit, "made on the way");
    let exists = create(&service, creating("infra", "ports", "PORT", PORTS)).await.unwrap_err();
    insta::assert_snapshot!(describe(&exists), @r#"AlreadyExists name: schema "ports" already exists in project "infra" (import it, or choose another name)"#);
    assert_eq!(&*create(&service, strict("infra")).await.unwrap().schema, PORTS);

    let head = service.state(&caller()).unwrap().head();
    create(&service, strict("infra")).await.unwrap();
    update(&service, updating("infra", "ports", "PORT", PORTS)).await.unwrap();
    assert_eq!(service.state(&caller()).unwrap().head(), head, "what is as asked appends nothing");

    let expecting = |expect: SchemaSettings| {
        let (project, name) = ("infra".parse().unwrap(), "ports".parse().unwrap());
        UpdateSchema { project, name, settings: settings("PORT", "false"), expect: Some(expect) }
    };
    let conflict = update(&service, expecting(settings("PORT", "true"))).await.unwrap_err();
    assert_eq!((conflict.code, conflict.field.as_deref()), (Code::Conflict, Some("name")));
    insta::assert_snapshot!(conflict, @r#"schema "ports" of project "infra" differs from the expected settings; it was last changed by unix:ada through test at 2026-01-02T03:04:05.678901Z"#);
    update(&service, expecting(settings("PORT", PORTS))).await.unwrap();
    assert_eq!(refused(one(&service, number("infra/dev", "PORT", "1")).await).code, Code::SchemaViolation);

    service.delete_schema(&caller(), deleting("infra", "ports")).await.unwrap();
    assert_eq!(one(&service, put("infra/dev", "PORT", "now anything")).await, ItemOutcome::Written);
    let gone = service.delete_schema(&caller(), deleting("infra", "ports")).await.unwrap_err();
    insta::assert_snapshot!(describe(&gone), @r#"NotFound name: schema "ports" does not exist in project "infra" (check the name, or create the schema first)"#);
    drained(&service).await;
}

#[tokio::test]
async fn a_project_has_at_most_256_schemas() {
    let service = start(Arc::new(MemoryStore::new()));
    for number in 0..256 {
        create(&service, creating("infra", &format!("s{number}"), "K", "true")).await.unwrap();
    }
    let refusal = create(&service, creating("infra", "more", "K", "true")).await.unwrap_err();
    insta::assert_snapshot!(describe(&refusal), @r#"Invalid name: project "infra" has 256 schemas; the limit is 256 (delete one, or combine schemas)"#);
    drained(&service).await;
}

#[tokio::test]
async fn schemas_outlive_a_restart_and_are_in_the_log() {
    let dir = TempDir::new().unwrap();
    let service = start(duckdb(dir.path()));
    create(&service, creating("infra", "ports", "PORT", PORTS)).await.unwrap();
    create(&service, creating("infra", "gone", "PORT", "false")).await.unwrap();
    update(&service, updating("infra", "ports", "PORT", "{\"maximum\": 9}")).await.unwrap();
    service.delete_schema(&caller(), deleting("infra", "gone")).await.unwrap();
    let before = service.state(&caller()).unwrap();
    drained(&service).await;
    drop(service);

    let service = start(duckdb(dir.path()));
    assert_eq!(*service.state(&caller()).unwrap(), *before);
    assert_eq!(refused(one(&service, number("infra/dev", "PORT", "10")).await).code, Code::SchemaViolation);
    assert_eq!(one(&service, number("infra/dev", "PORT", "9")).await, ItemOutcome::Written);
    let page = service.schemas(&caller(), &"infra".parse().unwrap(), &PageRequest::default()).unwrap();
    assert_eq!(page.items.iter().map(|schema| schema.name.to_string()).collect::<Vec<_>>(), ["ports"]);

    let log = service.audit(&caller(), AuditQuery::default(), &PageRequest::default()).await.unwrap();
    let entries: Vec<String> = log
        .items
        .iter()
        .rev()
        .filter_map(|named| {
            let entry = &named.entry;
            let AuditSubject::Schema(schema) = &entry.subject else { return None };
            let text = entry.new_value().unwrap_or("");
            Some(format!("{}: {} {text:?}", entry.operation(), schema.name))
        })
        .collect();
    assert_eq!(
        entries,
        [
            format!("schema created: ports {PORTS:?}"),
            "schema created: gone \"false\"".to_owned(),
            "schema updated: ports \"{\\\"maximum\\\": 9}\"".to_owned(),
            "schema deleted: gone \"\"".to_owned(),
        ]
    );
    assert!(service.verify(&caller(), None).await.unwrap().is_intact());
    drained(&service).await;
}

/// A newer library may refuse what an older one took.
#[tokio::test]
async fn a_stored_schema_that_no_longer_compiles_stops_writes_to_its_keys_and_nothing_else() {
    let store = Arc::new(MemoryStore::new());
    let mut world = World::new(State::default());
    let (mut events, _) = world.ask(&creating("infra", "old", "PORT", "{}")).unwrap();
    let before = events[0].hash;
    let Body::Schema(schema) = &mut events[1].body else { panic!("{:?}", events[1]) };
    schema.schema = r#"{"type": "whole"}"#.into();
    events[1].hash = Row::from(&events[1]).hash_after(&before);
    append(&*store, &events);

    let service = start(store);
    assert_eq!(one(&service, put("infra/dev", "NAME", "x")).await, ItemOutcome::Written);
    let refusal = refused(one(&service, number("infra/dev", "PORT", "1")).await);
    insta::assert_snapshot!(describe(&refusal), @r#"SchemaViolation value: key "PORT" of environment "infra/dev" cannot be checked, because this daemon cannot use schema "old" of project "infra" (invalid schema at /type: must be one of array, boolean, integer, null, number, object, string, or a list of them) (update or delete that schema, then write again)"#);
    update(&service, updating("infra", "old", "PORT", PORTS)).await.unwrap();
    assert_eq!(one(&service, number("infra/dev", "PORT", "2")).await, ItemOutcome::Written);
    drained(&service).await;
}

#[tokio::test]
async fn imported_values_are_not_checked_by_the_importers_schemas() {
    let service = start(Arc::new(MemoryStore::new()));
    write(&service, 1, vec![put("shared/base", "PORT", "none"), put("app/dev", "OWN", "1")]).await.unwrap();
    create(&service, creating("app", "ports", "PORT", PORTS)).await.unwrap();
    service.update_environment(&caller(), importing("app/dev", &["shared/base"])).await.unwrap();
    let snapshot = service.snapshot(&caller(), &"app/dev".parse().unwrap(), false).unwrap();
    assert_eq!(&*snapshot.variables("PORT")[0].variable.value, "none");
    assert_eq!(one(&service, put("shared/base", "PORT", "still none")).await, ItemOutcome::Written);
    assert_eq!(refused(one(&service, put("app/dev", "PORT", "none")).await).code, Code::SchemaViolation);
    drained(&service).await;
}

#[tokio::test]
async fn going_back_to_what_a_schema_no_longer_allows_is_refused() {
    let service = start(Arc::new(MemoryStore::new()));
    one(&service, number("infra/dev", "PORT", "0")).await;
    one(&service, number("infra/dev", "PORT", "80")).await;
    create(&service, creating("infra", "ports", "PORT", PORTS)).await.unwrap();
    let refusal = service.rollback(&caller(), "infra/dev".parse().unwrap(), 1, None).await.unwrap_err();
    assert_eq!(refusal.code, Code::SchemaViolation);
    insta::assert_snapshot!(refusal, @r#"revision 1 of environment "infra/dev" cannot be restored: key "PORT" of environment "infra/dev" violates schema "ports" of project "infra": /minimum: must be at least 1"#);
    drained(&service).await;
}

#[tokio::test]
async fn a_project_with_schemas_is_deleted_with_them_only_by_force() {
    let service = start(Arc::new(MemoryStore::new()));
    create(&service, creating("infra", "ports", "PORT", PORTS)).await.unwrap();
    let name = || "infra".parse().unwrap();
    let kept =
        service.delete_project(&caller(), DeleteProject { name: name(), force: false }).await.unwrap_err();
    assert_eq!(kept.code, Code::NotEmpty);
    service.delete_project(&caller(), DeleteProject { name: name(), force: true }).await.unwrap();
    assert_eq!(one(&service, put("infra/dev", "PORT", "free")).await, ItemOutcome::Written);
    drained(&service).await;
}

/// On the writer's own stack, as deep as schemas and values go.
#[tokio::test]
async fn the_writer_survives_the_deepest_schema_and_a_schema_that_asks_for_ages() {
    let service = start(Arc::new(MemoryStore::new()));
    let defs: Vec<String> =
        (0..61).map(|i| format!(r##""a{i}": {{"anyOf": [{{"$ref": "#/$defs/a{}"}}]}}"##, i + 1)).collect();
    let deep = |levels: usize| {
        let last = r##"{"properties": {"x": {"$ref": "#/$defs/a0"}}, "not": {"const": 1}}"##;
        format!(
            r##"{{"$defs": {{{}, "a{levels}": {last}}}, "$ref": "#/$defs/a0"}}"##,
            defs[..levels].join(",")
        )
    };
    create(&service, creating("infra", "deep", "DEEP", &deep(30))).await.unwrap();
    let value = format!("{}1{}", "{\"x\":".repeat(127), "}".repeat(127));
    let refusal = refused(one(&service, typed(put("infra/dev", "DEEP", &value), ValueType::Json)).await);
    assert_eq!(refusal.violation.as_ref().unwrap().schema_path, "/$defs/a0/anyOf");
    let deeper = create(&service, creating("infra", "deeper", "DEEP", &deep(61))).await.unwrap_err();
    assert!(deeper.message.contains("more than 64 subschemas"), "{deeper}");

    let doubling: Vec<String> = (0..25)
        .map(|i| {
            format!(
                r##""a{i}": {{"allOf": [{{"$ref": "#/$defs/a{n}"}}, {{"$ref": "#/$defs/a{n}"}}]}}"##,
                n = i + 1
            )
        })
        .collect();
    let ages = format!(r##"{{"$defs": {{{}, "a25": true}}, "$ref": "#/$defs/a0"}}"##, doubling.join(","));
    let refusal = create(&service, creating("infra", "ages", "K", &ages)).await.unwrap_err();
    insta::assert_snapshot!(describe(&refusal), @"Invalid schema: invalid schema: checking a single value may take 134217726 steps, more than the limit of 1000000; use fewer references between subschemas, and fewer repetitions in patterns (correct the schema)");
    assert_eq!(one(&service, put("infra/dev", "K", "v")).await, ItemOutcome::Written);
    drained(&service).await;
}

#[test]
fn a_schema_is_an_outcome_with_its_author() {
    let mut world = World::new(State::default());
    let (events, schema) = world.ask(&creating("infra", "ports", "PORT", PORTS)).unwrap();
    assert_eq!((&*schema.changed.actor, &*schema.changed.via), ("unix:ada", "test"));
    let mut rebuilt = State::default();
    for event in &events {
        rebuilt.apply(event);
    }
    assert_eq!(rebuilt, world.state, "the events say all that changed");
}
