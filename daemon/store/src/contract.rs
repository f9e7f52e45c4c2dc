//! The contract of every store, as a suite of tests: a store runs it with [`contract_tests!`](crate::contract_tests).
#![expect(clippy::unwrap_used, reason = "a test that cannot continue panics")]
#![expect(missing_docs, reason = "the name of a case says what it checks")]

pub mod world;
mod writers;

use std::{any::Any, collections::BTreeSet, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use kontraktor_domain::{
    AccessEvent, AccessOperation, AnyCommand, AuditEntry, AuditSubject, Author, Body, Code, Command,
    CreateSchema, DeleteEnvironment, DeleteSchema, EarlierState, Event, Head, ItemOutcome, Operate,
    Operation, RecordAccesses, RestoreEnvironment, Row, SchemaSettings, State, UpdateEnvironment,
    UpdateProject, WriteItem,
};
use kontraktor_model::names::SchemaName;

use self::world::{
    World, author, batch, create_account, create_env, create_project, delete, delete_account, delete_env,
    delete_project, expecting_absence, grant, importing, named, put, refer, revoke, rotate_account, seen,
    token, update_env, update_project,
};
pub use self::writers::{
    a_commit_on_an_older_row_writes_nothing, a_follower_beside_a_writer_sees_no_gap,
    a_follower_has_the_same_state, a_log_of_another_history_is_not_followed,
    concurrent_writers_lose_and_double_nothing, interleaved_writers_lose_and_double_nothing,
};
use crate::{AsOf, AuditQuery, Commit, Occasion, PointInTime, Store, StoreError, verify};

/// An empty store to test.
pub struct Fixture {
    /// The store.
    pub store: Arc<dyn Store>,
    /// What must outlive it, such as its directory.
    _keep: Box<dyn Any>,
}

impl Fixture {
    /// Wraps an empty store, and what must outlive it.
    pub fn new(store: impl Store, keep: impl Any) -> Self {
        Self { store: Arc::new(store), _keep: Box::new(keep) }
    }
}

/// Runs the contract on a store: the argument is a function that returns a [`Fixture`].
#[macro_export]
macro_rules! contract_tests {
    ($open:path) => {
        $crate::contract_tests! { $open:
            an_empty_store_is_empty,
            the_loaded_state_is_the_current_one,
            settings_survive,
            secrets_are_written_down_and_never_held,
            roles_and_service_accounts_survive,
            names_of_actors_survive,
            changes_come_in_order_and_in_pages,
            the_chain_verifies,
            the_log_is_filtered_and_paged,
            batches_are_loaded_while_they_are_remembered,
            texts_come_back_as_they_were,
            recovering_loses_nothing,
            a_closed_store_says_so,
            a_commit_on_an_older_row_writes_nothing,
            a_follower_has_the_same_state,
            a_follower_beside_a_writer_sees_no_gap,
            a_log_of_another_history_is_not_followed,
            interleaved_writers_lose_and_double_nothing,
            concurrent_writers_lose_and_double_nothing,
        }
    };
    ($open:path: $($case:ident),* $(,)?) => {
        $(#[test] fn $case() { $crate::contract::$case(&$open()); })*
    };
}

fn protect_env(path: &str, protected: bool) -> UpdateEnvironment {
    UpdateEnvironment {
        path: path.parse().unwrap(),
        description: None,
        protected: Some(protected),
        imports: None,
        expect: None,
    }
}

fn protect_project(name: &str, protected: bool) -> UpdateProject {
    UpdateProject { name: name.parse().unwrap(), description: None, protected: Some(protected), expect: None }
}

fn protecting(mut item: WriteItem, protected: bool) -> WriteItem {
    if let Ok(Operate::Put(put)) = &mut item.operation {
        put.protected = Some(protected);
    }
    item
}

fn create_schema(project: &str, name: &str, key_pattern: &str, schema: &str) -> CreateSchema {
    CreateSchema {
        project: project.parse().unwrap(),
        name: name.parse().unwrap(),
        settings: SchemaSettings { key_pattern: key_pattern.to_owned(), schema: schema.to_owned() },
        create_missing: false,
        adopt_existing: false,
    }
}

fn delete_schema(project: &str, name: &str) -> DeleteSchema {
    DeleteSchema { project: project.parse().unwrap(), name: name.parse().unwrap() }
}

/// Returns an earlier state of an environment: the key `T` and an import.
fn past() -> EarlierState {
    let mut world = World::new(State::default());
    world.ask(&batch(1, vec![vec![put("demo/tmp", "T", "old"), put("demo/dev", "A", "1")]])).unwrap();
    world.ask(&importing("demo/tmp", &["demo/dev"])).unwrap();
    let environment = world.state.environment(&"demo/tmp".parse().unwrap()).unwrap();
    EarlierState {
        revision: environment.revision,
        description: environment.description.clone(),
        imports: environment.imports.clone(),
        variables: environment.variables.clone(),
    }
}

/// Commits requests of every kind one by one, and returns the final state and every event.
pub fn filled(store: &dyn Store) -> (World, Vec<Event>) {
    let mut world = World::new(State::default());
    let commands: Vec<Box<dyn AnyCommand>> = vec![
        Box::new(create_project("demo", "first")),
        Box::new(batch(
            1,
            vec![
                vec![put("demo/dev", "A", "1"), put("demo/dev", "B", "2")],
                vec![put("other/dev", "A", "3")],
            ],
        )),
        Box::new(update_project("demo", "second")),
        Box::new(create_env("demo/dev", "dev")),
        Box::new(batch(
            2,
            vec![vec![put("demo/dev", "A", "4")], vec![expecting_absence(put("demo/dev", "B", "5"))]],
        )),
        Box::new(batch(3, vec![vec![delete("other/dev", "A")], vec![put("demo/prod", "A", "x")]])),
        Box::new(delete_project("other")),
        Box::new(batch(4, vec![vec![put("other/dev", "Z", "again")], vec![delete("demo/prod", "A")]])),
        Box::new(delete_env("demo/prod")),
        Box::new(update_env("demo/dev", "development")),
        Box::new(batch(
            5,
            vec![vec![protecting(put("demo/dev", "KEPT", "1"), true)], vec![put("demo/tmp", "T", "1")]],
        )),
        Box::new(protect_env("demo/dev", true)),
        Box::new(protect_project("demo", true)),
        Box::new(importing("demo/tmp", &["demo/dev", "other/dev"])),
        // What is refused is in the record of its batch, with its problem.
        Box::new(batch(6, vec![vec![delete("demo/dev", "KEPT")], vec![put("demo/dev", "A", "5")]])),
        Box::new(create_schema("demo", "ports", "PORT_.*", r#"{"type":"string"}"#)),
        Box::new(create_schema("other", "gone", ".*", "true")),
        Box::new(delete_schema("other", "gone")),
        Box::new(importing("demo/tmp", &["other/dev", "demo/dev"])),
        Box::new(RestoreEnvironment {
            path: "demo/tmp".parse().unwrap(),
            earlier: past(),
            expect_revision: None,
        }),
        Box::new(DeleteEnvironment { path: "demo/tmp".parse().unwrap(), force: true }),
        Box::new(importing("other/dev", &["demo/dev"])),
        Box::new(batch(
            17,
            vec![
                vec![refer("other/dev", "SECRET", "aws-sm://prod/db?stage=AWSPREVIOUS#user")],
                vec![refer("other/dev", "OTHER", "azure-kv://kv/name")],
                vec![refer("demo/dev", "A", "azure-kv://kv/name")],
            ],
        )),
        Box::new(seen("other/dev", "OTHER", "azure-kv://kv/name", "0a1b")),
        Box::new(seen("other/dev", "SECRET", "aws-sm://prod/db?stage=AWSPREVIOUS#user", "v-1")),
        // Nothing new, another reference than the key's, and no reference at all.
        Box::new(seen("other/dev", "OTHER", "azure-kv://kv/name", "0a1b")),
        Box::new(seen("other/dev", "OTHER", "azure-kv://kv/another", "ffff")),
        Box::new(seen("demo/dev", "A", "azure-kv://kv/name", "0a1b")),
        Box::new(batch(18, vec![vec![refer("other/dev", "OTHER", "azure-kv://kv/another")]])),
        Box::new(seen("other/dev", "OTHER", "azure-kv://kv/another", "1c2d")),
        Box::new(batch(19, vec![vec![delete("other/dev", "OTHER")]])),
        Box::new(grant("viewer", "group:idp:devs", "demo/*")),
        Box::new(grant("owner", "unix:ada", "*")),
        Box::new(grant("editor", "service-account:ci", "*/dev")),
        Box::new(grant("secret-reader", "service-account:ci", "demo/dev")),
        // Granted already.
        Box::new(grant("owner", "unix:ada", "*")),
        Box::new(revoke("viewer", "group:idp:devs", "demo/*")),
        Box::new(token("ci")),
        Box::new(create_account("ci", 1)),
        Box::new(create_account("gone", 2)),
        Box::new(token("gone")),
        Box::new(token("ci")),
        Box::new(rotate_account("ci", 3)),
        Box::new(delete_account("gone")),
        Box::new(create_account("gone", 4)),
        Box::new(grant("editor", "service-account:brief", "other/dev")),
        Box::new(create_account("brief", 5)),
        Box::new(delete_account("brief")),
    ];
    let mut all = Vec::new();
    let mut ask = |author: Author, command: Box<dyn AnyCommand>| {
        world.author = author;
        all.extend(commit(store, &mut world, &command));
        world.now += SignedDuration::from_secs(60);
    };
    for command in commands {
        ask(author(), command);
    }
    let keys = |id, value| {
        Box::new(batch(id, vec![vec![put("demo/named", "A", value)], vec![put("demo/named", "B", value)]]))
    };
    ask(named("unix:ada", "Ada Byron"), keys(20, "1"));
    // The same name again, no name, another one, and that of somebody else.
    ask(named("unix:ada", "Ada Byron"), keys(21, "2"));
    ask(author(), keys(22, "3"));
    ask(named("unix:ada", "Ada Lovelace"), keys(23, "4"));
    let mut read = seen("demo/named", "A", "", "");
    read.accesses[0].0 = named("idp:eve", "Eve 🦀");
    ask(author(), Box::new(read));
    ask(author(), Box::new(denied()));
    (world, all)
}

/// Decides a command and commits its events.
fn commit<C: Command>(store: &dyn Store, world: &mut World, command: &C) -> Vec<Event> {
    let head = world.state.head();
    let Ok((events, _)) = world.ask(command) else { panic!("it was refused") };
    assert_eq!(store.commit(head, &events).unwrap(), Commit::Committed);
    events
}

/// An access that was denied, to an environment that never existed.
fn denied() -> RecordAccesses {
    let mut record = seen("no/where", "SECRET", "", "");
    for (_, access, _) in &mut record.accesses {
        access.operation = AccessOperation::Denied;
        access.problem = Some(Code::Denied);
    }
    record
}

/// References, the lockfile and accesses are read back by name.
pub fn secrets_are_written_down_and_never_held(fixture: &Fixture) {
    let (world, _) = filled(&*fixture.store);
    let state = fixture.store.load(world.now).unwrap();
    let other = state.environment(&"other/dev".parse().unwrap()).unwrap();
    let references: Vec<_> = other
        .variables
        .values()
        .filter(|variable| variable.kind.is_reference())
        .map(|variable| {
            let version = other.seen_version(variable).map(|seen| seen.version.to_string());
            (variable.key.to_string(), variable.value.to_string(), version)
        })
        .collect();
    let reference = "aws-sm://prod/db?stage=AWSPREVIOUS#user".to_owned();
    assert_eq!(references, [("SECRET".to_owned(), reference, Some("v-1".to_owned()))]);

    let query = AuditQuery { oldest_first: true, limit: 1000, ..AuditQuery::default() };
    let entries = fixture.store.audit(&query).unwrap();
    let versions: Vec<_> = entries
        .iter()
        .filter_map(|entry| match &entry.subject {
            AuditSubject::Version(line) => Some((line.key.as_str(), &*line.version)),
            _ => None,
        })
        .collect();
    assert_eq!(versions, [("OTHER", "0a1b"), ("SECRET", "v-1"), ("OTHER", "1c2d")]);
    let last = entries.last().unwrap();
    let AccessEvent { access, count } = last.access().unwrap();
    assert_eq!((last.operation(), last.project().unwrap().as_str()), (Operation::SecretDenied, "no"));
    assert_eq!((*count, access.peer.as_deref(), access.problem), (2, Some("pid:4711"), Some(Code::Denied)));
    assert_eq!((&access.reference, &access.version), (&None, &None));
    let of_key = AuditQuery { key: Some("SECRET".parse().unwrap()), limit: 1000, ..AuditQuery::default() };
    assert_eq!(fixture.store.audit(&of_key).unwrap().len(), 4, "written, read, its version, and denied");
}

/// Role bindings and service accounts are read back by name, and when a token was issued last.
pub fn roles_and_service_accounts_survive(fixture: &Fixture) {
    let (mut world, _) = filled(&*fixture.store);
    let state = fixture.store.load(world.now).unwrap();
    let bindings: Vec<_> = state
        .roles()
        .all()
        .iter()
        .map(|(grant, created)| {
            format!("{} {} on {} by {}", grant.subject, grant.role, grant.pattern, created.actor)
        })
        .collect();
    assert_eq!(
        bindings,
        [
            "unix:ada owner on * by unix:ada",
            "service-account:ci editor on */dev by unix:ada",
            "service-account:ci secret-reader on demo/dev by unix:ada",
        ]
    );
    let accounts: Vec<_> = state
        .service_accounts()
        .all()
        .values()
        .map(|account| {
            let hints =
                account.secrets.iter().map(|secret| secret.hint.as_str()).collect::<Vec<_>>().join(" ");
            (account.name.as_str(), &*account.client_id, hints, account.last_used.is_some())
        })
        .collect();
    let two = ("ci", "sa-1", "hint-1 hint-3".to_owned(), true);
    assert_eq!(accounts, [two, ("gone", "sa-4", "hint-4".to_owned(), false)]);
    let ci = state.service_accounts().client("sa-1").unwrap();
    assert!(ci.accepts("secret 1", world.now) && ci.accepts("secret 3", world.now));
    assert!(!ci.accepts("secret 4", world.now) && !ci.accepts("", world.now));
    assert!(!ci.accepts("secret 1", world.now + SignedDuration::from_hours(2)), "the old one has expired");
    assert!(state.service_accounts().client("sa-2").is_none(), "a deleted account is gone");

    // A token is issued while nothing else is written.
    commit(&*fixture.store, &mut world, &token("gone"));
    assert_eq!(fixture.store.load(world.now).unwrap(), world.state);
    let of_demo = AuditQuery { project: Some("demo".parse().unwrap()), limit: 1000, ..AuditQuery::default() };
    let entries = fixture.store.audit(&of_demo).unwrap();
    let roles = entries.iter().filter(|entry| matches!(entry.subject, AuditSubject::RoleBinding(_)));
    assert_eq!(roles.count(), 3, "what is bound on a project or in it belongs to it");
    let all = fixture.store.audit(&AuditQuery { limit: 1000, ..AuditQuery::default() }).unwrap();
    let count = |operation| all.iter().filter(|entry| entry.operation() == operation).count();
    assert_eq!((count(Operation::TokenIssued), count(Operation::ServiceAccountRotated)), (4, 1));
    assert_eq!((count(Operation::RoleGranted), count(Operation::RoleRevoked)), (5, 2));
}

/// The readable names of actors are read back; their rows belong to no environment, no revision and no batch.
pub fn names_of_actors_survive(fixture: &Fixture) {
    let (world, events) = filled(&*fixture.store);
    let state = fixture.store.load(world.now).unwrap();
    let name = |actor: &str| state.display_names().get(actor).map(|name| &**name);
    assert_eq!(
        [name("unix:ada"), name("idp:eve"), name("service-account:ci")],
        [Some("Ada Lovelace"), Some("Eve 🦀"), None]
    );
    let query = AuditQuery { oldest_first: true, limit: 1000, ..AuditQuery::default() };
    let entries = fixture.store.audit(&query).unwrap();
    let shown: Vec<_> = entries
        .iter()
        .filter(|entry| entry.operation() == Operation::ActorNamed)
        .map(|entry| (&*entry.written.actor, entry.new_value().unwrap(), entry.batch_id))
        .collect();
    assert_eq!(
        shown,
        [("unix:ada", "Ada Byron", None), ("unix:ada", "Ada Lovelace", None), ("idp:eve", "Eve 🦀", None)]
    );
    let path = "demo/named".parse().unwrap();
    let history = fixture.store.history(&path, None, None, 1000).unwrap();
    assert!(history.iter().all(|entry| entry.operation() != Operation::ActorNamed));
    assert_eq!(history.len(), 1 + 4 * 2, "its creation, and each key four times");
    // A revision is complete with the last row of its request, and a name comes before the first.
    let environment = state.environment(&path).unwrap();
    for revision in 1..=environment.revision {
        let row = fixture.store.row_at(environment.id, PointInTime::Revision(revision)).unwrap().unwrap();
        let last = |event: &&Event| match &event.body {
            Body::Variable(change) => change.path == path && change.revision == revision,
            _ => false,
        };
        assert_eq!(Some(row), events.iter().rfind(last).map(|event| event.seq), "{revision}");
        let AsOf::Found { environment, .. } = fixture.store.as_of(environment.id, row, row, false).unwrap()
        else {
            panic!("it existed")
        };
        assert_eq!(environment.revision, revision);
    }
    let results = |id| state.batch(uuid::Uuid::from_u128(id), world.now).unwrap().results().len();
    assert_eq!([20, 21, 22, 23].map(results), [2; 4]);
}

pub fn an_empty_store_is_empty(fixture: &Fixture) {
    let store = &fixture.store;
    assert_eq!(store.load(Timestamp::UNIX_EPOCH).unwrap(), State::default());
    assert_eq!(store.head().unwrap(), Head::default());
    assert_eq!(store.changes_since(0, 10).unwrap(), []);
    assert_eq!(store.audit(&AuditQuery { limit: 10, ..AuditQuery::default() }).unwrap(), []);
    let report = verify(&**store, &[]).unwrap();
    assert_eq!((report.rows, report.head, report.broken), (0, Head::default(), None));
}

pub fn the_loaded_state_is_the_current_one(fixture: &Fixture) {
    let (world, _) = filled(&*fixture.store);
    let loaded = fixture.store.load(world.now).unwrap();
    assert_eq!(loaded, world.state);
    assert_eq!(fixture.store.head().unwrap(), world.state.head());
    fixture.store.maintain(Occasion::Idle).unwrap();
    assert_eq!(fixture.store.load(world.now).unwrap(), world.state);
}

/// Protection, imports and schemas are read back by name, not only compared with the state that was written.
pub fn settings_survive(fixture: &Fixture) {
    let (world, _) = filled(&*fixture.store);
    let state = fixture.store.load(world.now).unwrap();
    let dev = state.environment(&"demo/dev".parse().unwrap()).unwrap();
    assert!(dev.protected && dev.imports.is_empty());
    let flags: Vec<(&str, bool)> =
        dev.variables.iter().map(|(key, variable)| (key.as_str(), variable.protected)).collect();
    assert_eq!(flags, [("A", false), ("B", false), ("KEPT", true)]);
    let other = state.environment(&"other/dev".parse().unwrap()).unwrap();
    assert_eq!(other.imports.iter().map(ToString::to_string).collect::<Vec<_>>(), ["demo/dev"]);
    let projects: Vec<(&str, bool, Vec<&str>)> = state
        .projects()
        .values()
        .map(|found| {
            (found.name.as_str(), found.protected, found.schemas.keys().map(SchemaName::as_str).collect())
        })
        .collect();
    assert_eq!(projects, [("demo", true, vec!["ports"]), ("other", false, vec![])]);
    let imports = |revision: u64| {
        let query = AuditQuery {
            env: Some("tmp".parse().unwrap()),
            oldest_first: true,
            limit: 100,
            ..AuditQuery::default()
        };
        let entries = fixture.store.audit(&query).unwrap();
        let of_revision = |entry: &AuditEntry| match &entry.subject {
            AuditSubject::Environment(environment) if environment.revision == revision => {
                Some(environment.imports.clone())
            }
            _ => None,
        };
        let imports = entries.iter().rev().find_map(of_revision).unwrap();
        imports.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        [imports(1), imports(2), imports(3), imports(4), imports(5)],
        ["", "demo/dev other/dev", "other/dev demo/dev", "demo/dev", ""]
    );
}

pub fn changes_come_in_order_and_in_pages(fixture: &Fixture) {
    let (_, events) = filled(&*fixture.store);
    for limit in [1, 3, 1000] {
        let mut seen: Vec<Event> = Vec::new();
        loop {
            let page = fixture.store.changes_since(seen.last().map_or(0, |event| event.seq), limit).unwrap();
            assert!(page.len() <= limit);
            if page.is_empty() {
                break;
            }
            seen.extend(page);
        }
        assert_eq!(seen, events);
    }
    let rows = fixture.store.rows_since(3, 4).unwrap();
    let wanted: Vec<Row<'_>> = events[3..7].iter().map(Row::from).collect();
    assert_eq!(rows, wanted);
}

pub fn the_chain_verifies(fixture: &Fixture) {
    let (world, events) = filled(&*fixture.store);
    let head = world.state.head();
    let report = verify(&*fixture.store, &[Head { seq: 2, hash: events[1].hash }, head]).unwrap();
    assert_eq!((report.rows, report.head, report.broken), (events.len() as u64, head, None));
    let beyond = verify(&*fixture.store, &[Head { seq: head.seq + 1, hash: head.hash }]).unwrap();
    assert_eq!(beyond.broken.unwrap().seq, head.seq + 1);
    let other = verify(&*fixture.store, &[Head { seq: 2, hash: head.hash }]).unwrap();
    assert_eq!(other.broken.unwrap().seq, 2);
}

pub fn the_log_is_filtered_and_paged(fixture: &Fixture) {
    let (_, events) = filled(&*fixture.store);
    let entries: Vec<AuditEntry> = events.iter().map(AuditEntry::from).collect();
    let projects = [None, Some("demo"), Some("other"), Some("none")];
    let envs = [None, Some("dev"), Some("prod")];
    let keys = [None, Some("A"), Some("Z")];
    let times = [(None, None), (Some(entries[4].written.at), None), (None, Some(entries[6].written.at))];
    let mut sizes = BTreeSet::new();
    let named = projects.into_iter().flat_map(|project| envs.map(|env| (project, env)));
    for (project, env, key) in named.flat_map(|(project, env)| keys.map(|key| (project, env, key))) {
        for (since, until) in times {
            let mut wanted: Vec<AuditEntry> = entries
                .iter()
                .filter(|entry| {
                    let env_of = entry.environment().map(|path| path.env.as_str());
                    project.is_none_or(|name| entry.project().is_some_and(|found| found.as_str() == name))
                        && env.is_none_or(|name| env_of == Some(name))
                        && key.is_none_or(|name| entry.key().is_some_and(|found| found.as_str() == name))
                        && since.is_none_or(|since| entry.written.at >= since)
                        && until.is_none_or(|until| entry.written.at < until)
                })
                .cloned()
                .collect();
            let query = AuditQuery {
                project: project.map(|name| name.parse().unwrap()),
                env: env.map(|name| name.parse().unwrap()),
                key: key.map(|name| name.parse().unwrap()),
                since,
                until,
                within: None,
                writes_only: false,
                oldest_first: true,
                beyond: None,
                limit: 1000,
            };
            sizes.insert(wanted.len());
            assert_eq!(fixture.store.audit(&query).unwrap(), wanted);
            wanted.reverse();
            let newest_first = AuditQuery { oldest_first: false, ..query.clone() };
            assert_eq!(fixture.store.audit(&newest_first).unwrap(), wanted);
            if let Some(second) = wanted.get(1) {
                let page = AuditQuery { beyond: Some(wanted[0].seq), limit: 1, ..newest_first };
                assert_eq!(fixture.store.audit(&page).unwrap(), std::slice::from_ref(second));
                let page = AuditQuery { beyond: Some(second.seq), limit: 1, ..query };
                assert_eq!(fixture.store.audit(&page).unwrap(), std::slice::from_ref(&wanted[0]));
            }
        }
    }
    for within in [&[][..], &["demo/*"], &["*/dev"], &["demo/prod", "other/dev"], &["*"], &["no/where"]] {
        let within = Some(within.iter().map(|pattern| pattern.parse().unwrap()).collect());
        let query = AuditQuery { within, oldest_first: true, limit: 1000, ..AuditQuery::default() };
        let wanted: Vec<_> = entries.iter().filter(|entry| query.is_within(entry)).cloned().collect();
        assert_eq!(fixture.store.audit(&query).unwrap(), wanted, "{query:?}");
    }
    assert!(sizes.len() > 5, "the filters tell different parts of the log apart: {sizes:?}");
    let history = |path: &str, limit: usize| {
        let entries = fixture.store.history(&path.parse().unwrap(), None, None, limit).unwrap();
        entries.iter().map(|entry| entry.operation().as_str()).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(history("demo/dev", 2), "variable updated, environment updated");
    // The lockfile belongs to it, and who read secrets does not.
    assert_eq!(history("other/dev", 4), "variable deleted, secret version, variable updated, secret version");
}

pub fn batches_are_loaded_while_they_are_remembered(fixture: &Fixture) {
    let (mut world, _) = filled(&*fixture.store);
    let id = uuid::Uuid::from_u128(2);
    let loaded = fixture.store.load(world.now).unwrap();
    assert_eq!(loaded.batch(id, world.now).unwrap().results().len(), 2);
    let refused = loaded.batch(uuid::Uuid::from_u128(6), world.now).unwrap().results().remove(0);
    assert!(
        matches!(&refused.outcome, ItemOutcome::Refused(refusal) if refusal.code == Code::Protected),
        "{refused:?}"
    );
    world.now += SignedDuration::from_hours(25);
    let loaded = fixture.store.load(world.now).unwrap();
    assert!(loaded.batch(id, world.now).is_none());
    world.state.forget_batches(world.now);
    assert_eq!(loaded, world.state);
}

pub fn texts_come_back_as_they_were(fixture: &Fixture) {
    let mut world = World::new(State::default());
    let values = [
        "",
        " \t\r\n",
        "'; DROP TABLE x; --",
        "\"\\",
        "Straße 🦀 \u{1F468}\u{200D}\u{1F469}",
        &"é".repeat(32_768),
    ];
    let items =
        values.iter().enumerate().map(|(i, value)| put("demo/dev", &format!("K{i}"), value)).collect();
    commit(&*fixture.store, &mut world, &batch(1, vec![items]));
    let loaded = fixture.store.load(world.now).unwrap();
    assert_eq!(loaded, world.state);
    let environment = loaded.environment(&"demo/dev".parse().unwrap()).unwrap();
    let read: Vec<&str> = environment.variables.values().map(|variable| &*variable.value).collect();
    assert_eq!(read, values);
    assert!(verify(&*fixture.store, &[loaded.head()]).unwrap().is_intact());
}

pub fn recovering_loses_nothing(fixture: &Fixture) {
    let (mut world, _) = filled(&*fixture.store);
    assert_eq!(fixture.store.recover().unwrap(), world.state.head());
    commit(&*fixture.store, &mut world, &batch(9, vec![vec![put("demo/dev", "NEW", "1")]]));
    assert_eq!(fixture.store.load(world.now).unwrap(), world.state);
}

pub fn a_closed_store_says_so(fixture: &Fixture) {
    let (world, events) = filled(&*fixture.store);
    fixture.store.close().unwrap();
    let head = world.state.head();
    assert!(matches!(fixture.store.commit(head, &events), Err(StoreError::Closed)));
    assert!(matches!(fixture.store.maintain(Occasion::Idle), Err(StoreError::Closed)));
    assert!(matches!(fixture.store.head(), Err(StoreError::Closed)));
    assert!(matches!(fixture.store.audit(&AuditQuery::default()), Err(StoreError::Closed)));
}
