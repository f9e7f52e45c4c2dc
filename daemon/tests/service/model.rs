//! Any sequence of requests, against a model that is too simple to be wrong in the same way.

use std::collections::BTreeMap;

use kontraktord::domain::{
    Expect, Fact, Head, ItemOutcome, Operate, Outcome, Request, Row, State, WriteItem,
};
use kontraktord::store::{Store, verify};
use proptest::{collection::vec, prelude::*, sample::select};
use tempfile::TempDir;

use super::{
    duckdb,
    world::{World, batch, put},
};

/// An environment: whether it was asked for, its revision, and its variables with value and revision.
#[derive(Debug, Clone, Default, PartialEq)]
struct Env {
    explicit: bool,
    revision: u64,
    variables: BTreeMap<String, (String, u64)>,
}

#[derive(Debug, Clone, Default)]
struct Model {
    /// Whether each was asked for.
    projects: BTreeMap<String, bool>,
    envs: BTreeMap<String, Env>,
    /// The last revisions of those that are gone.
    gone: BTreeMap<String, u64>,
}

fn project_of(path: &str) -> String {
    path.split('/').next().unwrap().to_owned()
}

impl Model {
    fn create(&mut self, path: &str) -> &mut Env {
        self.projects.entry(project_of(path)).or_insert(false);
        let before = self.gone.remove(path).unwrap_or(0);
        self.envs.entry(path.to_owned()).or_insert(Env { revision: before, ..Env::default() })
    }

    fn remove(&mut self, path: &str) {
        if let Some(env) = self.envs.remove(path) {
            self.gone.insert(path.to_owned(), env.revision + 1);
        }
    }

    /// Whether a request that is not a batch is done.
    fn ask(&mut self, command: &Command) -> bool {
        match command {
            Command::CreateProject(name) => self.projects.insert((*name).to_owned(), true) != Some(true),
            Command::UpdateProject(name) => match self.projects.get_mut(*name) {
                Some(explicit) => {
                    *explicit = true;
                    true
                }
                None => false,
            },
            Command::DeleteProject(name) => {
                let inside: Vec<String> =
                    self.envs.keys().filter(|path| project_of(path) == *name).cloned().collect();
                let empty = |path: &String| !self.envs[path].explicit && self.envs[path].variables.is_empty();
                if !self.projects.contains_key(*name) || !inside.iter().all(empty) {
                    return false;
                }
                for path in &inside {
                    self.remove(path);
                }
                self.projects.remove(*name);
                true
            }
            Command::CreateEnv(path, create_missing) => {
                let exists = self.envs.get(*path).is_some_and(|env| env.explicit);
                if exists || (!create_missing && !self.projects.contains_key(&project_of(path))) {
                    return false;
                }
                let env = self.create(path);
                env.explicit = true;
                env.revision += 1;
                true
            }
            Command::UpdateEnv(path) => match self.envs.get_mut(*path) {
                Some(env) => {
                    // The description stays the one that creation gave.
                    env.revision += u64::from(!env.explicit);
                    env.explicit = true;
                    true
                }
                None => false,
            },
            Command::DeleteEnv(path) => {
                let empty = self.envs.get(*path).is_some_and(|env| env.variables.is_empty());
                if empty {
                    self.remove(path);
                }
                empty
            }
            Command::Write(_) => unreachable!("batches are asked for elsewhere"),
        }
    }

