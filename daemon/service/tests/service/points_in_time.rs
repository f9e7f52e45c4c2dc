//! Reading earlier states: from both stores, and through the service.

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use kontraktor_domain::{
    AnyCommand, CreateEnvironment, DeleteEnvironment, DeleteProject, Environment, EnvironmentSettings,
    Refusal, State,
};
use kontraktor_model::names::EnvPath;
use kontraktor_service::{PageRequest, Service, ServiceOptions, Snapshot};
use kontraktor_store::{AsOf, MemoryStore, PointInTime, Store};
use proptest::{collection::vec, prelude::*, sample::select};
use tempfile::TempDir;

use super::{
    HandClock, duckdb,
    world::{World, append, batch, caller, delete, delete_env, importing, put, refer, seen},
    write,
};

const PATHS: [&str; 4] = ["p/a", "p/b", "q/a", "q/b"];

const REFERENCE: &str = "azure-kv://kv/name";

#[derive(Debug, Clone)]
enum Command {
    /// None: delete; 3: a secret reference.
    Write(Vec<(usize, &'static str, Option<u8>)>),
    Create(usize, Vec<usize>),
    Import(usize, Vec<usize>),
    Resolve(usize, &'static str, u8),
    Delete(usize),
    DeleteProject(&'static str),
}

impl Command {
    fn request(&self, id: u128) -> Box<dyn AnyCommand> {
        let names = |list: &[usize]| list.iter().map(|path| PATHS[*path]).collect::<Vec<_>>();
        match self {
            Self::Write(items) => {
                let mut seen = Vec::new();
                let items = items
                    .iter()
                    .filter(|(path, key, _)| {
                        let fresh = !seen.contains(&(*path, *key));
                        seen.push((*path, *key));
                        fresh
                    })
                    .map(|(path, key, value)| match value {
                        Some(3) => refer(PATHS[*path], key, REFERENCE),
                        Some(value) => put(PATHS[*path], key, &value.to_string()),
                        None => delete(PATHS[*path], key),
                    });
                Box::new(batch(id, items.map(|item| vec![item]).collect()))
            }
            Self::Create(path, imports) => Box::new(CreateEnvironment {
                path: PATHS[*path].parse().unwrap(),
                settings: EnvironmentSettings {
                    description: format!("number {id}"),
                    imports: names(imports).iter().map(|name| name.parse().unwrap()).collect(),
                    ..EnvironmentSettings::default()
                },
                create_missing: true,
                adopt_existing: true,
            }),
            Self::Resolve(path, key, version) => {
                Box::new(seen(PATHS[*path], key, REFERENCE, &version.to_string()))
            }
            Self::Import(path, imports) => Box::new(importing(PATHS[*path], &names(imports))),
            Self::Delete(path) => {
                Box::new(DeleteEnvironment { path: PATHS[*path].parse().unwrap(), force: true })
            }
            Self::DeleteProject(name) => Box::new(DeleteProject { name: name.parse().unwrap(), force: true }),
        }
    }
}

fn command() -> impl Strategy<Value = Command> {
    let path = 0..PATHS.len();
    let item = (path.clone(), select(&["A", "B", "C"][..]), proptest::option::weighted(0.7, 0_u8..4));
    let imports = vec(path.clone(), 0..3);
    prop_oneof![
        8 => vec(item, 1..5).prop_map(Command::Write),
        2 => (path.clone(), imports.clone()).prop_map(|(path, imports)| Command::Create(path, imports)),
        4 => (path.clone(), imports).prop_map(|(path, imports)| Command::Import(path, imports)),
        4 => (path.clone(), select(&["A", "B", "C"][..]), 0_u8..3)
            .prop_map(|(path, key, version)| Command::Resolve(path, key, version)),
        1 => path.prop_map(Command::Delete),
        1 => select(&["p", "q"][..]).prop_map(Command::DeleteProject),
    ]
}

/// What a state holds of an environment, as a store should find it later.
fn state_then(state: &State, path: &EnvPath) -> AsOf {
    let Some(environment) = state.environment(path) else {
        return state
            .tombstone(path)
            .map_or(AsOf::NotYetCreated, |tombstone| AsOf::Deleted { revision: tombstone.revision });
    };
    let mut imported: HashMap<EnvPath, Arc<Environment>> = HashMap::new();
    let mut open = environment.imports.to_vec();
    while let Some(path) = open.pop() {
        let next = state.environment(&path).unwrap();
        if imported.insert(path, Arc::clone(next)).is_none() {
            open.extend(next.imports.iter().cloned());
        }
    }
    AsOf::Found { environment: Arc::clone(environment), imported }
}

/// Writes a history into stores, then reads every point in time of it from each of them.
fn every_point_in_time_is_found(
    commands: &[(Command, i64)],
    stores: &[Arc<dyn Store>],
) -> Result<(), TestCaseError> {
    let mut world = World::new(State::default());
    // The state after each request that wrote, and its time.
    let mut states: Vec<(Timestamp, State)> = Vec::new();
    for (id, (command, seconds)) in (1..).zip(commands) {
        // Sometimes the clock is set back.
        world.now += SignedDuration::from_secs(*seconds);
        let Ok((events, ())) = world.ask(&command.request(id)) else { continue };
        if !events.is_empty() {
            for store in stores {
                append(&**store, &events);
            }
            states.push((world.now, world.state.clone()));
        }
    }
    for path in PATHS.map(|path| path.parse::<EnvPath>().unwrap()) {
        let newest = match (world.state.environment(&path), world.state.tombstone(&path)) {
            (Some(environment), _) => Some((environment.id, environment.revision)),
            (None, tombstone) => tombstone.map(|gone| (gone.id, gone.revision)),
        };
        let Some((id, newest)) = newest else { continue };
        for store in stores {
            for revision in 1..=newest {
                let then = states.iter().map(|(_, state)| state_then(state, &path)).find(|past| match past {
                    AsOf::Found { environment, .. } => environment.revision == revision,
                    AsOf::Deleted { revision: gone } => *gone == revision,
                    AsOf::NotYetCreated => false,
                });
                let row = store.row_at(id, PointInTime::Revision(revision)).unwrap();
                prop_assert!(row.is_some(), "{} has revision {}", path, revision);
                let found = store.as_of(id, row.unwrap(), row.unwrap(), true).unwrap();
                prop_assert_eq!(Some(&found), then.as_ref(), "{} at revision {}", &path, revision);
                if let AsOf::Found { environment, .. } = found {
                    let own = AsOf::Found { environment, imported: HashMap::new() };
                    prop_assert_eq!(store.as_of(id, row.unwrap(), row.unwrap(), false).unwrap(), own);
                    lockfile_is_found(&**store, &states, &path, id, revision)?;
                }
            }
            prop_assert_eq!(store.row_at(id, PointInTime::Revision(newest + 1)).unwrap(), None);
            let times = states.iter().map(|(at, _)| *at);
            for time in times.flat_map(|at| [at, at - SignedDuration::from_micros(1)]) {
                let then = states.iter().rfind(|(at, _)| *at <= time);
                let row = store.row_at(id, PointInTime::Time(time)).unwrap();
                prop_assert_eq!(row, then.map(|(_, state)| state.head().seq));
                if let (Some(row), Some((_, state))) = (row, then) {
                    prop_assert_eq!(store.as_of(id, row, row, true).unwrap(), state_then(state, &path));
                }
            }
        }
    }
    Ok(())
}

/// The lockfile of a revision is that of the last moment before the next one.
fn lockfile_is_found(
    store: &dyn Store,
    states: &[(Timestamp, State)],
    path: &EnvPath,
    id: uuid::Uuid,
    revision: u64,
) -> Result<(), TestCaseError> {
    let at_revision =
        |state: &&State| state.environment(path).is_some_and(|environment| environment.revision == revision);
    let last = states.iter().map(|(_, state)| state).rfind(at_revision).unwrap();
    let locks = store.locks_at(id, revision).unwrap().unwrap_or(u64::MAX);
    let row = store.row_at(id, PointInTime::Revision(revision)).unwrap().unwrap();
    let AsOf::Found { environment, .. } = store.as_of(id, row, locks, false).unwrap() else {
        panic!("it existed at that row")
    };
    prop_assert_eq!(&environment.versions, &last.environment(path).unwrap().versions);
    Ok(())
}

fn history(length: std::ops::Range<usize>) -> impl Strategy<Value = Vec<(Command, i64)>> {
    vec((command(), -2_i64..6), length)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_point_in_time_of_a_history_is_found(commands in history(1..30)) {
        every_point_in_time_is_found(&commands, &[Arc::new(MemoryStore::new())])?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_database_finds_every_point_in_time_of_a_history(commands in history(15..30)) {
        let dir = TempDir::new().unwrap();
        every_point_in_time_is_found(&commands, &[duckdb(dir.path())])?;
    }
}

/// A service whose clock advances by a minute with every write.
struct Timeline {
    service: Service,
    clock: HandClock,
    id: u128,
}

impl Timeline {
    fn new(store: Arc<dyn Store>) -> Self {
        let clock = HandClock::new();
        let service = Service::start(store, Arc::new(clock.clone()), ServiceOptions::default()).unwrap();
        Self { service, clock, id: 0 }
    }

    async fn put(&mut self, items: &[(&str, &str, &str)]) {
        self.id += 1;
        let items = items.iter().map(|(path, key, value)| put(path, key, value)).collect();
        write(&self.service, self.id, items).await.unwrap();
        self.clock.advance(Duration::from_mins(1));
    }

    async fn import(&mut self, path: &str, imports: &[&str]) {
        self.service.update_environment(&caller(), importing(path, imports)).await.unwrap();
        self.clock.advance(Duration::from_mins(1));
    }

    async fn delete(&mut self, path: &str) {
        let request = DeleteEnvironment { path: path.parse().unwrap(), force: true };
        self.service.delete_environment(&caller(), request).await.unwrap();
        self.clock.advance(Duration::from_mins(1));
    }

    fn now(&self, path: &str) -> Snapshot {
        self.service.snapshot(&caller(), &path.parse().unwrap(), false).unwrap()
    }

    async fn at(&self, path: &str, at: PointInTime) -> Result<Snapshot, Refusal> {
        self.service.snapshot_at(&caller(), &path.parse().unwrap(), false, at).await
    }
}

fn values(snapshot: &Snapshot) -> Vec<String> {
    let entries = snapshot.variables("");
    entries
        .iter()
        .map(|entry| format!("{}={} < {}", entry.variable.key, entry.variable.value, entry.origin.path))
        .collect()
}

async fn imports_are_resolved_as_of_then(store: Arc<dyn Store>) {
    let mut world = Timeline::new(store);
    world.put(&[("shared/base", "A", "1"), ("app/dev", "B", "1")]).await;
    world.import("app/dev", &["shared/base"]).await;
    let second = world.now("app/dev");
    world.put(&[("shared/base", "A", "2")]).await;
    let meanwhile = world.now("app/dev");
    let between = world
        .service
        .state(&caller())
        .unwrap()
        .environment(&"shared/base".parse().unwrap())
        .unwrap()
        .written
        .at;
    world.put(&[("app/dev", "B", "2"), ("shared/base", "A", "3")]).await;
    let third = world.now("app/dev");
    world.import("app/dev", &[]).await;
    world.delete("shared/base").await;

    assert_eq!(values(&second), ["A=1 < shared/base", "B=1 < app/dev"]);
    assert_eq!(world.at("app/dev", PointInTime::Revision(2)).await.unwrap().version(), second.version());
    assert_eq!(values(&world.at("app/dev", PointInTime::Revision(2)).await.unwrap()), values(&second));
    assert_eq!(world.at("app/dev", PointInTime::Time(between)).await.unwrap().version(), meanwhile.version());
    // The batch that made revision 3 wrote the imported environment after it; nobody ever saw one without the other.
    assert_eq!(values(&third), ["A=3 < shared/base", "B=2 < app/dev"]);
    let then = world.at("app/dev", PointInTime::Revision(3)).await.unwrap();
    assert_eq!((then.version(), values(&then)), (third.version(), values(&third)));
    assert_eq!(values(&world.at("app/dev", PointInTime::Revision(4)).await.unwrap()), ["B=2 < app/dev"]);
    // What was deleted meanwhile still has its moments.
    assert_eq!(
        values(&world.at("shared/base", PointInTime::Revision(2)).await.unwrap()),
        ["A=2 < shared/base"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn imports_are_resolved_as_of_then_in_memory() {
    imports_are_resolved_as_of_then(Arc::new(MemoryStore::new())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn imports_are_resolved_as_of_then_in_the_database() {
    let dir = TempDir::new().unwrap();
    imports_are_resolved_as_of_then(duckdb(dir.path())).await;
}

#[tokio::test]
async fn the_newest_revision_is_the_current_state_as_long_as_no_import_changes() {
    let mut world = Timeline::new(Arc::new(MemoryStore::new()));
    world.put(&[("shared/base", "A", "1"), ("app/dev", "B", "1")]).await;
    world.import("app/dev", &["shared/base"]).await;
    assert_eq!(world.at("app/dev", PointInTime::Revision(2)).await.unwrap(), world.now("app/dev"));
    world.put(&[("shared/base", "A", "2")]).await;
    let then = world.at("app/dev", PointInTime::Revision(2)).await.unwrap();
    assert_ne!(then.version(), world.now("app/dev").version());
    assert_eq!(values(&then), ["A=1 < shared/base", "B=1 < app/dev"]);
    let far: Timestamp = "2999-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(world.at("app/dev", PointInTime::Time(far)).await.unwrap(), world.now("app/dev"));
}

#[tokio::test]
async fn points_in_time_without_an_environment_are_refused_with_the_reason() {
    let mut world = Timeline::new(Arc::new(MemoryStore::new()));
    world.put(&[("other/env", "A", "1")]).await;
    world.put(&[("app/dev", "A", "1")]).await;
    world.put(&[("app/dev", "A", "2")]).await;
    world.delete("app/dev").await;
    world.put(&[("other/env", "A", "2")]).await;
    let time = |text: &str| PointInTime::Time(text.parse().unwrap());
    let mut messages = Vec::new();
    for (path, at) in [
        ("app/dev", PointInTime::Revision(0)),
        ("app/dev", PointInTime::Revision(4)),
        ("app/dev", PointInTime::Revision(3)),
        ("app/dev", time("2999-01-01T00:00:00Z")),
        ("app/dev", time("2026-01-02T03:04:30Z")),
        ("app/dev", time("1999-01-01T00:00:00Z")),
        ("app/none", PointInTime::Revision(1)),
    ] {
        let refusal = world.at(path, at).await.unwrap_err();
        messages.push(format!(
            "{:?} {}: {} ({})",
            refusal.code,
            refusal.field.as_deref().unwrap_or_default(),
            refusal.message,
            refusal.remedy.as_deref().unwrap_or_default()
        ));
    }
    insta::assert_snapshot!(messages.join("\n"), @r#"
    Invalid at: there is no revision 0; revisions start at 1 (use a revision from 1 to 3, or leave it out for the current state)
    NotFound at: environment "app/dev" has no revision 4; the newest is 3 (use a revision from 1 to 3)
    NotFound at: environment "app/dev" did not exist at revision 3: it was deleted at that revision (use a point in time at which it existed, such as revision 2)
    NotFound at: environment "app/dev" did not exist at 2999-01-01T00:00:00Z: it was deleted at revision 3 (use a point in time at which it existed, such as revision 2)
    NotFound at: environment "app/dev" did not exist yet at 2026-01-02T03:04:30Z (use a later time, or revision 1, its first)
    NotFound at: environment "app/dev" did not exist yet at 1999-01-01T00:00:00Z (use a later time, or revision 1, its first)
    NotFound env: environment "app/none" does not exist (check the name, or create the environment first)
    "#);
}

#[tokio::test]
async fn history_ends_at_a_point_in_time() {
    let mut world = Timeline::new(Arc::new(MemoryStore::new()));
    world.put(&[("app/dev", "A", "1"), ("app/dev", "B", "1")]).await;
    world.put(&[("app/dev", "A", "2"), ("app/dev", "B", "2")]).await;
    let second =
        world.service.state(&caller()).unwrap().environment(&"app/dev".parse().unwrap()).unwrap().written.at;
    world.put(&[("app/dev", "A", "3")]).await;
    let path: EnvPath = "app/dev".parse().unwrap();
    let key = "A".parse().unwrap();
    let page = PageRequest::default();
    for at in [PointInTime::Revision(2), PointInTime::Time(second)] {
        let found = world.service.history(&caller(), &path, Some(&key), Some(at), &page).await.unwrap();
        let values: Vec<_> =
            found.items.iter().map(|named| named.entry.new_value().unwrap().to_owned()).collect();
        assert_eq!(values, ["2", "1"]);
    }
    let ask = |size, token| PageRequest { size: Some(size), token, ..PageRequest::default() };
    let first = world
        .service
        .history(&caller(), &path, None, Some(PointInTime::Revision(2)), &ask(3, None))
        .await
        .unwrap();
    let all = [&first.items[..], &{
        let next = ask(3, first.next.clone());
        world
            .service
            .history(&caller(), &path, None, Some(PointInTime::Revision(2)), &next)
            .await
            .unwrap()
            .items
    }]
    .concat();
    let revisions: Vec<_> = all.iter().filter_map(|named| named.entry.revision()).collect();
    assert_eq!(revisions, [2, 2, 1, 1, 1]);
    let other = world
        .service
        .history(&caller(), &path, None, Some(PointInTime::Revision(1)), &ask(3, first.next))
        .await;
    assert_eq!(other.unwrap_err().field.as_deref(), Some("page_token"));
    let before = PointInTime::Time(Timestamp::UNIX_EPOCH);
    assert_eq!(world.service.history(&caller(), &path, None, Some(before), &page).await.unwrap().items, []);
    let beyond = world
        .service
        .history(&caller(), &path, None, Some(PointInTime::Revision(9)), &page)
        .await
        .unwrap_err();
    assert_eq!(
        (beyond.field.as_deref(), beyond.remedy.as_deref()),
        (Some("until"), Some("use a revision from 1 to 3"))
    );
    world.service.delete_environment(&caller(), delete_env("app/dev")).await.unwrap_err();
}
