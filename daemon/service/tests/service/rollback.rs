//! Going back to an earlier revision, through the service.

use std::sync::Arc;

use kontraktor_domain::{Code, DeleteEnvironment, Refusal, Restored};
use kontraktor_service::Service;
use kontraktor_store::{MemoryStore, Store};
use tempfile::TempDir;

use super::{
    drained, duckdb, start,
    world::{caller, delete, delete_env, importing, put, update_env},
    write,
};

async fn rollback(service: &Service, path: &str, to: u64, expect: Option<u64>) -> Result<Restored, Refusal> {
    service.rollback(&caller(), path.parse().unwrap(), to, expect).await
}

/// Three revisions of `app/dev`, and an environment that it imported for a while.
async fn changed(store: Arc<dyn Store>) -> Service {
    let service = start(store);
    write(&service, 1, vec![put("shared/base", "X", "1")]).await.unwrap();
    write(&service, 2, vec![put("app/dev", "A", "1"), put("app/dev", "B", "1"), put("app/dev", "SAME", "1")])
        .await
        .unwrap();
    service.update_environment(&caller(), update_env("app/dev", "as it was")).await.unwrap();
    service.update_environment(&caller(), importing("app/dev", &["shared/base"])).await.unwrap();
    write(&service, 3, vec![put("app/dev", "A", "2"), put("app/dev", "C", "2"), delete("app/dev", "B")])
        .await
        .unwrap();
    service.update_environment(&caller(), importing("app/dev", &[])).await.unwrap();
    service.update_environment(&caller(), update_env("app/dev", "another")).await.unwrap();
    service
}

fn own(service: &Service) -> Vec<String> {
    let environment = service.environment(&caller(), &"app/dev".parse().unwrap()).unwrap();
    let values = environment.variables.values();
    values.map(|variable| format!("{}={}@{}", variable.key, variable.value, variable.revision)).collect()
}

async fn an_environment_goes_back(store: Arc<dyn Store>) {
    let service = changed(store).await;
    assert_eq!(own(&service), ["A=2@4", "C=2@4", "SAME=1@1"]);
    let restored = rollback(&service, "app/dev", 3, Some(6)).await.unwrap();
    assert_eq!((restored.written, restored.deleted, restored.environment.revision), (2, 1, 7));
    assert_eq!(own(&service), ["A=1@7", "B=1@7", "SAME=1@1"], "what had not changed was left alone");
    let environment = service.environment(&caller(), &"app/dev".parse().unwrap()).unwrap();
    assert_eq!(&*environment.description, "as it was");
    assert_eq!(environment.imports.as_ref(), ["shared/base".parse().unwrap()]);

    let again = rollback(&service, "app/dev", 3, None).await.unwrap();
    assert_eq!(
        (again.written, again.deleted, again.environment.revision),
        (0, 0, 7),
        "nothing was left to do"
    );
    // And forward again: a rollback is a revision like any other.
    let back = rollback(&service, "app/dev", 6, None).await.unwrap();
    assert_eq!((back.written, back.deleted, back.environment.revision), (2, 1, 8));
    assert_eq!(own(&service), ["A=2@8", "C=2@8", "SAME=1@1"]);
    assert!(service.verify(&caller(), None).await.unwrap().is_intact());
    drained(&service).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_goes_back_to_an_earlier_revision_in_memory() {
    an_environment_goes_back(Arc::new(MemoryStore::new())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_goes_back_to_an_earlier_revision_in_the_database() {
    let dir = TempDir::new().unwrap();
    an_environment_goes_back(duckdb(dir.path())).await;
}

#[tokio::test]
async fn a_concurrent_write_is_not_overwritten() {
    let service = changed(Arc::new(MemoryStore::new())).await;
    write(&service, 9, vec![put("app/dev", "NEW", "1")]).await.unwrap();
    let before = service.state(&caller()).unwrap();
    let refusal = rollback(&service, "app/dev", 3, Some(6)).await.unwrap_err();
    assert_eq!(refusal.code, Code::Conflict);
    assert!(*service.state(&caller()).unwrap() == *before, "nothing was written");
}

#[tokio::test]
async fn revisions_that_cannot_be_gone_back_to_are_named() {
    let service = changed(Arc::new(MemoryStore::new())).await;
    let force = DeleteEnvironment { path: "app/dev".parse().unwrap(), force: true };
    service.delete_environment(&caller(), force).await.unwrap();
    let gone = rollback(&service, "app/dev", 3, None).await.unwrap_err();
    write(&service, 9, vec![put("app/dev", "A", "again")]).await.unwrap();
    let mut messages = vec![gone];
    for (path, to) in
        [("app/dev", 0), ("app/dev", 7), ("app/dev", 8), ("app/dev", 9), ("shared/base", 1), ("app/none", 1)]
    {
        messages.push(rollback(&service, path, to, None).await.unwrap_err());
    }
    let messages: Vec<String> = messages
        .into_iter()
        .map(|refusal| {
            format!(
                "{:?} {}: {} ({})",
                refusal.code,
                refusal.field.as_deref().unwrap_or_default(),
                refusal.message,
                refusal.remedy.as_deref().unwrap_or_default()
            )
        })
        .collect();
    insta::assert_snapshot!(messages.join("\n"), @r#"
    NotFound env: environment "app/dev" does not exist (check the name, or create the environment first)
    Invalid to_revision: environment "app/dev" has no revision 0; revisions start at 1 (use a revision from 1 to 7)
    Invalid to_revision: environment "app/dev" was deleted at revision 7; there is nothing to restore (use a revision at which it existed, such as 6)
    Invalid to_revision: environment "app/dev" is already at revision 8 (use a revision from 1 to 7)
    Invalid to_revision: environment "app/dev" has no revision 9; the newest is 8 (use a revision from 1 to 7)
    Invalid to_revision: environment "shared/base" is at its first revision and cannot be rolled back (choose an environment that has earlier revisions)
    NotFound env: environment "app/none" does not exist (check the name, or create the environment first)
    "#);

    // What was deleted with the environment can be restored after it was created again.
    rollback(&service, "app/dev", 6, None).await.unwrap();
    assert_eq!(own(&service), ["A=2@9", "C=2@9", "SAME=1@9"]);
}

#[tokio::test]
async fn an_import_that_is_gone_stops_the_rollback() {
    let service = changed(Arc::new(MemoryStore::new())).await;
    let force = DeleteEnvironment { path: "shared/base".parse().unwrap(), force: true };
    service.delete_environment(&caller(), force).await.unwrap();
    let before = service.state(&caller()).unwrap();
    let refusal = rollback(&service, "app/dev", 3, None).await.unwrap_err();
    assert!(refusal.message.contains("shared/base"), "{refusal}");
    assert!(*service.state(&caller()).unwrap() == *before, "nothing was written");
    service.delete_environment(&caller(), delete_env("shared/base")).await.unwrap_err();
}
