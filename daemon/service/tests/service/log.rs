//! Reading and checking the log through the service.

use std::sync::Arc;

use kontraktor_domain::{Code, Hash, Head, Refusal};
use kontraktor_service::{PageRequest, Service};
use kontraktor_store::{AuditQuery, MemoryStore};
use kontraktor_store_duckdb::{DataDir, DuckDbOptions, DuckDbStore};
use tempfile::TempDir;

use super::{
    drained, start,
    world::{caller, delete, delete_env, put},
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
        .map(|entry| {
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
            seen.extend(found.items.into_iter().map(|entry| entry.seq));
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