    /// The kinds of results of a batch.
    fn write(&mut self, groups: &[Vec<Item>]) -> Vec<&'static str> {
        let mut kinds = Vec::new();
        let mut changed: BTreeMap<String, u64> = BTreeMap::new();
        for group in groups {
            let mut after = self.clone();
            let mut changed_after = changed.clone();
            let results: Vec<&'static str> =
                group.iter().map(|item| after.write_item(item, self, &mut changed_after)).collect();
            if results.contains(&"refused") {
                kinds.extend(results.iter().map(|_| "refused"));
            } else {
                kinds.extend(results);
                *self = after;
                changed = changed_after;
            }
        }
        for (path, revision) in changed {
            self.envs.get_mut(&path).unwrap().revision = revision;
        }
        kinds
    }

    /// `before` is what stood before the group.
    fn write_item(
        &mut self,
        item: &Item,
        before: &Model,
        changed: &mut BTreeMap<String, u64>,
    ) -> &'static str {
        let current = before.envs.get(item.path).and_then(|env| env.variables.get(item.key)).cloned();
        let exists = self.envs.contains_key(item.path);
        if item.value.is_some() && !exists && !item.create_missing {
            return "refused";
        }
        let met = match item.expect {
            Expect::Nothing => true,
            Expect::Absent => current.is_none(),
            Expect::Revision(revision) => current.as_ref().is_some_and(|found| found.1 == revision),
        };
        match (item.value, &current) {
            _ if !met => "refused",
            (Some(value), Some(found)) if found.0 == value => "unchanged",
            (None, None) => "absent",
            (value, _) => {
                let env = self.create(item.path);
                let revision = *changed.entry(item.path.to_owned()).or_insert(env.revision + 1);
                match value {
                    Some(value) => {
                        env.variables.insert(item.key.to_owned(), (value.to_owned(), revision));
                        "written"
                    }
                    None => {
                        env.variables.remove(item.key);
                        "deleted"
                    }
                }
            }
        }
    }

    fn of(state: &State) -> (BTreeMap<String, bool>, BTreeMap<String, Env>) {
        let projects =
            state.projects().values().map(|found| (found.name.to_string(), !found.implicit)).collect();
        let envs = state
            .projects()
            .values()
            .flat_map(|project| project.environments.values())
            .map(|env| {
                let variables = env
                    .variables
                    .values()
                    .map(|found| (found.key.to_string(), (found.value.to_string(), found.revision)))
                    .collect();
                (env.path.to_string(), Env { explicit: !env.implicit, revision: env.revision, variables })
            })
            .collect();
        (projects, envs)
    }
}

#[derive(Debug, Clone)]
struct Item {
    path: &'static str,
    key: &'static str,
    /// None: delete.
    value: Option<&'static str>,
    create_missing: bool,
    expect: Expect,
}

