//! Who may call what: every method asks before it looks anything up, and a denial does not reveal what exists.

use std::{fs, path::Path, sync::Arc, time::Duration};

use jiff::SignedDuration;
use kontraktor_access::{Action, Authority, Caller, Scopes};
use kontraktor_domain::{
    AccessEvent, AuditEntry, Code, CreateEnvironment, CreateProject, CreateSchema, DeleteEnvironment,
    DeleteProject, DeleteSchema, EnvironmentSettings, ProjectSettings, Refusal, SchemaSettings,
    UpdateEnvironment, UpdateProject, UpdateSchema,
};
use kontraktor_model::names::{AccountName, EnvPath, Key, ProjectName};
use kontraktor_service::{NewAccount, NewCredential, PageRequest, SecretResult, Service, Target};
use kontraktor_store::{AuditQuery, MemoryStore, PointInTime, contract::world::role};
use strum::VariantArray as _;
use tempfile::TempDir;
use uuid::Uuid;

use super::{
    drained, duckdb,
    faults::{FaultyStore, InjectedFailure},
    start,
    world::{batch, caller, put, refer},
    write,
};

/// Calls the method that an action belongs to, on an environment that may or may not exist.
pub(crate) async fn call(
    service: &Service,
    caller: &Caller,
    action: Action,
    path: &EnvPath,
) -> Result<(), Refusal> {
    let page = PageRequest::default();
    let name = &path.project;
    let key = "KEY".parse().unwrap();
    let schema = "ports".parse().unwrap();
    let targets = [Target::Key(path.clone(), key)];
    let key = "KEY".parse().unwrap();
    let vault = "kv".parse().unwrap();
    let binding = role("viewer", "unix:bob", &path.to_string());
    let account: AccountName = path.env.as_str().parse().unwrap();
    let schema_settings = SchemaSettings { key_pattern: "A".to_owned(), schema: "{}".to_owned() };
    match action {
        Action::DaemonStatus => service.status(caller).map(drop),
        Action::StateRead => service.state(caller).map(drop),
        Action::ProjectList => service.projects(caller, &page).map(drop),
        Action::ProjectRead => service.project(caller, name).map(drop),
        Action::ProjectCreate => {
            let settings = ProjectSettings::default();
            let request = CreateProject { name: name.clone(), settings, adopt_existing: false };
            service.create_project(caller, request).await.map(drop)
        }
        Action::ProjectUpdate => {
            let request =
                UpdateProject { name: name.clone(), description: None, protected: None, expect: None };
            service.update_project(caller, request).await.map(drop)
        }
        Action::ProjectDelete => {
            service.delete_project(caller, DeleteProject { name: name.clone(), force: false }).await
        }
        Action::SchemaList => service.schemas(caller, name, &page).map(drop),
        Action::SchemaRead => service.schema(caller, name, &schema).map(drop),
        Action::SchemaCreate => {
            let request = CreateSchema {
                project: name.clone(),
                name: schema,
                settings: schema_settings,
                create_missing: false,
                adopt_existing: false,
            };
            service.create_schema(caller, request).await.map(drop)
        }
        Action::SchemaUpdate => {
            let request =
                UpdateSchema { project: name.clone(), name: schema, settings: schema_settings, expect: None };
            service.update_schema(caller, request).await.map(drop)
        }
        Action::SchemaDelete => {
            service.delete_schema(caller, DeleteSchema { project: name.clone(), name: schema }).await
        }
        Action::EnvironmentList => service.environments(caller, Some(name), &page).map(drop),
        Action::EnvironmentRead => service.environment(caller, path).map(drop),
        Action::EnvironmentCreate => {
            let request = CreateEnvironment {
                path: path.clone(),
                settings: EnvironmentSettings::default(),
                create_missing: false,
                adopt_existing: false,
            };
            service.create_environment(caller, request).await.map(drop)
        }
        Action::EnvironmentUpdate => {
            let request = UpdateEnvironment {
                path: path.clone(),
                description: None,
                protected: None,
                imports: None,
                expect: None,
            };
            service.update_environment(caller, request).await.map(drop)
        }
        Action::EnvironmentDelete => {
            service.delete_environment(caller, DeleteEnvironment { path: path.clone(), force: false }).await
        }
        Action::EnvironmentImport => {
            let request = UpdateEnvironment {
                path: path.clone(),
                description: None,
                protected: None,
                imports: Some(vec!["p/base".parse().unwrap()]),
                expect: None,
            };
            service.update_environment(caller, request).await.map(drop)
        }
        Action::EnvironmentRollback => service.rollback(caller, path.clone(), 1, None).await.map(drop),
        Action::SnapshotRead => {
            let now = service.snapshot(caller, path, false).map(drop);
            let at = PointInTime::Revision(1);
            let then = service.snapshot_at(caller, path, false, at).await.map(drop);
            assert_eq!(now, then);
            now
        }
        Action::SnapshotReadOwn => service.snapshot(caller, path, true).map(drop),
        Action::VariableRead => service.variable(caller, path, &key).map(drop),
        Action::VariableList => service.variables(caller, path, "", &page).map(drop),
        Action::VariableWrite => {
            let batch = batch(9, vec![vec![put(&path.to_string(), "KEY", "1")]]);
            service.write_variables(caller, batch).await.map(drop)
        }
        Action::AuditRead => {
            let query = AuditQuery { project: Some(name.clone()), ..AuditQuery::default() };
            service.audit(caller, query, &page).await.map(drop)
        }
        Action::HistoryRead => service.history(caller, path, None, None, &page).await.map(drop),
        Action::AuditVerify => service.verify(caller, None).await.map(drop),
        Action::SecretRead => only(service.read_secrets(caller, &targets, false).await?.secrets),
        Action::SecretStream => only(service.read_large_secret(caller, &targets[0], false).await?.secrets),
        Action::SecretReadEnvironment => {
            service.read_environment(caller, path, "", false, None, false).await.map(drop)
        }
        Action::SecretCheck => only(service.check_secrets(caller, &targets).await?),
        Action::SecretPurge => service.purge_secrets(caller, Some(&vault)).map(drop),
        Action::HoldRenew => service.renew_hold(caller, Uuid::nil()).map(drop),
        Action::HoldRelease => service.release_hold(caller, Uuid::nil()),
        Action::VaultList => service.vaults(caller).map(drop),
        Action::RoleGrant => service.grant_role(caller, binding).await.map(drop),
        Action::RoleRevoke => service.revoke_role(caller, binding).await,
        Action::RoleRead => service.role_binding(caller, &binding).map(drop),
        Action::RoleList => service.role_bindings(caller, None, None, &page).map(drop),
        Action::ServiceAccountCreate => {
            let credential = NewCredential::Secret(None);
            let new =
                NewAccount { name: account, description: String::new(), scopes: Scopes::NONE, credential };
            service.create_service_account(caller, new).await.map(drop)
        }
        Action::ServiceAccountRead => service.service_account(caller, &account).map(drop),
        Action::ServiceAccountList => service.service_accounts(caller, &page).map(drop),
        Action::ServiceAccountRotate => {
            service.rotate_service_account(caller, account, SignedDuration::ZERO, None).await.map(drop)
        }
        Action::ServiceAccountDelete => service.delete_service_account(caller, account).await,
    }
}

