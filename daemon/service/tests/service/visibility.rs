//! What a caller may not see does not exist: in lists, in the log, in figures, in messages, and in what they write.

use std::sync::Arc;

use kontraktor_access::{Caller, Scope, Scopes};
use kontraktor_domain::{Code, CreateEnvironment, EnvironmentSettings, ItemOutcome, UpdateEnvironment};
use kontraktor_service::{PageRequest, Service, Target};
use kontraktor_store::{AuditQuery, MemoryStore};

use super::{
    duckdb,
    roles::{grant, restricted},
    secrets::{Shelf, granting},
    start,
    world::{batch, caller, create_env, delete_env, importing, put, refer},
    write,
};

/// Projects a and b, each with dev and prod, and b/base, which a/dev imports; a schema in a.
async fn world(service: &Service) {
    let items = ["a/dev", "a/prod", "b/dev", "b/prod", "b/base"].map(|path| put(path, "K", path));
    write(service, 1, items.to_vec()).await.unwrap();
    service.update_environment(&caller(), importing("a/dev", &["b/base"])).await.unwrap();
    let schema = kontraktor_domain::CreateSchema {
        project: "a".parse().unwrap(),
        name: "ports".parse().unwrap(),
        settings: kontraktor_domain::SchemaSettings { key_pattern: "X".to_owned(), schema: "{}".to_owned() },
        create_missing: false,
        adopt_existing: false,
    };
    service.create_schema(&caller(), schema).await.unwrap();
}

fn all() -> PageRequest {
    PageRequest { size: Some(1000), token: None, ..PageRequest::default() }
}

async fn log(service: &Service, caller: &Caller) -> Vec<String> {
    let query = AuditQuery { oldest_first: true, ..AuditQuery::default() };
    let page = service.audit(caller, query, &all()).await.unwrap();
    let name = |entry: &kontraktor_domain::AuditEntry| match (entry.environment(), entry.project()) {
        (Some(path), _) => path.to_string(),
        (None, project) => project.map(ToString::to_string).unwrap_or_default(),
    };
    page.items.iter().map(|named| format!("{} {}", named.entry.operation(), name(&named.entry))).collect()
}

#[tokio::test]
async fn lists_figures_and_the_log_show_only_what_one_may_read() {
    let dir = tempfile::TempDir::new().unwrap();
    for service in [start(Arc::new(MemoryStore::new())), start(duckdb(dir.path()))] {
        world(&service).await;
        grant(&service, "viewer", "idp:eve", "a/dev").await;
        let eve = restricted("idp:eve", Scopes::ALL);
        let projects = service.projects(&eve, &all()).unwrap().items;
        let shown: Vec<_> = projects
            .iter()
            .map(|project| (project.name.as_str(), project.environments.len(), project.schemas.len()))
            .collect();
        assert_eq!(shown, [("a", 1, 0)]);
        assert_eq!(service.project(&eve, &"a".parse().unwrap()).unwrap().environments.len(), 1);
        let environments = |project: Option<&str>| {
            let project = project.map(|name| name.parse().unwrap());
            let page = service.environments(&eve, project.as_ref(), &all())?;
            Ok::<_, kontraktor_domain::Refusal>(
                page.items.iter().map(|env| env.path.to_string()).collect::<Vec<_>>(),
            )
        };
        assert_eq!(environments(None).unwrap(), ["a/dev"]);
        assert_eq!(environments(Some("a")).unwrap(), ["a/dev"]);
        assert_eq!(
            environments(Some("b")).unwrap_err(),
            environments(Some("none"))
                .map_err(|refusal| kontraktor_domain::Refusal {
                    message: refusal.message.replace("none", "b"),
                    ..refusal
                })
                .unwrap_err()
        );
        assert!(service.schemas(&eve, &"a".parse().unwrap(), &all()).unwrap().items.is_empty());
        let status = service.status(&eve).unwrap();
        assert_eq!((status.projects, status.environments, status.variables, status.head), (1, 1, 1, None));
        assert_eq!(
            log(&service, &eve).await,
            [
                "project created a",
                "environment created a/dev",
                "variable created a/dev",
                "environment adopted a/dev"
            ]
        );
        // In pages of one, nothing is lost and nothing shown that the token could tell.
        let mut token = None;
        for number in 1.. {
            let page = PageRequest { size: Some(1), token, ..PageRequest::default() };
            let page = service.audit(&eve, AuditQuery::default(), &page).await.unwrap();
            assert_eq!(page.items.len(), 1);
            token = page.next;
            if token.is_none() {
                assert_eq!(number, 4);
                break;
            }
        }
        let nobody = restricted("idp:nobody", Scopes::ALL);
        assert!(service.projects(&nobody, &all()).unwrap().items.is_empty());
        assert!(log(&service, &nobody).await.is_empty());
        // Who reads everything reads no roles, and who owns everything reads all.
        grant(&service, "viewer", "idp:all", "*").await;
        grant(&service, "owner", "idp:root", "*").await;
        let of_all = log(&service, &restricted("idp:all", Scopes::ALL)).await;
        assert!(!of_all.iter().any(|line| line.starts_with("role")), "{of_all:?}");
        assert_eq!(log(&service, &restricted("idp:root", Scopes::ALL)).await, log(&service, &caller()).await);
        // The name of an actor is about everything, as the record of a batch is.
        let ada = Caller { display_name: Some("Ada".into()), ..caller() };
        service.update_environment(&ada, importing("a/dev", &[])).await.unwrap();
        let sees = async |actor: &str| {
            let lines = log(&service, &restricted(actor, Scopes::ALL)).await;
            lines.iter().any(|line| line.starts_with("actor named"))
        };
        assert_eq!(
            [sees("idp:eve").await, sees("idp:all").await, sees("idp:root").await],
            [false, true, true]
        );
    }
}

