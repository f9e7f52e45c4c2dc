//! The service when its store fails: nobody is left waiting, reads go on, and what stands is what is stored.

use std::{sync::Arc, time::Duration};

use kontraktor_domain::{Code, ItemOutcome, Refusal};
use kontraktor_service::{Service, ServiceOptions};
use kontraktor_store::Store;

use super::{
    drained,
    faults::{Fault, FaultyStore},
    start_with,
    world::put,
    write,
};

/// A service with one variable in it.
async fn filled() -> (Arc<FaultyStore>, Service) {
    let store = Arc::new(FaultyStore::default());
    let options = ServiceOptions { retry: Duration::from_millis(20), ..ServiceOptions::default() };
    let service = start_with(Arc::clone(&store) as _, options);
    write(&service, 1, vec![put("demo/dev", "A", "1")]).await.unwrap();
    (store, service)
}

fn value(service: &Service) -> String {
    let (_, variable) = service.variable(&"demo/dev".parse().unwrap(), &"A".parse().unwrap()).unwrap();
    variable.value.to_string()
}

async fn set(service: &Service, id: u128, value: &str) -> Result<ItemOutcome, Refusal> {
    Ok(write(service, id, vec![put("demo/dev", "A", value)]).await?.results.remove(0).outcome)
}

async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), future).await.expect("in time")
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_nothing_else() {
    let (store, service) = filled().await;
    store.next_commits(&[Fault::Full, Fault::Full]);
    let refusal = set(&service, 2, "2").await.unwrap_err();
    assert_eq!(refusal.code, Code::StorageFull);
    assert_eq!(refusal.message, "the disk is full; nothing was written");
    assert!(refusal.retry_after_ms > 0);
    assert_eq!(&*service.status().trouble.unwrap(), "the disk is full: as the script says");
    assert_eq!(value(&service), "1");
    assert!(service.verify(None).await.unwrap().is_intact());
    let again = set(&service, 2, "2").await.unwrap_err();
    assert_eq!(again.code, Code::StorageFull);
    drained(&service).await;
}

#[tokio::test]
async fn writes_go_on_when_there_is_room() {
    let (store, service) = filled().await;
    store.next_commits(&[Fault::Full]);
    set(&service, 2, "2").await.unwrap_err();
    assert_eq!(set(&service, 2, "2").await.unwrap(), ItemOutcome::Written, "the same batch again");
    assert_eq!(service.status().trouble, None);
    assert_eq!(value(&service), "2");
    drained(&service).await;
}

#[tokio::test]
async fn repetitions_are_answered_on_a_full_disk() {
    let (store, service) = filled().await;
    store.next_commits(&[Fault::Full]);
    store.hold();
    let failing = set(&service, 2, "2");
    let latch = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        store.let_go();
    };
    let repeated = write(&service, 1, vec![put("demo/dev", "A", "1")]);
    let (failing, repeated, ()) = tokio::join!(failing, repeated, latch);
    assert_eq!(failing.unwrap_err().code, Code::StorageFull);
    assert!(repeated.unwrap().replayed);
    drained(&service).await;
}

#[tokio::test]
async fn a_commit_that_was_kept_after_all_is_taken_over() {
    let (store, service) = filled().await;
    store.next_commits(&[Fault::FullButKept]);
    assert_eq!(set(&service, 2, "2").await.unwrap(), ItemOutcome::Written);
    assert_eq!(value(&service), "2");
    assert_eq!(service.status().head, store.head().unwrap());
    drained(&service).await;
}

#[tokio::test]
async fn a_store_that_cannot_be_reopened_at_once_is_tried_again() {
    for (fault, wanted) in [(Fault::Full, "1"), (Fault::FullButKept, "2")] {
        let (store, service) = filled().await;
        store.next_commits(&[fault]);
        store.next_recoveries_fail(3);
        let refusal = set(&service, 2, "2").await.unwrap_err();
        // STORAGE_FULL would say that nothing was written.
        assert_eq!(refusal.code, Code::Storage);
        assert!(refusal.message.contains("whether the write was kept"), "{refusal}");
        assert_eq!(value(&service), "1", "until it is known");
        in_time(async {
            while store.recoveries() < 4 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        // The answer comes from the log or is written now: either way once.
        let again = write(&service, 2, vec![put("demo/dev", "A", "2")]).await.unwrap();
        assert_eq!((again.replayed, value(&service).as_str()), (wanted == "2", "2"));
        assert_eq!(service.status().head, store.head().unwrap());
        drained(&service).await;
    }
}

#[tokio::test]
async fn a_single_failure_is_answered_and_survived() {
    let (store, service) = filled().await;
    store.next_commits(&[Fault::Failed]);
    let refusal = set(&service, 2, "2").await.unwrap_err();
    assert_eq!(
        (refusal.code, refusal.message.as_str()),
        (Code::Storage, "the database could not commit; nothing was written")
    );
    assert_eq!(set(&service, 3, "3").await.unwrap(), ItemOutcome::Written);
    drained(&service).await;
}

#[tokio::test]
async fn what_cannot_be_survived_is_told_to_everyone() {
    for fault in [Fault::Fatal, Fault::Panic, Fault::Replaced] {
        let (store, service) = filled().await;
        store.next_commits(&[fault]);
        store.hold();
        let first = set(&service, 2, "2");
        let behind = set(&service, 3, "3");
        let latch = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            store.let_go();
        };
        let (first, behind, ()) = tokio::join!(first, behind, latch);
        assert_eq!(first.unwrap_err().code, Code::Storage, "{fault:?}");
        assert_eq!(behind.unwrap_err().code, Code::Storage, "{fault:?}");
        let reason = in_time(service.fatal()).await;
        assert!(!reason.is_empty());
        assert_eq!(value(&service), "1", "{fault:?}");
        assert_eq!(set(&service, 4, "4").await.unwrap_err().code, Code::Storage);
        drained(&service).await;
    }
}