/// Returns what came of the only target.
fn only(secrets: Vec<SecretResult>) -> Result<(), Refusal> {
    secrets.into_iter().next().unwrap().secret.map(drop)
}

#[tokio::test]
async fn without_scopes_every_call_is_denied_and_reveals_nothing() {
    let service = start(Arc::new(MemoryStore::new()));
    write(&service, 1, vec![refer("p/dev", "KEY", "azure-kv://kv/db")]).await.unwrap();
    let nobody = Caller::new("unix:eve", "test", Scopes::NONE);
    let existing = "p/dev".parse().unwrap();
    let missing = "no/where".parse().unwrap();
    for action in Action::VARIANTS {
        let answers = [
            call(&service, &nobody, *action, &existing).await,
            call(&service, &nobody, *action, &missing).await,
        ];
        if *action == Action::DaemonStatus {
            assert_eq!(answers, [Ok(()), Ok(())], "every known caller may ask for the status");
            continue;
        }
        // Nobody gets that far: the environment itself comes first.
        let action = if *action == Action::EnvironmentImport { &Action::EnvironmentUpdate } else { action };
        assert_eq!(answers[0], answers[1], "{action} tells what exists from what does not");
        let refusal = answers[0].as_ref().unwrap_err();
        assert_eq!((refusal.code, refusal.field.as_deref()), (Code::Denied, None), "{action}");
        assert!(refusal.message.contains(&format!("{action} requires the scope ")), "{refusal}");
    }
}

