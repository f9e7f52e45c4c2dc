//! Two services on one log: each follows what the other writes, and no acknowledged write is lost.

use std::{sync::Arc, time::Duration};

use kontraktor_domain::{BatchOutcome, Code, Expect, ItemOutcome, WriteItem};
use kontraktor_service::{PageRequest, Service};
use kontraktor_store::{AuditQuery, MemoryStore};
use tokio::task::JoinSet;

use super::{
    drained, start,
    world::{caller, delete, expecting_absence, put},
    write,
};

fn two_services() -> [Service; 2] {
    let store = MemoryStore::new();
    let other = store.share();
    [store, other].map(|store| start(Arc::new(store)))
}

/// Writes a batch, again under the same id while the log is contended.
async fn write_when_free(service: &Service, id: u128, item: &WriteItem) -> BatchOutcome {
    loop {
        match write(service, id, vec![item.clone()]).await {
            Ok(outcome) => return outcome,
            Err(refusal) => {
                assert_eq!(refusal.code, Code::Busy, "{refusal}");
                tokio::time::sleep(Duration::from_millis(refusal.retry_after_ms.unwrap_or_default())).await;
            }
        }
    }
}

/// Lets a service see what the other wrote: a batch is decided on the newest row, also one that changes no key.
async fn refresh(service: &Service, id: u128) {
    let outcome = write(service, id, vec![delete("demo/dev", "NEVER")]).await.unwrap();
    assert_eq!(outcome.results[0].outcome, ItemOutcome::Absent);
}

