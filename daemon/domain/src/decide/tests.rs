//! The rules by example. The helpers are here, with the tests of single items and groups.

mod access;
mod actors;
mod budget;
mod containers;
mod force;
mod imports;
mod memory;
mod protection;
mod references;
mod restore;
mod settings;

use std::sync::Arc;

use jiff::Timestamp;
use kontraktor_model::{names::EnvPath, value::ValueType};
use uuid::Uuid;

use super::{
    super::{
        Author, Batch, BatchOutcome, Code, CreateEnvironment, CreateProject, DeleteEnvironment,
        DeleteProject, Environment, EnvironmentSettings, Event, Expect, ItemOutcome, Operate, Project,
        ProjectSettings, Put, PutContent, Refusal, State, UpdateEnvironment, UpdateProject, WriteItem,
    },
    Command,
};

/// A state that requests are put to, one after the other, an hour apart or less.
struct World {
    state: State,
    events: Vec<Event>,
    now: Timestamp,
}

impl World {
    fn new() -> Self {
        Self {
            state: State::default(),
            events: Vec::new(),
            now: "2026-01-02T03:04:05.678901Z".parse().unwrap(),
        }
    }

    fn ask<C: Command>(&mut self, command: &C) -> Result<C::Outcome, Refusal> {
        let author = Author::new("unix:ada", "test");
        let decision = command.decide(&self.state, &author, self.now)?;
        let mut rebuilt = self.state.clone();
        for event in &decision.events {
            rebuilt.apply(event);
        }
        assert_eq!(rebuilt, decision.state, "the events say all that changed");
        self.state = decision.state;
        self.events.extend(decision.events);
        Ok(decision.outcome)
    }

    fn write(&mut self, groups: Vec<Vec<WriteItem>>) -> BatchOutcome {
        self.batch(Uuid::from_u128(self.events.len() as u128 + 1), groups).unwrap()
    }

    fn batch(&mut self, id: Uuid, groups: Vec<Vec<WriteItem>>) -> Result<BatchOutcome, Refusal> {
        self.ask(&Batch { id, groups })
    }

    fn create_project(&mut self, name: &str) -> Result<Arc<Project>, Refusal> {
        self.ask(&CreateProject {
            name: name.parse().unwrap(),
            settings: ProjectSettings { description: "made".to_owned(), ..ProjectSettings::default() },
            adopt_existing: false,
        })
    }

    fn create_env(&mut self, path: &str, create_missing: bool) -> Result<Arc<Environment>, Refusal> {
        self.ask(&CreateEnvironment {
            path: path.parse().unwrap(),
            settings: EnvironmentSettings {
                description: "made".to_owned(),
                ..EnvironmentSettings::default()
            },
            create_missing,
            adopt_existing: false,
        })
    }

    fn delete_env(&mut self, path: &str) -> Result<(), Refusal> {
        self.ask(&delete_env(path, false))
    }

    fn delete_project(&mut self, name: &str) -> Result<(), Refusal> {
        self.ask(&delete_project(name, false))
    }

    fn env(&self, path: &str) -> &Arc<Environment> {
        self.state.environment(&path.parse().unwrap()).unwrap()
    }

    fn revision(&self, path: &str) -> u64 {
        self.env(path).revision
    }

    /// Sets the imports of an environment, which is created where it does not exist.
    fn import(&mut self, path: &str, imports: &[&str]) -> Result<Arc<Environment>, Refusal> {
        if self.state.environment(&path.parse().unwrap()).is_none() {
            self.create_env(path, true)?;
        }
        self.ask(&update_env(path, |change| change.imports = Some(paths(imports))))
    }

    fn protect_env(&mut self, path: &str, protected: bool) {
        self.ask(&update_env(path, |change| change.protected = Some(protected))).unwrap();
    }

    fn protect_project(&mut self, name: &str, protected: bool) {
        let request = UpdateProject {
            name: name.parse().unwrap(),
            description: None,
            protected: Some(protected),
            expect: None,
        };
        self.ask(&request).unwrap();
    }

