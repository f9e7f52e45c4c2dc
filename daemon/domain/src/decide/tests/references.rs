//! Secret references as what a key holds, and what is written down of secrets.

use super::*;
use crate::{
    Access, AccessOperation, Body, CreateSchema, RecordAccesses, ReportedVersion, SchemaSettings,
    VariableKind,
};

fn refer(path: &str, key: &str, reference: &str) -> WriteItem {
    let mut item = put(path, key, "");
    if let Ok(Operate::Put(put)) = &mut item.operation {
        put.content = PutContent::Reference(reference.to_owned());
    }
    item
}

fn reported(reference: &str, version: &str) -> RecordAccesses {
    let author = Author::new("unix:eve", "ktr");
    let access = Access {
        operation: AccessOperation::Read,
        action: None,
        project: None,
        environment: Some("p/e".parse().unwrap()),
        key: Some("S".parse().unwrap()),
        reference: Some(reference.into()),
        version: Some(version.into()),
        peer: Some("pid:7".into()),
        problem: None,
    };
    let reported = ReportedVersion {
        author: author.clone(),
        environment: "p/e".parse().unwrap(),
        key: "S".parse().unwrap(),
        reference: reference.into(),
        version: version.into(),
    };
    RecordAccesses { accesses: vec![(author, access, 3)], versions: vec![reported] }
}

fn environment(world: &World) -> Arc<Environment> {
    Arc::clone(world.state.environment(&"p/e".parse().unwrap()).unwrap())
}

#[test]
fn a_reference_is_kept_in_its_one_spelling() {
    let mut world = World::new();
    world.write(vec![vec![refer("p/e", "S", "vault://team/secret/a%62c#pass%77ord")]]);
    let environment = environment(&world);
    let variable = environment.variables.get("S").unwrap();
    assert_eq!(
        (&*variable.value, variable.kind),
        ("vault://team/secret/abc#password", VariableKind::Reference)
    );
    let again = world.write(vec![vec![refer("p/e", "S", "vault://team/secret/abc#password")]]);
    assert_eq!(again.results[0].outcome, ItemOutcome::Unchanged);
}

#[test]
fn variables_and_references_are_counted_apart() {
    let mut world = World::new();
    let reference = "vault://team/secret/abc#password";
    world.write(vec![vec![refer("p/e", "S", reference), put("p/e", "A", "1"), put("p/e", "B", "1")]]);
    world.write(vec![vec![refer("p/e", "S", "vault://team/secret/abc#other"), put("p/e", "A", "2")]]);
    assert_eq!((world.state.variable_count(), world.state.reference_count()), (2, 1));
    world.write(vec![vec![delete("p/e", "S"), delete("p/e", "A"), delete("p/e", "NEVER")]]);
    assert_eq!((world.state.variable_count(), world.state.reference_count()), (1, 0));
}

#[test]
fn what_is_no_reference_is_refused_and_not_repeated() {
    let mut world = World::new();
    let results = world.write(vec![vec![refer("p/e", "S", "postgres://u:hunter2@db")]]);
    let ItemOutcome::Refused(refusal) = &results.results[0].outcome else { panic!("{results:?}") };
    assert_eq!((refusal.code, refusal.field.as_deref()), (Code::InvalidReference, Some("reference")));
    assert!(!format!("{refusal:?}").contains("hunter2"));
}

#[test]
fn a_key_holds_the_one_or_the_other() {
    let mut world = World::new();
    world.write(vec![vec![put("p/e", "V", "1")], vec![refer("p/e", "S", "azure-kv://kv/name")]]);
    let results =
        world.write(vec![vec![refer("p/e", "V", "azure-kv://kv/name")], vec![put("p/e", "S", "1")]]);
    let refusals: Vec<String> = results
        .results
        .iter()
        .map(|result| match &result.outcome {
            ItemOutcome::Refused(refusal) => {
                format!("{:?}: {refusal} ({})", refusal.code, refusal.remedy.as_deref().unwrap_or_default())
            }
            other => panic!("{other:?}"),
        })
        .collect();
    insta::assert_snapshot!(refusals.join("\n"), @r#"
    KeyExists: key "V" of environment "p/e" is a plain variable, and cannot become a secret reference (delete it first, or choose another key)
    KeyExists: key "S" of environment "p/e" is a secret reference, and cannot become a plain variable (delete it first, or choose another key)
    "#);
    assert_eq!(world.write(vec![vec![delete("p/e", "S")]]).results[0].outcome, ItemOutcome::Deleted);
    assert_eq!(world.write(vec![vec![put("p/e", "S", "1")]]).results[0].outcome, ItemOutcome::Written);
}

#[test]
fn a_version_is_written_down_when_it_is_news_and_moves_no_revision() {
    let mut world = World::new();
    world.write(vec![vec![refer("p/e", "S", "azure-kv://kv/name")]]);
    let before = environment(&world);
    let mut rows = |request: &RecordAccesses| {
        let before = world.events.len();
        world.ask(request).unwrap();
        let kinds: Vec<_> = world.events[before..]
            .iter()
            .map(|event| (event.actor.to_string(), event.body.clone()))
            .collect();
        assert!(kinds.iter().all(|(actor, _)| actor == "unix:eve"), "those who asked are named");
        kinds.into_iter().filter(|(_, body)| matches!(body, Body::Version(_))).count()
    };
    assert_eq!(rows(&reported("azure-kv://kv/name", "1")), 1);
    assert_eq!(rows(&reported("azure-kv://kv/name", "1")), 0, "known already");
    assert_eq!(rows(&reported("azure-kv://kv/other", "2")), 0, "of another reference");
    assert_eq!(rows(&reported("azure-kv://kv/name", "2")), 1);
    let after = environment(&world);
    assert_eq!((after.revision, after.last), (before.revision, before.last));
    assert_ne!(after.version(), before.version(), "readers see another lockfile");
    let seen = after.seen_version(after.variables.get("S").unwrap()).unwrap();
    assert_eq!((&*seen.version, &*seen.reference), ("2", "azure-kv://kv/name"));

    world.write(vec![vec![refer("p/e", "S", "azure-kv://kv/other")]]);
    let changed = environment(&world);
    assert_eq!(
        changed.seen_version(changed.variables.get("S").unwrap()),
        None,
        "that one was never resolved"
    );
}

#[test]
fn schemas_are_for_values_and_pass_references_by() {
    let mut world = World::new();
    world.write(vec![vec![refer("p/e", "PORT", "azure-kv://kv/name")]]);
    world
        .ask(&CreateSchema {
            project: "p".parse().unwrap(),
            name: "ports".parse().unwrap(),
            settings: SchemaSettings {
                key_pattern: "PORT.*".to_owned(),
                schema: r#"{"type":"number"}"#.to_owned(),
            },
            create_missing: false,
            adopt_existing: false,
        })
        .unwrap();
    let results = world.write(vec![vec![refer("p/e", "PORT_2", "azure-kv://kv/name")]]);
    assert_eq!(results.results[0].outcome, ItemOutcome::Written);
}
