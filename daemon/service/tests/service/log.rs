//! Reading and checking the log through the service.

use std::sync::Arc;

use kontraktor_access::{Caller, Scopes};
use kontraktor_domain::{Code, Hash, Head, Operation, Refusal};
use kontraktor_model::names::EnvPath;
use kontraktor_service::{NamedEntry, PageRequest, Service};
use kontraktor_store::{AuditQuery, MemoryStore};
use kontraktor_store_duckdb::{DataDir, DuckDbOptions, DuckDbStore};
use tempfile::TempDir;

use super::{
    drained, duckdb,
    roles::{grant, restricted},
    start,
    world::{batch, caller, delete, delete_env, put},
    write,
};

async fn filled() -> Service {
    let service = start(Arc::new(MemoryStore::new()));
    write(&service, 1, vec![put("demo/dev", "A", "1"), put("demo/dev", "B", "1")]).await.unwrap();
    write(&service, 2, vec![put("demo/dev", "A", "2")]).await.unwrap();
    write(&service, 3, vec![delete("demo/dev", "A"), delete("demo/dev", "B")]).await.unwrap();
    service
}

#[tokio::test]
async fn history_is_newest_first_and_outlives_the_environment() {
    let service = filled().await;
    let path = "demo/dev".parse().unwrap();
    let key = "A".parse().unwrap();
    service.delete_environment(&caller(), delete_env("demo/dev")).await.unwrap();
    let mut page = PageRequest { size: Some(2), token: None, ..PageRequest::default() };
    let first = service.history(&caller(), &path, Some(&key), None, &page).await.unwrap();
    page.token = first.next;
    let second = service.history(&caller(), &path, Some(&key), None, &page).await.unwrap();
    assert_eq!(second.next, None);
    let words: Vec<String> = first
        .items
        .iter()
        .chain(&second.items)
        .map(|named| {
            let entry = &named.entry;
            let value = |value: Option<&str>| value.unwrap_or("nothing").to_owned();
            format!(
                "{}: {} {} -> {}",
                entry.revision().unwrap(),
                entry.operation(),
                value(entry.old_value()),
                value(entry.new_value())
            )
        })
        .collect();
    assert_eq!(
        words,
        [
            "3: variable deleted 2 -> nothing",
            "2: variable updated 1 -> 2",
            "1: variable created nothing -> 1"
        ]
    );
    let whole = service.history(&caller(), &path, None, None, &PageRequest::default()).await.unwrap();
    assert_eq!(whole.items.len(), 7, "with the environment's own rows");
    let never = service
        .history(&caller(), &"demo/none".parse().unwrap(), None, None, &PageRequest::default())
        .await
        .unwrap_err();
    assert_eq!(never.code, Code::NotFound);
}

#[tokio::test]
async fn the_audit_log_continues_where_the_previous_page_ended() {
    let service = filled().await;
    for oldest_first in [true, false] {
        let query = AuditQuery { oldest_first, ..AuditQuery::default() };
        let mut page = PageRequest { size: Some(3), token: None, ..PageRequest::default() };
        let mut seen = Vec::new();
        loop {
            let found = service.audit(&caller(), query.clone(), &page).await.unwrap();
            seen.extend(found.items.into_iter().map(|named| named.entry.seq));
            if found.next.is_none() {
                break;
            }
            page.token = found.next;
        }
        let mut wanted: Vec<u64> = (1..=7).collect();
        if !oldest_first {
            wanted.reverse();
        }
        assert_eq!(seen, wanted);
        page.token = service
            .audit(
                &caller(),
                query.clone(),
                &PageRequest { size: Some(1), token: None, ..PageRequest::default() },
            )
            .await
            .unwrap()
            .next;
        let other = AuditQuery { key: Some("A".parse().unwrap()), ..query };
        assert_eq!(
            service.audit(&caller(), other, &page).await.unwrap_err().field.as_deref(),
            Some("page_token")
        );
    }
}

#[tokio::test]
async fn verifying_compares_with_what_is_expected() {
    let service = filled().await;
    let head = service.status(&caller()).unwrap().head.unwrap();
    let report = service.verify(&caller(), Some(head)).await.unwrap();
    assert_eq!((report.head, report.rows, report.broken), (head, 7, None));
    let wrong = service.verify(&caller(), Some(Head { seq: 3, hash: Hash::ZERO })).await.unwrap();
    assert_eq!(wrong.broken.unwrap().seq, 3);
}