    /// Returns the refusal of a request that must be refused, as people read it.
    fn refused(&mut self, command: &impl Command) -> String {
        let events = self.events.len();
        let refusal = self.ask(command).err().expect("it was to be refused");
        assert_eq!(self.events.len(), events);
        describe(&refusal)
    }

    fn value(&self, path: &str, key: &str) -> Option<Arc<str>> {
        let environment = self.state.environment(&path.parse().unwrap())?;
        environment.variables.get(key).map(|variable| variable.value.clone())
    }
}

fn put(path: &str, key: &str, value: &str) -> WriteItem {
    let (project, env) = path.split_once('/').unwrap();
    WriteItem {
        project: project.to_owned(),
        env: env.to_owned(),
        key: key.to_owned(),
        operation: Ok(Operate::Put(Put {
            content: PutContent::Value { value_type: ValueType::String, text: value.to_owned() },
            description: String::new(),
            create_missing: true,
            protected: None,
        })),
        expect: Expect::Nothing,
    }
}

/// What an update is to change.
#[derive(Default)]
struct Change {
    description: Option<String>,
    protected: Option<bool>,
    imports: Option<Vec<EnvPath>>,
    expect: Option<EnvironmentSettings>,
}

fn update_env(path: &str, set: impl FnOnce(&mut Change)) -> UpdateEnvironment {
    let mut change = Change::default();
    set(&mut change);
    let Change { description, protected, imports, expect } = change;
    UpdateEnvironment { path: path.parse().unwrap(), description, protected, imports, expect }
}

fn delete_env(path: &str, force: bool) -> DeleteEnvironment {
    DeleteEnvironment { path: path.parse().unwrap(), force }
}

fn delete_project(name: &str, force: bool) -> DeleteProject {
    DeleteProject { name: name.parse().unwrap(), force }
}

fn paths(names: &[&str]) -> Vec<EnvPath> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn describe(refusal: &Refusal) -> String {
    format!(
        "{:?} {}: {}\n  {}",
        refusal.code,
        refusal.field.as_deref().unwrap_or_default(),
        refusal.message,
        refusal.remedy.as_deref().unwrap_or_default()
    )
}

fn protecting(mut item: WriteItem, protected: bool) -> WriteItem {
    if let Ok(Operate::Put(put)) = &mut item.operation {
        put.protected = Some(protected);
    }
    item
}

fn strict(mut item: WriteItem) -> WriteItem {
    if let Ok(Operate::Put(put)) = &mut item.operation {
        put.create_missing = false;
    }
    item
}

fn typed(mut item: WriteItem, value_type: ValueType) -> WriteItem {
    if let Ok(Operate::Put(Put { content: PutContent::Value { value_type: of, .. }, .. })) =
        &mut item.operation
    {
        *of = value_type;
    }
    item
}

fn delete(path: &str, key: &str) -> WriteItem {
    WriteItem { operation: Ok(Operate::Delete), ..put(path, key, "") }
}

fn expecting(item: WriteItem, expect: Expect) -> WriteItem {
    WriteItem { expect, ..item }
}

/// One line for each item, as in `written 3/4`: the outcome, the key's revision and the environment's.
fn summaries(outcome: &BatchOutcome) -> Vec<String> {
    outcome
        .results
        .iter()
        .map(|result| {
            let kind = match &result.outcome {
                ItemOutcome::Written => "written".to_owned(),
                ItemOutcome::Unchanged => "unchanged".to_owned(),
                ItemOutcome::Deleted => "deleted".to_owned(),
                ItemOutcome::Absent => "absent".to_owned(),
                ItemOutcome::Refused(refusal) => format!("{:?}", refusal.code),
            };
            format!("{kind} {}/{}", result.revision.unwrap_or(0), result.environment_revision.unwrap_or(0))
        })
        .collect()
}

