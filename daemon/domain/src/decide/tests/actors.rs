//! Readable names of actors: a row of their own before the first one of an author whose name is new.

use super::*;
use crate::{Access, AccessOperation, Body, Decision, RecordAccesses};

fn named(actor: &str, name: Option<&str>) -> Author {
    Author { display_name: name.map(Into::into), ..Author::new(actor, "test") }
}

fn ask<C: Command>(world: &mut World, author: &Author, command: &C) -> Vec<Event> {
    let Decision { events, state, .. } = command.decide(&world.state, author, world.now).unwrap();
    world.state = state;
    events
}

fn rows(events: &[Event]) -> Vec<String> {
    let row = |event: &Event| {
        let what = match &event.body {
            Body::Actor(actor) => format!("named {}", actor.display_name),
            Body::Variable(variable) => format!("wrote {}", variable.key),
            Body::Access(access) => format!("read {}", access.count),
            other => format!("{other:?}"),
        };
        let batch = event.batch.map(|mark| format!(" in item {:?}", mark.item)).unwrap_or_default();
        format!("{} {what}{batch}", event.actor)
    };
    events.iter().map(row).collect()
}

#[test]
fn a_name_comes_before_the_first_row_and_belongs_to_no_batch() {
    let mut world = World::new();
    world.create_env("p/e", true).unwrap();
    let write = |id, value: &str| Batch {
        id: Uuid::from_u128(id),
        groups: vec![vec![put("p/e", "A", value)], vec![put("p/e", "B", value)]],
    };
    let ada = |name| named("idp:1", name);
    let first = ask(&mut world, &ada(Some("Ada")), &write(1, "1"));
    assert_eq!(
        rows(&first),
        ["idp:1 named Ada", "idp:1 wrote A in item Some(0)", "idp:1 wrote B in item Some(1)"]
    );
    for name in [Some("Ada"), None] {
        let value = format!("{name:?}");
        let next = ask(&mut world, &ada(name), &write(2 + u128::from(name.is_none()), &value));
        assert_eq!(next.len(), 2, "the name is known, or absent: {next:?}");
    }
    // A batch that was done is answered, and nothing changes.
    assert!(ask(&mut world, &ada(Some("Ada Lovelace")), &write(1, "1")).is_empty());
    assert_eq!(world.state.display_names().get("idp:1").map(|name| &**name), Some("Ada"));
    let renamed = ask(&mut world, &ada(Some("Ada Lovelace")), &write(4, "4"));
    assert_eq!(rows(&renamed)[0], "idp:1 named Ada Lovelace");
    let results = world.state.batch(Uuid::from_u128(4), world.now).unwrap().results();
    assert_eq!(results.len(), 2, "a name is no result");
    assert_eq!(world.state.environment(&"p/e".parse().unwrap()).unwrap().revision, 5);
}

#[test]
fn who_is_refused_or_changes_nothing_leaves_no_name() {
    let mut world = World::new();
    world.create_project("p").unwrap();
    let ada = named("idp:1", Some("Ada"));
    let again = CreateProject {
        name: "p".parse().unwrap(),
        settings: ProjectSettings { description: "made".to_owned(), ..ProjectSettings::default() },
        adopt_existing: true,
    };
    assert!(ask(&mut world, &ada, &again).is_empty());
    let refused = CreateProject { adopt_existing: false, ..again };
    assert!(refused.decide(&world.state, &ada, world.now).is_err());
    assert!(world.state.display_names().is_empty());
}

#[test]
fn accesses_bring_the_names_of_their_own_actors() {
    let mut world = World::new();
    let access = Access {
        operation: AccessOperation::Denied,
        action: Some("snapshot.read".into()),
        project: None,
        environment: None,
        key: None,
        reference: None,
        version: None,
        peer: None,
        problem: Some(Code::Denied),
    };
    let (ada, eve) = (named("idp:1", Some("Ada")), named("idp:2", Some("Eve")));
    let accesses =
        [&ada, &eve, &ada, &named("idp:3", None)].map(|author| (author.clone(), access.clone(), 7)).to_vec();
    let record = RecordAccesses { accesses, versions: Vec::new() };
    let events = ask(&mut world, &Author::new("kontraktord", "kontraktord"), &record);
    assert_eq!(
        rows(&events),
        [
            "idp:1 named Ada",
            "idp:1 read 7",
            "idp:2 named Eve",
            "idp:2 read 7",
            "idp:1 read 7",
            "idp:3 read 7"
        ]
    );
    assert_eq!(world.state.display_names().len(), 2);
}