#[derive(Debug, Clone)]
enum Command {
    CreateProject(&'static str),
    UpdateProject(&'static str),
    DeleteProject(&'static str),
    CreateEnv(&'static str, bool),
    UpdateEnv(&'static str),
    DeleteEnv(&'static str),
    Write(Vec<Vec<Item>>),
}

impl Command {
    fn request(&self, id: u128) -> Request {
        let description = String::new;
        match self {
            Self::CreateProject(name) => {
                Request::CreateProject { name: name.parse().unwrap(), description: description() }
            }
            Self::UpdateProject(name) => {
                Request::UpdateProject { name: name.parse().unwrap(), description: description() }
            }
            Self::DeleteProject(name) => Request::DeleteProject { name: name.parse().unwrap() },
            Self::CreateEnv(path, create_missing) => Request::CreateEnvironment {
                path: path.parse().unwrap(),
                description: description(),
                create_missing: *create_missing,
            },
            Self::UpdateEnv(path) => {
                Request::UpdateEnvironment { path: path.parse().unwrap(), description: description() }
            }
            Self::DeleteEnv(path) => Request::DeleteEnvironment { path: path.parse().unwrap() },
            Self::Write(groups) => {
                batch(id, groups.iter().map(|group| group.iter().map(Item::wire).collect()).collect())
            }
        }
    }
}

impl Item {
    fn wire(&self) -> WriteItem {
        let mut item =
            WriteItem { expect: self.expect, ..put(self.path, self.key, self.value.unwrap_or_default()) };
        match (&mut item.operation, self.value) {
            (Some(Operate::Put(put)), Some(_)) => put.create_missing = self.create_missing,
            (operation, _) => *operation = Some(Operate::Delete),
        }
        item
    }
}

const PROJECTS: [&str; 2] = ["p", "q"];
const PATHS: [&str; 3] = ["p/a", "p/b", "q/a"];

fn item() -> impl Strategy<Value = Item> {
    let expect = prop_oneof![
        3 => Just(Expect::Nothing),
        1 => Just(Expect::Absent),
        2 => (1_u64..8).prop_map(Expect::Revision)
    ];
    let value = select(vec![Some("1"), Some("2"), Some(""), None]);
    (select(&PATHS[..]), select(&["A", "B", "C"][..]), value, prop::bool::weighted(0.8), expect).prop_map(
        |(path, key, value, create_missing, expect)| Item { path, key, value, create_missing, expect },
    )
}

/// Groups in which no key of an environment occurs twice.
fn groups() -> impl Strategy<Value = Vec<Vec<Item>>> {
    vec(vec(item(), 1..4), 1..4).prop_map(|groups| {
        let mut seen = Vec::new();
        let mut fresh = |item: &Item| {
            let name = (item.path, item.key);
            let is_new = !seen.contains(&name);
            seen.push(name);
            is_new
        };
        let groups = groups.into_iter().map(|group| group.into_iter().filter(&mut fresh).collect::<Vec<_>>());
        groups.filter(|group| !group.is_empty()).collect()
    })
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        1 => select(&PROJECTS[..]).prop_map(Command::CreateProject),
        1 => select(&PROJECTS[..]).prop_map(Command::UpdateProject),
        2 => select(&PROJECTS[..]).prop_map(Command::DeleteProject),
        2 => (select(&PATHS[..]), any::<bool>()).prop_map(|(path, missing)| Command::CreateEnv(path, missing)),
        1 => select(&PATHS[..]).prop_map(Command::UpdateEnv),
        2 => select(&PATHS[..]).prop_map(Command::DeleteEnv),
        8 => groups().prop_map(Command::Write),
    ]
}

fn kinds(outcome: &Outcome) -> Vec<&'static str> {
    let Outcome::Batch(outcome) = outcome else { return Vec::new() };
    outcome
        .results
        .iter()
        .map(|result| match result.outcome {
            ItemOutcome::Written => "written",
            ItemOutcome::Unchanged => "unchanged",
            ItemOutcome::Deleted => "deleted",
            ItemOutcome::Absent => "absent",
            ItemOutcome::Refused(_) => "refused",
        })
        .collect()
}

/// Puts commands to the rules and to the model; gives every fact, in the portions in which they were decided.
fn play(commands: &[Command]) -> Result<(World, Vec<Vec<Fact>>), TestCaseError> {
    let mut world = World::new(State::default());
    let mut model = Model::default();
    let mut rebuilt = State::default();
    let mut all = Vec::new();
    for (id, command) in (1..).zip(commands) {
        let before = world.state.head();
        let answer = world.ask(&command.request(id));
        match (command, &answer) {
            (Command::Write(groups), Ok((_, outcome))) => {
                prop_assert_eq!(kinds(outcome), model.write(groups));
            }
            (Command::Write(_), Err(refusal)) => prop_assert!(false, "{}", refusal),
            (command, answer) => prop_assert_eq!(answer.is_ok(), model.ask(command), "{:?}", command),
        }
        let facts = answer.map(|(facts, _)| facts).unwrap_or_default();
        let mut head = before;
        for fact in &facts {
            prop_assert_eq!(fact.seq, head.seq + 1);
            prop_assert_eq!(fact.hash, Row::from(fact).hash_after(&head.hash));
            head = Head { seq: fact.seq, hash: fact.hash };
            rebuilt.apply(fact);
        }
        prop_assert_eq!(head, world.state.head());
        prop_assert_eq!(&rebuilt, &world.state);
        prop_assert_eq!(Model::of(&world.state), (model.projects.clone(), model.envs.clone()));
        all.push(facts);
    }
    Ok((world, all))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_rules_do_what_the_model_says(commands in vec(command(), 1..40)) {
        play(&commands)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_database_holds_what_stands(commands in vec(command(), 20..60)) {
        let (world, portions) = play(&commands)?;
        let dir = TempDir::new().unwrap();
        let store = duckdb(dir.path());
        for facts in portions.iter().filter(|facts| !facts.is_empty()) {
            store.commit(facts).unwrap();
        }
        prop_assert_eq!(store.load(world.now).unwrap(), world.state.clone());
        let all: Vec<Fact> = portions.concat();
        prop_assert_eq!(store.changes_since(0, all.len() + 1).unwrap(), all);
        prop_assert!(verify(&*store, &[world.state.head()]).unwrap().is_intact());
    }
}