fn refusal(outcome: &BatchOutcome, item: usize) -> &Refusal {
    match &outcome.results[item].outcome {
        ItemOutcome::Refused(refusal) => refusal,
        other => panic!("item {item} was to be refused, and is {other:?}"),
    }
}

#[test]
fn one_request_is_one_revision() {
    let mut world = World::new();
    let outcome =
        world.write(vec![vec![put("p/e", "A", "1")], vec![put("p/e", "B", "2")], vec![put("p/f", "A", "3")]]);
    assert_eq!(summaries(&outcome), ["written 1/1", "written 1/1", "written 1/1"]);
    let outcome =
        world.write(vec![vec![put("p/e", "A", "1")], vec![put("p/e", "B", "3")], vec![delete("p/f", "A")]]);
    assert_eq!(summaries(&outcome), ["unchanged 1/2", "written 2/2", "deleted 2/2"]);
    let outcome = world.write(vec![vec![put("p/e", "A", "1")], vec![delete("p/f", "A")]]);
    assert_eq!(summaries(&outcome), ["unchanged 1/2", "absent 0/2"]);
    assert_eq!((world.revision("p/e"), world.revision("p/f")), (2, 2));
}

#[test]
fn a_group_is_written_whole_or_not_at_all() {
    let mut world = World::new();
    world.write(vec![vec![put("p/e", "A", "1")]]);
    let outcome = world.write(vec![
        vec![put("p/e", "B", "2"), expecting(put("p/e", "A", "2"), Expect::Absent), put("p/new", "A", "1")],
        vec![put("p/e", "C", "3")],
    ]);
    assert_eq!(summaries(&outcome), ["Skipped 0/2", "KeyExists 1/2", "Skipped 0/0", "written 2/2"]);
    assert_eq!(refusal(&outcome, 0).message, "not written, because item 2 of the same group was refused");
    assert_eq!(world.value("p/e", "B"), None);
    assert_eq!(world.state.project(&"p".parse().unwrap()).unwrap().environments.len(), 1);
}

#[test]
fn expectations() {
    let mut world = World::new();
    world.write(vec![vec![put("p/e", "A", "1")], vec![put("p/e", "B", "1")]]);
    let cases = [
        (put("p/e", "A", "2"), Expect::Absent, "KeyExists 1/1", true),
        (put("p/e", "A", "2"), Expect::Revision(2), "Conflict 1/1", true),
        (put("p/e", "C", "2"), Expect::Revision(1), "Conflict 0/1", false),
        (delete("p/e", "C"), Expect::Revision(1), "Conflict 0/1", false),
        (delete("p/e", "A"), Expect::Absent, "KeyExists 1/1", true),
        (delete("p/e", "A"), Expect::Revision(9), "Conflict 1/1", true),
        (delete("p/none", "A"), Expect::Revision(9), "Conflict 0/0", false),
        (delete("p/e", "C"), Expect::Absent, "absent 0/1", false),
        (delete("q/none", "C"), Expect::Nothing, "absent 0/0", false),
    ];
    for (item, expect, wanted, has_current) in cases {
        let outcome = world.write(vec![vec![expecting(item.clone(), expect)]]);
        assert_eq!(summaries(&outcome), [wanted], "{item:?} {expect:?}");
        if let ItemOutcome::Refused(refusal) = &outcome.results[0].outcome {
            assert_eq!(refusal.field.as_deref(), Some("key"));
            assert_eq!(refusal.current.is_some(), has_current);
            if let Some(current) = &refusal.current {
                assert_eq!((&*current.variable.value, current.variable.revision), ("1", 1));
                assert_eq!(
                    (current.environment.to_string(), current.environment_revision),
                    ("p/e".to_owned(), 1)
                );
            }
        }
    }
    let outcome = world.write(vec![
        vec![expecting(put("p/e", "A", "2"), Expect::Revision(1))],
        vec![expecting(delete("p/e", "B"), Expect::Revision(1))],
        vec![expecting(put("p/e", "C", "2"), Expect::Absent)],
    ]);
    assert_eq!(summaries(&outcome), ["written 2/2", "deleted 2/2", "written 2/2"]);
}

