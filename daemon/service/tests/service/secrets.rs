//! Secrets through the service: who may, what is written down, and what it costs.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use kontraktor_access::{Caller, Scope, Scopes};
use kontraktor_domain::{AccessEvent, AuditSubject, Code, Operation, Refusal};
use kontraktor_model::{names::Key, reference::Secret};
use kontraktor_service::{PageRequest, Service, ServiceOptions, Target};
use kontraktor_store::{AuditQuery, MemoryStore, PointInTime, Store};
use kontraktor_vault::{
    Broker, Bytes, ConfiguredVault, Content, Fetched, Grants, Lease, LeaseId, Limits, Vault, VaultError,
    VaultErrorKind,
};

use super::{
    HandClock,
    faults::{FaultyStore, InjectedFailure},
    world::{caller, importing, put, refer},
    write,
};

/// A vault in memory: names, and the values of their versions, the newest last.
#[derive(Default)]
pub(crate) struct Shelf {
    secrets: Mutex<HashMap<String, Vec<String>>>,
    reads: AtomicUsize,
}

impl Shelf {
    pub(crate) fn put(&self, name: &str, value: &str) {
        self.secrets.lock().unwrap().entry(name.to_owned()).or_default().push(value.to_owned());
    }
}

#[async_trait]
impl Vault for Shelf {
    async fn fetch(&self, secret: &Secret) -> Result<Fetched, VaultError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let secrets = self.secrets.lock().unwrap();
        let versions = secrets
            .get(secret.path())
            .ok_or_else(|| VaultError::new(VaultErrorKind::NotFound, "the secret does not exist"))?;
        let version = match secret.pinned_version() {
            Some(version) => version.parse().unwrap(),
            None => versions.len(),
        };
        let value = versions
            .get(version - 1)
            .ok_or_else(|| VaultError::new(VaultErrorKind::VersionGone, "it is gone"))?;
        let lease = secret.path().starts_with("dynamic").then(|| Lease {
            id: LeaseId("lease".into()),
            duration: Duration::from_mins(10),
            renewable: true,
        });
        Ok(Fetched {
            content: Content::Whole(Bytes::from(value.clone())),
            version: lease.is_none().then(|| version.to_string()),
            lease,
        })
    }

    async fn version(&self, secret: &Secret) -> Result<Option<String>, VaultError> {
        self.fetch(secret).await.map(|fetched| fetched.version)
    }

    async fn renew(&self, _: &LeaseId, _: Duration) -> Result<Lease, VaultError> {
        Err(VaultError::new(VaultErrorKind::LeaseGone, "it is over"))
    }

    async fn revoke(&self, _: &LeaseId) -> Result<(), VaultError> {
        Ok(())
    }

    async fn check(&self) -> Result<Vec<String>, VaultError> {
        Ok(Vec::new())
    }
}

/// No reads are answered from memory, so that what the vault holds is what is read.
fn service(store: Arc<dyn Store>, vault: &Arc<Shelf>) -> Service {
    granting(store, vault, &[])
}

/// The same with grants, each an environment's pattern and a path.
pub(crate) fn granting(store: Arc<dyn Store>, vault: &Arc<Shelf>, grants: &[(&str, &str)]) -> Service {
    let clock = HandClock::new();
    let configured = ConfiguredVault {
        name: "kv".parse().unwrap(),
        kind: "azure-kv",
        address: None,
        grants: Grants::parse(grants.iter().copied()).unwrap(),
        limits: Limits { ttl: Duration::ZERO, negative_ttl: Duration::ZERO, ..Limits::default() },
        ca_digest: None,
        vault: Arc::clone(vault) as Arc<dyn Vault>,
    };
    let time = clock.clone();
    let broker = Broker::new(vec![configured], Arc::new(move || kontraktor_service::Clock::now(&time)));
    Service::start_with(store, Arc::new(clock), ServiceOptions::default(), broker).unwrap()
}

