//! Which batches are remembered, for how long, and how large their answers grow.

use uuid::Uuid;

use super::{
    super::super::{Code, CreateSchema, Expect, SchemaSettings},
    World, delete, expecting, protecting, put, refusal, strict, summaries,
};

#[test]
fn batches_are_remembered_for_a_day() {
    let mut world = World::new();
    let id = Uuid::from_u128(7);
    let groups = || {
        vec![
            vec![put("p/e", "A", "1")],
            vec![expecting(put("p/e", "B", "1"), Expect::Revision(3))],
            vec![delete("p/e", "C")],
        ]
    };
    let first = world.batch(id, groups()).unwrap();
    assert_eq!(summaries(&first), ["written 1/1", "Conflict 0/1", "absent 0/1"]);
    world.write(vec![vec![put("p/e", "A", "2")], vec![put("p/e", "C", "2")]]);
    let events = world.events.len();

    let again = world.batch(id, groups()).unwrap();
    assert_eq!((again.results, again.replayed), (first.results.clone(), true));
    let other = world.batch(id, vec![vec![put("p/e", "A", "1")]]).unwrap_err();
    assert_eq!((other.code, other.field.as_deref()), (Code::BatchMismatch, Some("batch_id")));

    world.now = world.now.checked_add(jiff::SignedDuration::from_hours(24)).unwrap();
    assert!(world.batch(id, groups()).unwrap().replayed, "24 hours to the microsecond");
    assert_eq!(world.events.len(), events);
    world.now = world.now.checked_add(jiff::SignedDuration::from_micros(1)).unwrap();
    let anew = world.batch(id, groups()).unwrap();
    assert_eq!((summaries(&anew)[0].as_str(), anew.replayed), ("written 3/3", false));
    assert!(world.batch(id, groups()).unwrap().replayed, "the id is remembered anew");
}

#[test]
fn only_batches_that_succeeded_in_something_are_remembered() {
    let mut world = World::new();
    let id = Uuid::from_u128(7);
    let groups = || vec![vec![strict(put("p/e", "A", "1"))]];
    assert_eq!(summaries(&world.batch(id, groups()).unwrap()), ["NotFound 0/0"]);
    assert!(world.events.is_empty());
    world.create_env("p/e", true).unwrap();
    assert_eq!(summaries(&world.batch(id, groups()).unwrap()), ["written 2/2"]);

    let id = Uuid::from_u128(8);
    let unchanged = world.batch(id, groups()).unwrap();
    world.write(vec![vec![put("p/e", "A", "other")]]);
    let again = world.batch(id, groups()).unwrap();
    assert_eq!((again.results, again.replayed), (unchanged.results, true), "it must not write now");
}

#[test]
fn a_batch_of_writes_alone_needs_no_record() {
    let mut world = World::new();
    world.write(vec![vec![put("p/e", "A", "1")], vec![put("p/e", "B", "1")]]);
    assert_eq!(world.events.len(), 4, "project, environment and two variables");
    world.write(vec![vec![put("p/e", "A", "1")], vec![put("p/e", "B", "2")]]);
    assert_eq!(world.events.len(), 6, "one variable and the record");
}

#[test]
fn the_answer_to_a_batch_of_conflicts_is_bounded() {
    let mut world = World::new();
    let big = "x".repeat(65_536);
    let keys: Vec<String> = (0..300).map(|i| format!("K{i}")).collect();
    world.write(vec![keys.iter().map(|key| put("p/e", key, &big)).collect()]);
    let outcome =
        world.write(keys.iter().map(|key| vec![expecting(put("p/e", key, "1"), Expect::Absent)]).collect());
    let with_value = (0..300).filter(|item| refusal(&outcome, *item).current.is_some()).count();
    assert_eq!(with_value, 256, "16 MiB of 64 KiB each");
    assert!(
        refusal(&outcome, 299)
            .message
            .ends_with("(its value is omitted, because too many items were refused)")
    );
}

#[test]
fn a_batch_with_other_protection_is_another_batch() {
    let mut world = World::new();
    let id = Uuid::from_u128(7);
    world.batch(id, vec![vec![put("p/e", "A", "1")]]).unwrap();
    assert!(world.batch(id, vec![vec![put("p/e", "A", "1")]]).unwrap().replayed);
    for protected in [true, false] {
        let other = world.batch(id, vec![vec![protecting(put("p/e", "A", "1"), protected)]]).unwrap_err();
        assert_eq!(other.code, Code::BatchMismatch);
    }
}

/// Every kind of refusal that an item may meet comes back with all it said, also from the log.
#[test]
fn refusals_are_repeated_word_for_word() {
    let mut world = World::new();
    world.write(vec![vec![protecting(put("p/e", "KEPT", "1"), true), put("p/e", "A", "1")]]);
    let settings = SchemaSettings { key_pattern: "PORT".to_owned(), schema: r#"{"maxLength":3}"#.to_owned() };
    world
        .ask(&CreateSchema {
            project: "p".parse().unwrap(),
            name: "ports".parse().unwrap(),
            settings,
            create_missing: false,
            adopt_existing: false,
        })
        .unwrap();
    let id = Uuid::from_u128(7);
    let groups = || {
        vec![
            vec![delete("p/e", "KEPT")],
            vec![put("p/e", "PORT", "65536")],
            vec![expecting(put("p/e", "A", "2"), Expect::Absent), put("p/e", "B", "1")],
            vec![put("p/e", "C", "1")],
        ]
    };
    let first = world.batch(id, groups()).unwrap();
    assert_eq!(
        summaries(&first),
        ["Protected 1/2", "SchemaViolation 0/2", "KeyExists 1/2", "Skipped 0/2", "written 2/2"]
    );
    assert_eq!(refusal(&first, 1).violation.as_deref().unwrap().schema, "ports");
    let mut reread = super::super::super::State::default();
    for event in &world.events {
        let paths = |_| Some("p/e".parse().unwrap());
        reread.apply(&super::super::super::Row::from(event).to_event(paths).unwrap());
    }
    world.state = reread;
    let again = world.batch(id, groups()).unwrap();
    assert_eq!((again.results, again.replayed), (first.results, true));
}