#[test]
fn wrong_items_are_refused_alone() {
    let mut world = World::new();
    let long = WriteItem {
        operation: Ok(Operate::Put(Put {
            content: PutContent::Value { value_type: ValueType::String, text: String::new() },
            description: "d".repeat(1025),
            create_missing: true,
            protected: None,
        })),
        ..put("p/e", "A", "")
    };
    let malformed = Refusal::invalid("operation", "the item has no operation");
    let cases = [
        (put("P/e", "A", "1"), Code::Invalid, "project"),
        (put("p/E", "A", "1"), Code::Invalid, "env"),
        (put("p/e", "1A", "1"), Code::Invalid, "key"),
        (put("p/e", "A", &"x".repeat(65_537)), Code::Invalid, "value"),
        (put("p/e", "A", "a\0b"), Code::Invalid, "value"),
        (typed(put("p/e", "A", "ten"), ValueType::Number), Code::Invalid, "value"),
        (long, Code::Invalid, "description"),
        (
            WriteItem { operation: Err(Box::new(malformed)), ..put("p/e", "A", "") },
            Code::Invalid,
            "operation",
        ),
        (strict(put("p/none", "A", "1")), Code::NotFound, "env"),
        (strict(put("q/none", "A", "1")), Code::NotFound, "project"),
    ];
    for (item, code, field) in cases {
        let outcome = world.write(vec![vec![item.clone()], vec![put("p/e", "GOOD", "1")]]);
        let refusal = refusal(&outcome, 0);
        assert_eq!((refusal.code, refusal.field.as_deref()), (code, Some(field)), "{refusal}");
        assert!(outcome.results[1].outcome.is_success(), "{refusal}");
    }
    assert_eq!(world.revision("p/e"), 1, "nothing but the first good item was ever written");
}

#[test]
fn malformed_batches_are_refused_whole() {
    let mut world = World::new();
    let cases = [
        (vec![], "groups"),
        (vec![vec![]], "groups"),
        (vec![vec![put("p/e", "A", "1")], vec![]], "groups"),
        (vec![vec![put("p/e", "A", "1")], vec![delete("p/e", "A")]], "key"),
        (vec![(0..=10_000).map(|i| put("p/e", &format!("K{i}"), "1")).collect()], "groups"),
    ];
    for (groups, field) in cases {
        let refusal = world.batch(Uuid::from_u128(1), groups).unwrap_err();
        assert_eq!((refusal.code, refusal.field.as_deref()), (Code::Invalid, Some(field)), "{refusal}");
    }
    assert!(world.events.is_empty());
    let most = (0..10_000).map(|i| put("p/e", &format!("K{i}"), "1")).collect();
    assert_eq!(world.write(vec![most]).results.len(), 10_000);
    assert_eq!(world.revision("p/e"), 1);
}

#[test]
fn values_are_stored_canonically_and_compared_so() {
    let mut world = World::new();
    world.write(vec![
        vec![typed(put("p/e", "N", "1.50"), ValueType::Number)],
        vec![typed(put("p/e", "J", "{\"b\": 1, \"a\": [ ]}"), ValueType::Json)],
    ]);
    assert_eq!(world.value("p/e", "N").as_deref(), Some("1.5"));
    assert_eq!(world.value("p/e", "J").as_deref(), Some("{\"a\":[],\"b\":1}"));
    let outcome = world.write(vec![
        vec![typed(put("p/e", "N", "15e-1"), ValueType::Number)],
        vec![put("p/e", "J", "{\"a\":[],\"b\":1}")],
    ]);
    assert_eq!(
        summaries(&outcome),
        ["unchanged 1/2", "written 2/2"],
        "another type is another variable content"
    );
}