fn value(service: &Service, key: &str) -> Option<String> {
    let (_, variable) =
        service.variable(&caller(), &"demo/dev".parse().unwrap(), &key.parse().unwrap()).ok()?;
    Some(variable.value.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_writes_of_the_same_keys_are_all_in_the_log() {
    const WRITES: u32 = 40;
    let services = two_services();
    let mut tasks = JoinSet::new();
    for task in 0..8_u32 {
        let service = services[task as usize % 2].clone();
        tasks.spawn(async move {
            let mut acknowledged = Vec::new();
            for number in 0..WRITES {
                let (key, value) = (format!("KEY{}", number % 3), format!("{task} {number}"));
                let id = u128::from(1 + task * WRITES + number);
                let outcome = write_when_free(&service, id, &put("demo/dev", &key, &value)).await;
                assert_eq!(outcome.results[0].outcome, ItemOutcome::Written);
                acknowledged.push(value);
            }
            acknowledged
        });
    }
    let mut acknowledged: Vec<String> = tasks.join_all().await.into_iter().flatten().collect();
    acknowledged.sort_unstable();

    let [a, b] = &services;
    refresh(a, 1_001).await;
    refresh(b, 1_002).await;
    // The repetition writes nothing.
    refresh(a, 1_002).await;
    let state = |service: &Service| service.state(&caller()).unwrap();
    assert!(*state(a) == *state(b), "both have the same state");
    let mut logged = Vec::new();
    let mut page = PageRequest { size: Some(1_000), ..PageRequest::default() };
    loop {
        let entries = a
            .audit(&caller(), AuditQuery { writes_only: true, ..AuditQuery::default() }, &page)
            .await
            .unwrap();
        logged
            .extend(entries.items.into_iter().filter_map(|named| named.entry.new_value().map(str::to_owned)));
        if entries.next.is_none() {
            break;
        }
        page.token = entries.next;
    }
    logged.sort_unstable();
    assert_eq!(logged, acknowledged, "each acknowledged write is there once");
    for service in &services {
        assert!(service.verify(&caller(), None).await.unwrap().is_intact());
        drained(service).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_those_who_expect_the_same_one_writes() {
    let services = two_services();
    for round in 0..50_u32 {
        let key = format!("KEY{round}");
        let [created, refused] =
            race(&services, 10 * round, &expecting_absence(put("demo/dev", &key, "1"))).await;
        let (ItemOutcome::Written, ItemOutcome::Refused(refusal)) = (created, refused) else {
            panic!("both created {key}");
        };
        assert_eq!(refusal.code, Code::KeyExists);
        refresh(&services[0], u128::from(10 * round + 3)).await;
        let (_, variable) =
            services[0].variable(&caller(), &"demo/dev".parse().unwrap(), &key.parse().unwrap()).unwrap();
        let update = WriteItem { expect: Expect::Revision(variable.revision), ..put("demo/dev", &key, "2") };
        let [updated, refused] = race(&services, 10 * round + 4, &update).await;
        let (ItemOutcome::Written, ItemOutcome::Refused(refusal)) = (updated, refused) else {
            panic!("both updated {key}");
        };
        assert_eq!(refusal.code, Code::Conflict);
    }
    for service in &services {
        drained(service).await;
    }
}

/// Writes the same through both services at once; what was written comes first.
async fn race(services: &[Service; 2], id: u32, item: &WriteItem) -> [ItemOutcome; 2] {
    let [a, b] = services;
    let (a, b) = tokio::join!(
        write_when_free(a, u128::from(id + 1), item),
        write_when_free(b, u128::from(id + 2), item)
    );
    let mut outcomes = [a, b].map(|mut outcome| outcome.results.remove(0).outcome);
    if outcomes[1] == ItemOutcome::Written {
        outcomes.reverse();
    }
    outcomes
}

#[tokio::test]
async fn a_batch_that_is_repeated_at_the_other_is_answered_from_the_log() {
    let [a, b] = two_services();
    let first = write(&a, 7, vec![put("demo/dev", "A", "1")]).await.unwrap();
    let again = write(&b, 7, vec![put("demo/dev", "A", "1")]).await.unwrap();
    assert!(!first.replayed && again.replayed);
    assert_eq!(first.results, again.results);
    assert_eq!(value(&b, "A").as_deref(), Some("1"));
    drained(&a).await;
    drained(&b).await;
}

/// Nobody writes through the second service: it hears of the rows all the same.
#[tokio::test]
async fn a_service_that_writes_nothing_follows_what_the_other_writes() {
    let store = MemoryStore::new();
    let others = store.share();
    let a = start(Arc::new(store));
    write(&a, 1, vec![put("demo/dev", "A", "1")]).await.unwrap();
    let b = start(Arc::new(others));
    let mut watch = b.watch(&caller(), "demo/dev".parse().unwrap(), true, None).await.unwrap();
    for number in 2..5_u32 {
        write(&a, u128::from(number), vec![put("demo/dev", "A", &number.to_string())]).await.unwrap();
        let change = watch.next().await.unwrap().unwrap();
        assert_eq!((u32::try_from(change.revision).unwrap(), change.reset), (number, true));
        assert_eq!(value(&b, "A"), Some(number.to_string()));
    }
    drained(&a).await;
    let outcome = write(&b, 6, vec![put("demo/dev", "A", "6")]).await.unwrap();
    assert_eq!(outcome.results[0].outcome, ItemOutcome::Written, "nobody listens any more");
    drained(&b).await;
}

#[tokio::test]
async fn an_answer_without_a_write_knows_what_the_other_wrote() {
    let [a, b] = two_services();
    write(&a, 1, vec![put("demo/dev", "A", "1")]).await.unwrap();
    refresh(&b, 2).await;
    assert_eq!(value(&b, "A").as_deref(), Some("1"));
    write(&a, 3, vec![put("demo/dev", "A", "2")]).await.unwrap();
    let outcome = write(&b, 4, vec![put("demo/dev", "A", "1")]).await.unwrap();
    assert_eq!(outcome.results[0].outcome, ItemOutcome::Written, "it is not unchanged");
    refresh(&a, 5).await;
    assert_eq!(value(&a, "A").as_deref(), Some("1"));
    drained(&a).await;
    let outcome = write(&b, 6, vec![put("demo/dev", "A", "3")]).await.unwrap();
    assert_eq!(outcome.results[0].outcome, ItemOutcome::Written, "closing one does not close the other");
    drained(&b).await;
}