#[tokio::test]
async fn an_import_needs_the_right_to_read_it_when_it_is_written() {
    let service = start(Arc::new(MemoryStore::new()));
    world(&service).await;
    grant(&service, "editor", "idp:eve", "a/*").await;
    let eve = restricted("idp:eve", Scopes::ALL);
    let create = |import: &str| CreateEnvironment {
        path: "a/new".parse().unwrap(),
        settings: EnvironmentSettings { imports: vec![import.parse().unwrap()], ..Default::default() },
        create_missing: false,
        adopt_existing: false,
    };
    for (hidden, missing) in [("b/dev", "b/none"), ("b/prod", "none/dev")] {
        let refused = [
            service.create_environment(&eve, create(hidden)).await.unwrap_err(),
            service.update_environment(&eve, importing("a/prod", &[hidden])).await.unwrap_err(),
        ];
        let other = [
            service.create_environment(&caller(), create(missing)).await.unwrap_err(),
            service.update_environment(&caller(), importing("a/prod", &[missing])).await.unwrap_err(),
        ];
        for (refused, mut other) in refused.into_iter().zip(other) {
            other.message = other.message.replace(missing, hidden);
            assert_eq!(refused, other);
        }
    }
    // What it imports already is read through it, and stays.
    let dev = service.snapshot(&eve, &"a/dev".parse().unwrap(), false).unwrap();
    assert_eq!(dev.size(), 2);
    let keep = UpdateEnvironment { description: Some("kept".to_owned()), ..importing("a/dev", &["b/base"]) };
    service.update_environment(&eve, keep).await.unwrap();
    service.update_environment(&eve, importing("a/dev", &[])).await.unwrap();
    let refused = service.rollback(&eve, "a/dev".parse().unwrap(), 2, None).await.unwrap_err();
    assert_eq!(refused.code, Code::NotFound);
    assert!(
        refused.message.contains(
            "cannot be restored: environment \"a/dev\" cannot import \"b/base\", which does not exist"
        ),
        "{refused}"
    );
    service.rollback(&caller(), "a/dev".parse().unwrap(), 2, None).await.unwrap();
    let write_only = restricted("idp:eve", Scopes::of(&[Scope::EnvWrite]));
    let refused = service.update_environment(&write_only, importing("a/prod", &["a/dev"])).await.unwrap_err();
    assert!(refused.message.contains("environment.import requires the scope env.read"), "{refused}");
}

