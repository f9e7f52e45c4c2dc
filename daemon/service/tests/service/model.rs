//! Any sequence of requests, against a model that is too simple to be wrong in the same way.

mod commands;

use std::{collections::BTreeMap, sync::Arc};

use kontraktor_domain::{
    BatchOutcome, Body, EarlierState, Environment, Event, Expect, Head, ItemOutcome, Row, State,
};
use kontraktor_store::{Store, verify};
use proptest::{collection::vec, prelude::*};
use tempfile::TempDir;

use self::commands::{Command, Item, batch_of, command, name};
use super::{
    duckdb,
    world::{World, append},
};

#[derive(Debug, Clone, Default, PartialEq)]
struct Project {
    /// Whether it was asked for.
    explicit: bool,
    protected: bool,
}

#[derive(Debug, Clone, PartialEq)]
struct Var {
    value: String,
    revision: u64,
    protected: bool,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Env {
    /// Whether it was asked for.
    explicit: bool,
    revision: u64,
    protected: bool,
    imports: Vec<String>,
    variables: BTreeMap<String, Var>,
}

impl Env {
    fn holds_protected(&self) -> bool {
        self.variables.values().any(|variable| variable.protected)
    }
}

#[derive(Debug, Clone, Default)]
struct Model {
    projects: BTreeMap<String, Project>,
    envs: BTreeMap<String, Env>,
    /// The last revisions of those that are gone.
    gone: BTreeMap<String, u64>,
    /// The readable name of who asks.
    name: Option<&'static str>,
}

fn project_of(path: &str) -> String {
    path.split('/').next().unwrap().to_owned()
}

impl Model {
    fn create(&mut self, path: &str) -> &mut Env {
        self.projects.entry(project_of(path)).or_default();
        let before = self.gone.remove(path).unwrap_or(0);
        self.envs.entry(path.to_owned()).or_insert(Env { revision: before, ..Env::default() })
    }

    fn remove(&mut self, path: &str) {
        if let Some(env) = self.envs.remove(path) {
            self.gone.insert(path.to_owned(), env.revision + 1);
        }
    }

    /// Whether the imports lead from one to the other. Imports have no cycles, so this ends.
    fn leads(&self, from: &str, to: &str) -> bool {
        from == to
            || self.envs.get(from).is_some_and(|env| env.imports.iter().any(|next| self.leads(next, to)))
    }

    fn may_import(&self, path: &str, imports: &[&str]) -> bool {
        let each = |(position, import): (usize, &&str)| {
            self.envs.contains_key(*import)
                && !self.leads(import, path)
                && !imports[..position].contains(import)
        };
        imports.iter().enumerate().all(each)
    }

    /// Whether something that stays imports one of those that go.
    fn is_needed(&self, going: &[String]) -> bool {
        self.envs.iter().any(|(path, env)| {
            !going.contains(path) && env.imports.iter().any(|import| going.contains(import))
        })
    }

    fn set(env: &mut Env, protected: bool, imports: Vec<String>) {
        let same = env.explicit && env.protected == protected && env.imports == imports;
        env.revision += u64::from(!same);
        (env.explicit, env.protected, env.imports) = (true, protected, imports);
    }

    /// Whether a request that is not a batch is done.
    fn ask(&mut self, command: &Command, past: Option<&EarlierState>) -> bool {
        match command {
            Command::CreateProject { name, adopt } => {
                let exists = self.projects.get(*name).is_some_and(|project| project.explicit);
                if !exists || *adopt {
                    self.projects.insert((*name).to_owned(), Project { explicit: true, protected: false });
                }
                !exists || *adopt
            }
            Command::UpdateProject { name, protected } => match self.projects.get_mut(*name) {
                Some(project) => {
                    project.explicit = true;
                    project.protected = protected.unwrap_or(project.protected);
                    true
                }
                None => false,
            },
            Command::DeleteProject { name, force } => self.delete_project(name, *force),
            Command::CreateEnv { path, create_missing, adopt, imports } => {
                let exists = self.envs.get(*path).is_some_and(|env| env.explicit);
                let has_place = *create_missing || self.projects.contains_key(&project_of(path));
                let done = (!exists || *adopt) && has_place && self.may_import(path, imports);
                if done {
                    Self::set(self.create(path), false, owned(imports));
                }
                done
            }
            Command::UpdateEnv { path, protected, imports } => {
                let may = imports.as_ref().is_none_or(|imports| self.may_import(path, imports));
                match self.envs.get_mut(*path) {
                    Some(env) if may => {
                        let protected = protected.unwrap_or(env.protected);
                        let imports = imports.as_ref().map_or(env.imports.clone(), |imports| owned(imports));
                        Self::set(env, protected, imports);
                        true
                    }
                    _ => false,
                }
            }
            Command::DeleteEnv { path, force } => {
                let goes = self.envs.get(*path).is_some_and(|env| {
                    !env.protected && (*force || env.variables.is_empty()) && !env.holds_protected()
                }) && !self.is_needed(&[(*path).to_owned()]);
                if goes {
                    self.remove(path);
                }
                goes
            }
            Command::Restore { path, expect, .. } => {
                let past = past.expect("there is one wherever restoring is asked for");
                self.restore(path, &env_of_past(past), *expect)
            }
            Command::Write(_) => unreachable!("batches are asked for elsewhere"),
        }
    }