/// The denials in the log: operation, action, what it was about, count and author.
async fn denials(service: &Service) -> Vec<String> {
    let query = AuditQuery { oldest_first: true, ..AuditQuery::default() };
    let page = PageRequest { size: Some(1000), token: None, ..PageRequest::default() };
    let page = service.audit(&caller(), query, &page).await.unwrap();
    let line = |entry: &AuditEntry| {
        let AccessEvent { access, count } = entry.access()?;
        let (operation, actor) = (entry.operation(), &entry.written.actor);
        let project = entry.project().map_or("", ProjectName::as_str);
        let env = entry.environment().map_or("", |path| path.env.as_str());
        let about = format!("{project}/{env}/{}", entry.key().map_or("", Key::as_str));
        let action = access.action.as_deref().unwrap_or_default();
        let peer = access.peer.as_deref().unwrap_or_default();
        Some(format!("{operation} {action} {about} x{count} {actor} {peer}"))
    };
    let mut lines: Vec<_> = page.items.iter().filter_map(|named| line(&named.entry)).collect();
    lines.sort();
    lines
}

/// Waits for the writer, which is a thread of its own.
async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        std::thread::sleep(Duration::from_millis(1));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn equal_denials_of_ten_seconds_are_one_row() {
    let service = start(Arc::new(MemoryStore::new()));
    let eve = Caller { peer: Some("pid:7".into()), ..Caller::new("unix:eve", "test", Scopes::NONE) };
    let path = "p/dev".parse().unwrap();
    let project = "p".parse().unwrap();
    for _ in 0..100_000 {
        service.snapshot(&eve, &path, false).unwrap_err();
    }
    service.project(&eve, &project).unwrap_err();
    service.verify(&eve, None).await.unwrap_err();
    let head = || service.status(&caller()).unwrap().head.unwrap().seq;
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert_eq!(head(), 0, "nobody waits for them");
    tokio::time::sleep(Duration::from_secs(2)).await;
    until(|| head() >= 3).await;
    let expected = [
        "access denied audit.verify // x1 unix:eve pid:7",
        "access denied project.read p// x1 unix:eve pid:7",
        "access denied snapshot.read p/dev/ x100000 unix:eve pid:7",
    ];
    assert_eq!(denials(&service).await, expected);
}

