//! Which batches are remembered, for how long, and how large their answers grow.

use uuid::Uuid;

use super::{
    super::super::{Code, Expect},
    World, delete, expecting, put, refusal, strict, words,
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
    assert_eq!(words(&first), ["written 1/1", "Conflict 0/1", "absent 0/1"]);
    world.write(vec![vec![put("p/e", "A", "2")], vec![put("p/e", "C", "2")]]);
    let facts = world.facts.len();

    let again = world.batch(id, groups()).unwrap();
    assert_eq!((again.results, again.replayed), (first.results.clone(), true));
    let other = world.batch(id, vec![vec![put("p/e", "A", "1")]]).unwrap_err();
    assert_eq!((other.code, other.field.as_ref()), (Code::BatchMismatch, "batch_id"));

    world.now = world.now.checked_add(jiff::SignedDuration::from_hours(24)).unwrap();
    assert!(world.batch(id, groups()).unwrap().replayed, "24 hours to the microsecond");
    assert_eq!(world.facts.len(), facts);
    world.now = world.now.checked_add(jiff::SignedDuration::from_micros(1)).unwrap();
    let anew = world.batch(id, groups()).unwrap();
    assert_eq!((words(&anew)[0].as_str(), anew.replayed), ("written 3/3", false));
    assert!(world.batch(id, groups()).unwrap().replayed, "the id is remembered anew");
}

#[test]
fn only_batches_that_succeeded_in_something_are_remembered() {
    let mut world = World::new();
    let id = Uuid::from_u128(7);
    let groups = || vec![vec![strict(put("p/e", "A", "1"))]];
    assert_eq!(words(&world.batch(id, groups()).unwrap()), ["NotFound 0/0"]);
    assert!(world.facts.is_empty());
    world.create_env("p/e", true).unwrap();
    assert_eq!(words(&world.batch(id, groups()).unwrap()), ["written 2/2"]);

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
    assert_eq!(world.facts.len(), 4, "project, environment and two variables");
    world.write(vec![vec![put("p/e", "A", "1")], vec![put("p/e", "B", "2")]]);
    assert_eq!(world.facts.len(), 6, "one variable and the record");
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
    assert!(refusal(&outcome, 299).message.ends_with("(its value is left out: too many items were refused)"));
}