/// Returns who did what, newest first, with the names that are shown.
fn shown(entries: &[NamedEntry]) -> Vec<String> {
    let line = |named: &NamedEntry| {
        let NamedEntry { entry, actor_display_name } = named;
        let name = actor_display_name.as_deref().unwrap_or("nobody");
        format!("{} {} ({name})", entry.operation(), entry.written.actor)
    };
    entries.iter().map(line).collect()
}

#[tokio::test]
async fn entries_have_the_name_of_their_actor_that_is_known_now() {
    let dir = TempDir::new().unwrap();
    let service = start(duckdb(dir.path()));
    let named = |name: &str| Caller { display_name: Some(name.into()), ..restricted("idp:1", Scopes::ALL) };
    write(&service, 1, vec![put("demo/dev", "A", "1")]).await.unwrap();
    grant(&service, "editor", "idp:1", "demo/*").await;
    let path: EnvPath = "demo/dev".parse().unwrap();
    let history = async |service: &Service| {
        let page = service.history(&caller(), &path, None, None, &PageRequest::default()).await.unwrap();
        shown(&page.items)
    };
    let value = |id, value| batch(id, vec![vec![put("demo/dev", "A", value)]]);
    service.write_variables(&named("Ada Byron"), value(2, "2")).await.unwrap();
    assert_eq!(history(&service).await[0], "variable updated idp:1 (Ada Byron)");
    service.write_variables(&named("Ada Lovelace"), value(3, "3")).await.unwrap();
    let nameless = restricted("idp:1", Scopes::ALL);
    service.write_variables(&nameless, value(4, "4")).await.unwrap();
    let renamed = [
        "variable updated idp:1 (Ada Lovelace)",
        "variable updated idp:1 (Ada Lovelace)",
        "variable updated idp:1 (Ada Lovelace)",
        "variable created unix:ada (nobody)",
        "environment created unix:ada (nobody)",
    ];
    assert_eq!(history(&service).await, renamed);
    let log = service.audit(&caller(), AuditQuery::default(), &PageRequest::default()).await.unwrap();
    let names: Vec<_> = log
        .items
        .iter()
        .filter(|named| named.entry.operation() == Operation::ActorNamed)
        .map(|named| (named.entry.new_value().unwrap(), named.actor_display_name.as_deref().unwrap()))
        .collect();
    assert_eq!(names, [("Ada Lovelace", "Ada Lovelace"), ("Ada Byron", "Ada Lovelace")]);
    assert!(service.verify(&caller(), None).await.unwrap().is_intact());
    // A denial has its author, too, with the first word that there is of them.
    let eve = Caller { display_name: Some("Eve".into()), ..restricted("idp:2", Scopes::ALL) };
    service.write_variables(&eve, value(5, "5")).await.unwrap_err();
    drained(&service).await;
    drop(service);

    let service = start(duckdb(dir.path()));
    assert_eq!(history(&service).await, renamed, "it is the same after a restart");
    let log = service.audit(&caller(), AuditQuery::default(), &PageRequest::default()).await.unwrap();
    assert_eq!(shown(&log.items)[..2], ["access denied idp:2 (Eve)", "actor named idp:2 (Eve)"]);
    assert!(service.verify(&caller(), None).await.unwrap().is_intact());
    drained(&service).await;
}

/// A crowd of readers shares the engine's memory with each other and with the writer.
#[tokio::test(flavor = "multi_thread")]
async fn readers_of_the_log_take_turns() {
    let dir = TempDir::new().unwrap();
    let options = DuckDbOptions { memory_mib: 160, ..DuckDbOptions::default() };
    let store = DuckDbStore::open(DataDir::lock(dir.path()).unwrap(), options).unwrap();
    let service = start(Arc::new(store));
    let big = "x".repeat(60_000);
    let items = (0..300).map(|i| put("demo/dev", &format!("KEY{i}"), &big)).collect();
    write(&service, 1, items).await.unwrap();
    let readers: Vec<_> = (0..60)
        .map(|_| {
            let service = service.clone();
            tokio::spawn(async move {
                let mut page = PageRequest { size: Some(1000), ..PageRequest::default() };
                let mut entries = 0;
                loop {
                    let found = service.audit(&caller(), AuditQuery::default(), &page).await?;
                    entries += found.items.len();
                    page.token = found.next;
                    if page.token.is_none() {
                        return Ok::<_, Refusal>(entries);
                    }
                }
            })
        })
        .collect();
    for id in 2..22 {
        write(&service, id, vec![put("demo/dev", "ANOTHER", &format!("{id}"))]).await.unwrap();
    }
    for reader in readers {
        assert!(reader.await.unwrap().unwrap() >= 302);
    }
    drained(&service).await;
}