fn with(scopes: &[Scope]) -> Caller {
    Caller { scopes: scopes.iter().copied().collect(), peer: Some("pid:4711".into()), ..caller() }
}

fn key(path: &str, key: &str) -> Target {
    Target::Key(path.parse().unwrap(), key.parse().unwrap())
}

/// What came of each target, in a line each.
async fn read(service: &Service, targets: &[Target]) -> Vec<String> {
    let answer = service.read_secrets(&with(&[Scope::SecretRead]), targets, false).await.unwrap();
    answer
        .secrets
        .iter()
        .map(|result| match &result.secret {
            Ok(secret) => String::from_utf8(secret.value.expose().to_vec()).unwrap(),
            Err(refusal) => format!("{:?}: {refusal}", refusal.code),
        })
        .collect()
}

/// The accesses in the log, oldest first: operation, key, version, problem, count, actor and peer.
async fn accesses(service: &Service) -> Vec<String> {
    let query = AuditQuery { oldest_first: true, ..AuditQuery::default() };
    let page = service
        .audit(&caller(), query, &PageRequest { size: Some(1000), token: None, ..PageRequest::default() })
        .await
        .unwrap();
    page.items
        .iter()
        .filter_map(|named| {
            let entry = &named.entry;
            let line = match &entry.subject {
                AuditSubject::Access(AccessEvent { access, count }) => {
                    let path = access.environment.as_ref().map_or("/".to_owned(), ToString::to_string);
                    let problem = access.problem.map(|code| format!(" {code}")).unwrap_or_default();
                    format!(
                        "{} {path} {} {} v{}{problem} x{count} {}",
                        entry.operation(),
                        access.key.as_ref().map_or("", Key::as_str),
                        access.reference.as_deref().unwrap_or_default(),
                        access.version.as_deref().unwrap_or_default(),
                        access.peer.as_deref().unwrap_or_default(),
                    )
                }
                AuditSubject::Version(line) => format!(
                    "{} {} {} {} v{} x1",
                    entry.operation(),
                    line.path,
                    line.key,
                    line.reference,
                    line.version
                ),
                _ => return None,
            };
            Some(line.trim_end().to_owned())
        })
        .collect()
}