    fn delete_project(&mut self, name: &str, force: bool) -> bool {
        let Some(project) = self.projects.get(name) else { return false };
        let inside: Vec<String> = self.envs.keys().filter(|path| project_of(path) == name).cloned().collect();
        let goes = |path: &String| {
            let env = &self.envs[path];
            let empty = !env.explicit && env.variables.is_empty();
            !env.protected && !env.holds_protected() && (force || empty)
        };
        if project.protected || !inside.iter().all(goes) || self.is_needed(&inside) {
            return false;
        }
        for path in &inside {
            self.remove(path);
        }
        self.projects.remove(name);
        true
    }

    fn restore(&mut self, path: &str, past: &Env, expect: Option<u64>) -> bool {
        let Some(mut env) = self.envs.get(path).cloned() else { return false };
        let goes = |(key, var): (&String, &Var)| var.protected && !past.variables.contains_key(key);
        let imports: Vec<&str> = past.imports.iter().map(String::as_str).collect();
        if expect.is_some_and(|revision| revision != env.revision)
            || env.variables.iter().any(goes)
            || (env.imports != past.imports && !self.may_import(path, &imports))
        {
            return false;
        }
        let next = env.revision + 1;
        let mut changed = false;
        if env.imports != past.imports {
            (env.explicit, env.imports, changed) = (true, past.imports.clone(), true);
        }
        let before = env.variables.len();
        env.variables.retain(|key, _| past.variables.contains_key(key));
        changed |= env.variables.len() < before;
        for (key, var) in &past.variables {
            let now = env.variables.get(key);
            if now.is_none_or(|now| now.value != var.value) {
                let protected = now.is_some_and(|now| now.protected);
                let var = Var { value: var.value.clone(), revision: next, protected };
                env.variables.insert(key.clone(), var);
                changed = true;
            }
        }
        env.revision += u64::from(changed);
        self.envs.insert(path.to_owned(), env);
        true
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

    /// `before` is the state before the group.
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
        let is_protected = current.as_ref().is_some_and(|found| found.protected);
        let met = match item.expect {
            Expect::Nothing => true,
            Expect::Absent => current.is_none(),
            Expect::Revision(revision) => current.as_ref().is_some_and(|found| found.revision == revision),
        };
        let protected = item.protected.unwrap_or(is_protected);
        match (item.value, &current) {
            _ if !met => "refused",
            (None, _) if is_protected => "refused",
            (Some(value), Some(found)) if found.value == value && found.protected == protected => "unchanged",
            (None, None) => "absent",
            (value, _) => {
                let env = self.create(item.path);
                let revision = *changed.entry(item.path.to_owned()).or_insert(env.revision + 1);
                match value {
                    Some(value) => {
                        let var = Var { value: value.to_owned(), revision, protected };
                        env.variables.insert(item.key.to_owned(), var);
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

    fn of(state: &State) -> (BTreeMap<String, Project>, BTreeMap<String, Env>) {
        let project = |found: &Arc<kontraktor_domain::Project>| {
            let project = Project { explicit: !found.implicit, protected: found.protected };
            (found.name.to_string(), project)
        };
        let envs = state.projects().values().flat_map(|project| project.environments.values());
        let envs = envs.map(|env| (env.path.to_string(), env_of(env))).collect();
        (state.projects().values().map(project).collect(), envs)
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn env_of(env: &Environment) -> Env {
    Env {
        explicit: !env.implicit,
        revision: env.revision,
        protected: env.protected,
        ..env_of_past(&past_of(env))
    }
}

fn past_of(env: &Environment) -> EarlierState {
    EarlierState {
        revision: env.revision,
        description: env.description.clone(),
        imports: env.imports.clone(),
        variables: env.variables.clone(),
    }
}

fn env_of_past(past: &EarlierState) -> Env {
    let var = |found: &kontraktor_domain::Variable| Var {
        value: found.value.to_string(),
        revision: found.revision,
        protected: found.protected,
    };
    Env {
        imports: past.imports.iter().map(ToString::to_string).collect(),
        variables: past.variables.values().map(|found| (found.key.to_string(), var(found))).collect(),
        ..Env::default()
    }
}

fn kinds(outcome: &BatchOutcome) -> Vec<&'static str> {
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

/// Every state that each environment went through.
#[derive(Default)]
struct EarlierStates(BTreeMap<String, Vec<EarlierState>>);

impl EarlierStates {
    fn learn(&mut self, state: &State) {
        for env in state.projects().values().flat_map(|project| project.environments.values()) {
            let pasts = self.0.entry(env.path.to_string()).or_default();
            if pasts.last().is_none_or(|last| last.revision != env.revision) {
                pasts.push(past_of(env));
            }
        }
    }

    fn of(&self, command: &Command) -> Option<&EarlierState> {
        let Command::Restore { path, which, .. } = command else { return None };
        let pasts = self.0.get(*path)?;
        pasts.get(which % pasts.len())
    }
}

/// Puts commands to the rules and to the model; gives every event, in the portions in which they were decided.
fn play(commands: &[(Command, Option<&'static str>)]) -> Result<(World, Vec<Vec<Event>>), TestCaseError> {
    let mut world = World::new(State::default());
    let mut model = Model::default();
    let mut pasts = EarlierStates::default();
    let mut rebuilt = State::default();
    let mut all = Vec::new();
    for (id, (command, name)) in (1..).zip(commands) {
        world.author.display_name = name.map(Into::into);
        let before = world.state.head();
        let past = pasts.of(command);
        if matches!(command, Command::Restore { .. }) && past.is_none() {
            continue;
        }
        let answer = match (command, command.request(past)) {
            (Command::Write(groups), _) => {
                let answer = world.ask(&batch_of(id, groups));
                if let Ok((_, outcome)) = &answer {
                    prop_assert_eq!(kinds(outcome), model.write(groups));
                }
                answer.map(|(events, _)| events)
            }
            (_, Some(request)) => {
                let answer = world.ask(&request);
                prop_assert_eq!(answer.is_ok(), model.ask(command, past), "{:?}", command);
                answer.map(|(events, ())| events).or_else(|_| Ok(Vec::new()))
            }
            (_, None) => Ok(Vec::new()),
        };
        let events = answer.map_err(|refusal| TestCaseError::fail(refusal.to_string()))?;
        let recorded: Vec<_> = events
            .iter()
            .enumerate()
            .filter_map(|(place, event)| match &event.body {
                Body::Actor(actor) => Some((place, &*actor.display_name, event.batch)),
                _ => None,
            })
            .collect();
        // A name is written with something else, before it, and only where it is another one.
        let expected = name.filter(|name| !events.is_empty() && model.name != Some(*name));
        model.name = expected.or(model.name);
        prop_assert_eq!(recorded, expected.map(|name| (0, name, None)).into_iter().collect::<Vec<_>>());
        prop_assert!(expected.is_none() || events.len() > 1);
        let known = world.state.display_names().get(&world.author.actor);
        prop_assert_eq!(known.map(|name| &**name), model.name);
        let mut head = before;
        for event in &events {
            prop_assert_eq!(event.seq, head.seq + 1);
            prop_assert_eq!(event.hash, Row::from(event).hash_after(&head.hash));
            head = Head { seq: event.seq, hash: event.hash };
            rebuilt.apply(event);
        }
        prop_assert_eq!(head, world.state.head());
        prop_assert_eq!(&rebuilt, &world.state);
        prop_assert_eq!(Model::of(&world.state), (model.projects.clone(), model.envs.clone()));
        for (path, env) in &model.envs {
            prop_assert!(env.imports.iter().all(|import| model.envs.contains_key(import)), "{}", path);
        }
        pasts.learn(&world.state);
        all.push(events);
    }
    Ok((world, all))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_rules_do_what_the_model_says(commands in vec((command(), name()), 1..60)) {
        play(&commands)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_database_holds_the_current_state(commands in vec((command(), name()), 20..60)) {
        let (world, portions) = play(&commands)?;
        let dir = TempDir::new().unwrap();
        let store = duckdb(dir.path());
        for events in portions.iter().filter(|events| !events.is_empty()) {
            append(&*store, events);
        }
        prop_assert_eq!(store.load(world.now).unwrap(), world.state.clone());
        let all: Vec<Event> = portions.concat();
        prop_assert_eq!(store.changes_since(0, all.len() + 1).unwrap(), all);
        prop_assert!(verify(&*store, &[world.state.head()]).unwrap().is_intact());
    }
}