/// One request names up to 1,000 secrets, and those who may do nothing must not fill the log with them. The clock is the real
/// one: a paused clock jumps to the end of the ten seconds while the writer, a thread of its own, is at work.
#[tokio::test]
async fn denied_secrets_are_few_rows_of_an_actor_whatever_they_name() {
    let service = start(Arc::new(MemoryStore::new()));
    let head = || service.status(&caller()).unwrap().head.unwrap().seq;
    let targets: Vec<_> =
        (0..1_000).map(|n| Target::Key(format!("p{n}/dev").parse().unwrap(), "K".parse().unwrap())).collect();
    let (none, unseen) = (Scopes::NONE, Scopes::ALL);
    for (actor, scopes) in [("idp:eve", none), ("idp:mallory", unseen)] {
        let actor = Caller { authority: Authority::Roles, ..Caller::new(actor, "test", scopes) };
        let before = head();
        for _ in 0..10 {
            let answer = service.read_secrets(&actor, &targets, false).await;
            assert_eq!(answer.is_err(), scopes == none);
        }
        assert_eq!(head() - before, 16, "the first are written before they are answered");
    }
    tokio::time::sleep(Duration::from_secs(11)).await;
    until(|| head() >= 34).await;
    let rows = denials(&service).await;
    for actor in ["idp:eve", "idp:mallory"] {
        assert!(rows.contains(&format!("secret denied  // x9984 {actor} ")), "{rows:#?}");
    }
    assert_eq!(rows.len(), 34);
}

#[tokio::test(start_paused = true)]
async fn denials_wait_for_a_store_that_recovers() {
    let store = Arc::new(FaultyStore::default());
    let service = start(Arc::clone(&store) as _);
    store.next_commits(&[InjectedFailure::Full]);
    let eve = Caller::new("unix:eve", "test", Scopes::NONE);
    service.vaults(&eve).unwrap_err();
    tokio::time::sleep(Duration::from_secs(11)).await;
    let status = || service.status(&caller()).unwrap();
    until(|| status().write_error.is_some()).await;
    tokio::time::sleep(Duration::from_secs(11)).await;
    until(|| status().head.unwrap().seq > 0).await;
    assert_eq!(denials(&service).await, ["access denied vault.list // x1 unix:eve "]);
    assert!(service.verify(&caller(), None).await.unwrap().is_intact());
}

#[tokio::test]
async fn a_drain_writes_the_denials_that_wait() {
    let dir = TempDir::new().unwrap();
    let service = start(duckdb(dir.path()));
    let eve = Caller::new("unix:eve", "test", Scopes::NONE);
    service.environment(&eve, &"p/dev".parse().unwrap()).unwrap_err();
    drained(&service).await;
    drop(service);
    let service = start(duckdb(dir.path()));
    assert_eq!(denials(&service).await, ["access denied environment.read p/dev/ x1 unix:eve "]);
    assert!(service.verify(&caller(), None).await.unwrap().is_intact());
}

#[tokio::test]
async fn with_every_scope_no_call_is_denied() {
    let service = start(Arc::new(MemoryStore::new()));
    write(&service, 1, vec![refer("p/dev", "KEY", "azure-kv://kv/db")]).await.unwrap();
    let path = "p/dev".parse().unwrap();
    for action in Action::VARIANTS {
        if let Err(refusal) = call(&service, &caller(), *action, &path).await {
            assert_ne!(refusal.code, Code::Denied, "{action}: {refusal}");
        }
    }
}

/// Calls that touch no data of anybody: they start, stop and watch the service, do work that they are given, or find out who
/// calls.
const WITHOUT_CALLER: [&str; 10] = [
    "start",
    "start_with",
    "now",
    "probe",
    "fatal",
    "drain",
    "answer",
    "client",
    "record_token",
    "end_watches",
];

#[test]
fn every_public_method_of_the_service_takes_a_caller() {
    let mut files = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut methods = 0;
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for block in text.split("\nimpl Service {").skip(1) {
            let block = block.split("\n}\n").next().unwrap();
            for method in block.split("\n    pub ").skip(1) {
                let signature = method.split(" {\n").next().unwrap();
                let name = signature.split("fn ").nth(1).unwrap().split(['(', '<']).next().unwrap();
                if !WITHOUT_CALLER.contains(&name) {
                    assert!(signature.contains("caller: &Caller"), "{name} in {}", path.display());
                    methods += 1;
                }
            }
        }
    }
    assert!(methods >= Action::VARIANTS.len() / 2, "the methods were found: {methods}");
}