#[tokio::test]
async fn a_secret_is_handed_out_through_a_key_and_written_down() {
    let vault = Arc::new(Shelf::default());
    vault.put("db", "hunter2");
    let service = service(Arc::new(MemoryStore::new()), &vault);
    let items = vec![
        put("p/base", "PLAIN", "1"),
        refer("p/base", "DB", "azure-kv://kv/db"),
        refer("p/dev", "NONE", "azure-kv://kv/none"),
    ];
    write(&service, 1, items).await.unwrap();
    service.update_environment(&caller(), importing("p/dev", &["p/base"])).await.unwrap();
    let targets = [
        key("p/dev", "DB"),
        key("p/dev", "PLAIN"),
        key("p/dev", "MISSING"),
        key("p/nowhere", "DB"),
        key("p/dev", "NONE"),
        Target::Reference("azure-kv://kv/db".parse().unwrap()),
        Target::Reference("azure-kv://other/db".parse().unwrap()),
        Target::Reference("vault://kv/secret/db#x".parse().unwrap()),
    ];
    let before = service.environment(&caller(), &"p/base".parse().unwrap()).unwrap();
    let answer = read(&service, &targets).await;
    assert_eq!((answer[0].as_str(), answer[5].as_str()), ("hunter2", "hunter2"));
    let codes: Vec<&str> = answer.iter().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(codes[1..5], ["NotASecret", "NotFound", "NotFound", "SecretNotFound"]);
    assert_eq!(codes[6..], ["UnknownVault", "UnknownVault"]);

    let mut lines = accesses(&service).await;
    lines.sort();
    insta::assert_snapshot!(lines.join("\n"), @r"
    secret failed /  azure-kv://other/db v unknown_vault x1 pid:4711
    secret failed /  vault://kv/secret/db#x v unknown_vault x1 pid:4711
    secret failed p/dev MISSING  v not_found x1 pid:4711
    secret failed p/dev NONE azure-kv://kv/none v secret_not_found x1 pid:4711
    secret failed p/dev PLAIN  v not_a_secret x1 pid:4711
    secret failed p/nowhere DB  v not_found x1 pid:4711
    secret read /  azure-kv://kv/db v1 x1 pid:4711
    secret read p/dev DB azure-kv://kv/db v1 x1 pid:4711
    secret version p/base DB azure-kv://kv/db v1 x1
    ");
    let after = service.environment(&caller(), &"p/base".parse().unwrap()).unwrap();
    assert_eq!((before.revision, before.written.clone()), (after.revision, after.written.clone()));
    let held = format!("{:?}", service.state(&caller()).unwrap());
    assert!(!held.contains("hunter2") && !lines.join("").contains("hunter2"));
}

#[tokio::test]
async fn reading_environments_does_not_mean_reading_secrets() {
    let vault = Arc::new(Shelf::default());
    vault.put("db", "hunter2");
    let service = service(Arc::new(MemoryStore::new()), &vault);
    write(&service, 1, vec![refer("p/dev", "DB", "azure-kv://kv/db")]).await.unwrap();
    let path = "p/dev".parse().unwrap();
    let target = [key("p/dev", "DB")];
    let denied = |refusal: Refusal| (refusal.code, refusal.message);

    let env_only = with(&[Scope::EnvRead, Scope::EnvWrite]);
    let answer = denied(service.read_secrets(&env_only, &target, false).await.unwrap_err());
    assert_eq!(
        answer,
        (
            Code::Denied,
            "permission denied: secret.read requires the scope secret.read, which unix:ada does not have"
                .to_owned()
        )
    );
    let answer = service.read_environment(&env_only, &path, "", false, None, false).await.unwrap_err();
    assert_eq!(answer.code, Code::Denied);
    let answer = service.read_large_secret(&env_only, &target[0], false).await.unwrap_err();
    assert_eq!(answer.code, Code::Denied);
    assert_eq!(service.purge_secrets(&env_only, None).unwrap_err().code, Code::Denied);
    assert_eq!(vault.reads.load(Ordering::Relaxed), 0, "the vault was not asked");
    let checked = service.check_secrets(&env_only, &target).await.unwrap();
    assert!(
        checked[0].secret.as_ref().unwrap().value.is_empty(),
        "checking needs env.write, and hands nothing out"
    );

    let secret_only = with(&[Scope::SecretRead]);
    assert!(service.read_secrets(&secret_only, &target, false).await.unwrap().secrets[0].secret.is_ok());
    let answer =
        denied(service.read_environment(&secret_only, &path, "", false, None, false).await.unwrap_err());
    assert_eq!(answer, (Code::Denied, "permission denied: secret.read-environment requires the scope env.read, which unix:ada does not have".to_owned()));
    let nobody = with(&[]);
    assert_eq!(service.check_secrets(&nobody, &target).await.unwrap_err().code, Code::Denied);
    let batch = super::world::batch(2, vec![vec![put("p/dev", "A", "1")]]);
    let answer = denied(service.write_variables(&secret_only, batch).await.unwrap_err());
    assert_eq!(
        answer,
        (
            Code::Denied,
            "permission denied: variable.write requires the scope env.write, which unix:ada does not have"
                .to_owned()
        )
    );

    let lines = accesses(&service).await;
    let denials = lines.iter().filter(|line| line.starts_with("secret denied p/dev")).count();
    assert_eq!(denials, 5, "{lines:#?}");
}

#[tokio::test]
async fn a_read_that_cannot_be_written_down_is_refused() {
    let vault = Arc::new(Shelf::default());
    vault.put("db", "hunter2");
    let store = Arc::new(FaultyStore::default());
    let service = service(Arc::clone(&store) as _, &vault);
    write(&service, 1, vec![refer("p/dev", "DB", "azure-kv://kv/db")]).await.unwrap();
    store.next_commits(&[InjectedFailure::Full, InjectedFailure::Full]);
    let target = [key("p/dev", "DB")];
    let refusal = service.read_secrets(&with(&[Scope::SecretRead]), &target, false).await.unwrap_err();
    assert_eq!(refusal.code, Code::StorageFull);
    assert!(refusal.message.starts_with("the access cannot be recorded in the audit log"), "{refusal}");
    let refusal = service.read_secrets(&with(&[]), &target, false).await.unwrap_err();
    assert_eq!(refusal.code, Code::StorageFull, "a denial that cannot be written down says so");
    assert_eq!(read(&service, &target).await, ["hunter2"]);
}

#[tokio::test]
async fn equal_accesses_that_come_together_are_few_rows() {
    let vault = Arc::new(Shelf::default());
    vault.put("db", "hunter2");
    let service = service(Arc::new(MemoryStore::new()), &vault);
    write(&service, 1, vec![refer("p/dev", "DB", "azure-kv://kv/db")]).await.unwrap();
    let before = service.status(&caller()).unwrap().head.unwrap().seq;
    let readers: Vec<_> = (0..500)
        .map(|_| {
            let service = service.clone();
            tokio::spawn(async move { read(&service, &[key("p/dev", "DB")]).await })
        })
        .collect();
    for reader in readers {
        assert_eq!(reader.await.unwrap(), ["hunter2"]);
    }
    let query = AuditQuery { oldest_first: true, beyond: Some(before), ..AuditQuery::default() };
    let page = service
        .audit(&caller(), query, &PageRequest { size: Some(1000), token: None, ..PageRequest::default() })
        .await
        .unwrap();
    let reads = page.items.iter().filter(|named| named.entry.operation() == Operation::SecretRead);
    let counts: Vec<u64> = reads.map(|named| named.entry.access().unwrap().count).collect();
    assert_eq!(counts.iter().sum::<u64>(), 500, "every access is counted");
    assert!(counts.len() < 250, "{} rows", counts.len());
    assert!(service.verify(&caller(), None).await.unwrap().is_intact());
}

/// A rotation shows as another version; a revision keeps the versions that were seen until the next one.
#[tokio::test]
async fn an_environment_is_read_with_the_secrets_of_its_time() {
    let vault = Arc::new(Shelf::default());
    vault.put("db", "old");
    let service = service(Arc::new(MemoryStore::new()), &vault);
    let items = vec![
        refer("p/dev", "DB", "azure-kv://kv/db"),
        refer("p/dev", "UNREAD", "azure-kv://kv/db"),
        put("p/dev", "A", "1"),
    ];
    write(&service, 1, items).await.unwrap();
    let first = service.environment(&caller(), &"p/dev".parse().unwrap()).unwrap().revision;
    let path = "p/dev".parse().unwrap();
    assert_eq!(read(&service, &[key("p/dev", "DB")]).await, ["old"]);
    write(&service, 2, vec![put("p/dev", "A", "2")]).await.unwrap();
    vault.put("db", "new");
    assert_eq!(read(&service, &[key("p/dev", "DB")]).await, ["new"]);
    let lock = |snapshot: &kontraktor_service::Snapshot| {
        let entry = snapshot.get(&"DB".parse().unwrap()).unwrap();
        entry.origin.seen_version(entry.variable).map(|seen| seen.version.to_string())
    };
    let now = service.snapshot(&caller(), &path, false).unwrap();
    let then = service.snapshot_at(&caller(), &path, false, PointInTime::Revision(first)).await.unwrap();
    assert_eq!((lock(&then).as_deref(), lock(&now).as_deref()), (Some("1"), Some("2")));
    assert_ne!(then.version(), now.version());

    let all = with(&[Scope::EnvRead, Scope::SecretRead]);
    let at = Some(PointInTime::Revision(first));
    let past = service.read_environment(&all, &path, "", false, at, false).await.unwrap();
    let secrets = past.secrets.secrets;
    assert_eq!(secrets[0].secret.as_ref().unwrap().value.expose(), b"old");
    assert_eq!(secrets[0].reference.as_deref(), Some("azure-kv://kv/db?version=1"));
    assert_eq!(secrets[1].secret.as_ref().unwrap_err().code, Code::SecretVersionUnknown);
    let now = service.read_environment(&all, &path, "D", false, None, false).await.unwrap();
    assert_eq!(now.secrets.secrets.len(), 1, "only what the prefix asks for");
    assert_eq!(now.secrets.secrets[0].secret.as_ref().unwrap().value.expose(), b"new");
    // What was read of the past is not the newest version.
    let now = service.snapshot(&caller(), &path, false).unwrap();
    assert_eq!(lock(&now).as_deref(), Some("2"));
}

#[tokio::test]
async fn what_one_message_cannot_carry_is_streamed() {
    let vault = Arc::new(Shelf::default());
    vault.put("big", &"x".repeat(65_537));
    vault.put("fits", &"y".repeat(65_536));
    let service = service(Arc::new(MemoryStore::new()), &vault);
    let target = |name: &str| Target::Reference(format!("azure-kv://kv/{name}").parse().unwrap());
    let all = with(&[Scope::SecretRead]);
    let answer = service.read_secrets(&all, &[target("big"), target("fits")], false).await.unwrap();
    let refusal = answer.secrets[0].secret.as_ref().unwrap_err();
    assert_eq!(refusal.code, Code::SecretTooLarge);
    assert!(refusal.message.contains("65537") && refusal.message.contains("64 KiB"), "{refusal}");
    assert_eq!(answer.secrets[1].secret.as_ref().unwrap().value.len(), 65_536);
    let large = service.read_large_secret(&all, &target("big"), false).await.unwrap();
    assert_eq!(large.secrets[0].secret.as_ref().unwrap().value.len(), 65_537);
}

#[tokio::test]
async fn a_hold_is_given_for_what_has_a_lease_and_to_nobody_else() {
    let vault = Arc::new(Shelf::default());
    vault.put("dynamic-db", "made for you");
    vault.put("db", "hunter2");
    let service = service(Arc::new(MemoryStore::new()), &vault);
    let target = |name: &str| [Target::Reference(format!("azure-kv://kv/{name}").parse().unwrap())];
    let ada = with(&[Scope::SecretRead]);
    let eve = Caller { actor: "unix:eve".into(), ..ada.clone() };
    assert!(service.read_secrets(&ada, &target("db"), true).await.unwrap().hold.is_none());
    let held = service.read_secrets(&ada, &target("dynamic-db"), true).await.unwrap();
    let hold = held.hold.unwrap();
    assert!(hold.renew_at < hold.expires);
    assert_eq!(service.renew_hold(&eve, hold.id).unwrap_err().code, Code::HoldGone);
    assert!(service.renew_hold(&ada, hold.id).is_ok());
    service.release_hold(&ada, hold.id).unwrap();
    service.release_hold(&ada, hold.id).unwrap();
    assert_eq!(service.renew_hold(&ada, hold.id).unwrap_err().code, Code::HoldGone);
}

#[tokio::test]
async fn too_many_or_no_targets_are_refused_with_the_limit() {
    let service = service(Arc::new(MemoryStore::new()), &Arc::new(Shelf::default()));
    let all = Caller { scopes: Scopes::ALL, ..caller() };
    let target = Target::Reference("azure-kv://kv/a".parse().unwrap());
    for count in [0, 1001] {
        let refusal = service.read_secrets(&all, &vec![target.clone(); count], false).await.unwrap_err();
        assert_eq!((refusal.code, refusal.field.as_deref()), (Code::Invalid, Some("targets")));
        assert!(refusal.message.contains("1000"), "{refusal}");
    }
}