#[tokio::test]
async fn messages_name_no_environment_that_one_may_not_read() {
    let service = start(Arc::new(MemoryStore::new()));
    world(&service).await;
    service.update_environment(&caller(), importing("b/prod", &["b/base"])).await.unwrap();
    service.update_environment(&caller(), importing("b/base", &["a/prod"])).await.unwrap();
    grant(&service, "editor", "idp:eve", "a/*").await;
    let eve = restricted("idp:eve", Scopes::ALL);
    write(&service, 2, vec![super::world::delete("a/prod", "K")]).await.unwrap();
    let delete = || service.delete_environment(&eve, delete_env("a/prod"));
    insta::assert_snapshot!(delete().await.unwrap_err().message, @r#"environment "a/prod" is imported by environments that the caller may not read"#);
    service.create_environment(&caller(), create_env("a/third", "")).await.unwrap();
    service.update_environment(&caller(), importing("a/third", &["a/prod"])).await.unwrap();
    insta::assert_snapshot!(delete().await.unwrap_err().message, @r#"environment "a/prod" is imported by 1 other environment and by some that the caller may not read: a/third"#);
    let cycle = service.update_environment(&eve, importing("a/prod", &["a/dev"])).await.unwrap_err();
    insta::assert_snapshot!(cycle.message, @r#"environment "a/prod" would import itself: a/prod -> a/dev -> (another environment) -> a/prod"#);
    let force = kontraktor_domain::DeleteProject { name: "a".parse().unwrap(), force: true };
    let refused = service.delete_project(&eve, force).await.unwrap_err();
    insta::assert_snapshot!(refused.message, @r#"environments of other projects, which the caller may not read, import from project "a""#);
}

#[tokio::test]
async fn each_environment_of_a_batch_is_decided_separately() {
    let service = start(Arc::new(MemoryStore::new()));
    world(&service).await;
    grant(&service, "editor", "idp:eve", "a/*").await;
    let eve = restricted("idp:eve", Scopes::ALL);
    let groups = vec![
        vec![put("a/dev", "N", "1")],
        vec![put("b/dev", "N", "1")],
        vec![put("a/dev", "M", "1"), put("no/where", "M", "1")],
    ];
    let written = service.write_variables(&eve, batch(7, groups.clone())).await.unwrap();
    let outcomes: Vec<_> = written
        .results
        .iter()
        .map(|result| match &result.outcome {
            ItemOutcome::Refused(refusal) => {
                (format!("{:?}", refusal.code), result.environment_revision.is_some())
            }
            other => (format!("{other:?}"), result.environment_revision.is_some()),
        })
        .collect();
    let words: Vec<_> = outcomes.iter().map(|(word, _)| word.as_str()).collect();
    assert_eq!(words, ["Written", "Denied", "Skipped", "Denied"]);
    assert!(!outcomes[1].1 && !outcomes[3].1, "what is hidden has no revision");
    assert!(service.write_variables(&eve, batch(7, groups)).await.unwrap().replayed);
    for path in ["b/dev", "no/where"] {
        let refused =
            service.write_variables(&eve, batch(8, vec![vec![put(path, "N", "1")]])).await.unwrap_err();
        let text = format!(
            "permission denied: variable.write requires the role editor on {path}, which idp:eve does not have"
        );
        assert_eq!((refused.code, refused.message), (Code::Denied, text));
    }
}

#[tokio::test]
async fn writing_alone_is_enough_for_the_life_of_a_variable() {
    let service = start(Arc::new(MemoryStore::new()));
    world(&service).await;
    grant(&service, "editor", "service-account:tf", "a/*").await;
    let tf = restricted("service-account:tf", Scopes::of(&[Scope::EnvWrite]));
    let path = "a/dev".parse().unwrap();
    service.write_variables(&tf, batch(5, vec![vec![put("a/dev", "N", "1")]])).await.unwrap();
    service.variable(&tf, &path, &"N".parse().unwrap()).unwrap();
    assert_eq!(service.snapshot(&tf, &path, true).unwrap().size(), 2);
    service.variables(&tf, &path, "", &all()).unwrap();
    assert!(service.snapshot(&tf, &path, false).unwrap_err().message.contains("requires the scope env.read"));
    service.write_variables(&tf, batch(6, vec![vec![super::world::delete("a/dev", "N")]])).await.unwrap();
}

async fn resolve(service: &Service, caller: &Caller, targets: &[Target]) -> Vec<String> {
    let answer = service.read_secrets(caller, targets, false).await.unwrap();
    let word = |secret: &kontraktor_service::SecretResult| match &secret.secret {
        Ok(_) => "read".to_owned(),
        Err(refusal) => format!("{:?}: {refusal}", refusal.code),
    };
    answer.secrets.iter().map(word).collect()
}

/// They may ask whether their references can be resolved, and hear nothing of what is imported.
#[tokio::test]
async fn a_writer_who_does_not_read_checks_own_references_alone() {
    let vault = Arc::new(Shelf::default());
    vault.put("app-db", "s3cret");
    let service = granting(Arc::new(MemoryStore::new()), &vault, &[("*", "app-*")]);
    world(&service).await;
    let refer = |path, key| refer(path, key, "azure-kv://kv/app-db");
    let items = vec![refer("a/dev", "OWN"), refer("b/base", "IMPORTED"), put("b/base", "PLAIN", "1")];
    write(&service, 2, items).await.unwrap();
    grant(&service, "editor", "idp:eve", "a/dev").await;
    let checked = async |scopes: &[Scope]| {
        let eve = restricted("idp:eve", Scopes::of(scopes));
        let targets = ["OWN", "IMPORTED", "PLAIN", "NONE"]
            .map(|key| Target::Key("a/dev".parse().unwrap(), key.parse().unwrap()));
        let results = service.check_secrets(&eve, &targets).await.unwrap();
        let code = |result: kontraktor_service::SecretResult| result.secret.err().map(|refusal| refusal.code);
        results.into_iter().map(code).collect::<Vec<_>>()
    };
    let unknown = Some(Code::NotFound);
    assert_eq!(checked(&[Scope::EnvWrite]).await, [None, unknown, unknown, unknown]);
    assert_eq!(
        checked(&[Scope::EnvRead, Scope::EnvWrite]).await,
        [None, Some(Code::Denied), Some(Code::NotASecret), unknown]
    );
}

#[tokio::test]
async fn a_secret_needs_the_right_to_its_origin_and_a_grant_of_its_vault() {
    let vault = Arc::new(Shelf::default());
    for name in ["app-db", "other"] {
        vault.put(name, "s3cret");
    }
    let grants = [("a/*", "app-*"), ("b/base", "app-*")];
    let service = granting(Arc::new(MemoryStore::new()), &vault, &grants);
    world(&service).await;
    let items = vec![
        refer("a/dev", "OWN", "azure-kv://kv/app-db"),
        refer("b/base", "IMPORTED", "azure-kv://kv/app-db"),
        refer("a/dev", "WIDE", "azure-kv://kv/other"),
    ];
    write(&service, 2, items).await.unwrap();
    for (name, pattern) in [("editor", "a/*"), ("secret-reader", "a/*")] {
        grant(&service, name, "idp:eve", pattern).await;
    }
    let eve = restricted("idp:eve", Scopes::of(&[Scope::EnvRead, Scope::EnvWrite, Scope::SecretRead]));
    let key = |path: &str, key: &str| Target::Key(path.parse().unwrap(), key.parse().unwrap());
    let targets = [
        key("a/dev", "OWN"),
        key("a/dev", "IMPORTED"),
        key("a/dev", "WIDE"),
        key("b/base", "IMPORTED"),
        key("none/dev", "K"),
    ];
    insta::assert_snapshot!(resolve(&service, &eve, &targets).await.join("\n"), @r#"
    read
    Denied: permission denied: secret.read requires the role secret-reader on b/base, which idp:eve does not have
    Denied: permission denied: vault "kv" does not grant this path to environment "a/dev"
    NotFound: project "b" does not exist
    NotFound: project "none" does not exist
    "#);
    let whole =
        service.read_environment(&eve, &"a/dev".parse().unwrap(), "", false, None, false).await.unwrap();
    let read: Vec<_> = whole.secrets.secrets.iter().map(|secret| secret.secret.is_ok()).collect();
    assert_eq!(read, [false, true, false]);
    grant(&service, "secret-reader", "idp:eve", "b/base").await;
    assert_eq!(resolve(&service, &eve, &targets[1..2]).await, ["read"]);

    // Written: by grant, and the same for a vault that does not exist.
    for (reference, outcome) in
        [("azure-kv://kv/app-new", true), ("azure-kv://kv/other", false), ("azure-kv://none/app-db", false)]
    {
        let id = uuid::Uuid::new_v4().as_u128();
        let written = service
            .write_variables(&eve, batch(id, vec![vec![refer("a/prod", "R", reference)]]))
            .await
            .unwrap();
        match &written.results[0].outcome {
            ItemOutcome::Refused(refusal) => {
                assert!(
                    !outcome && refusal.code == Code::Denied && refusal.field.as_deref() == Some("reference"),
                    "{refusal}"
                );
            }
            other => assert!(outcome, "{other:?}"),
        }
    }
    // By reference: a role on everything, and any grant; or to own everything.
    let reference = |text: &str| [Target::Reference(text.parse().unwrap())];
    let (granted, other) = (reference("azure-kv://kv/app-db"), reference("azure-kv://kv/other"));
    let refused = service.read_secrets(&eve, &granted, false).await.unwrap_err();
    assert!(refused.message.contains("requires the role secret-reader on *"), "{refused}");
    grant(&service, "secret-reader", "idp:eve", "*").await;
    assert_eq!(resolve(&service, &eve, &granted).await, ["read"]);
    assert!(resolve(&service, &eve, &other).await[0].starts_with("Denied"));
    grant(&service, "owner", "idp:root", "*").await;
    let root = restricted("idp:root", Scopes::ALL);
    assert_eq!(resolve(&service, &root, &other).await, ["read"]);
    assert!(
        resolve(&service, &restricted("idp:root", Scopes::of(&[Scope::SecretRead])), &other).await[0]
            .starts_with("Denied")
    );
    assert_eq!(resolve(&service, &caller(), &other).await, ["read"]);

    // Vaults are shown to those who read an environment that they grant something to.
    grant(&service, "viewer", "idp:dev", "b/dev").await;
    assert!(service.vaults(&restricted("idp:dev", Scopes::ALL)).unwrap().is_empty());
    assert_eq!(service.vaults(&eve).unwrap().len(), 1);
    let lines = log(&service, &caller()).await;
    let count = |line: &str| lines.iter().filter(|found| **found == line).count();
    assert_eq!(
        (count("secret denied a/dev"), count("secret denied b/base"), count("secret denied none/dev")),
        (4, 1, 1)
    );
}
