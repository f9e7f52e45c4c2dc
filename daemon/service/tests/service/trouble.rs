//! The service when its store fails or others write first: every caller is answered, reads continue, and the published state
//! is that of the log.

use std::{sync::Arc, time::Duration};

use kontraktor_domain::{Code, Expect, Hash, Head, ItemOutcome, Refusal, WriteItem};
use kontraktor_service::{Service, ServiceOptions};
use kontraktor_store::Store;

use super::{
    drained,
    faults::{FaultyStore, InjectedFailure},
    start_with,
    world::{caller, put},
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
    value_of(service, "A")
}

fn value_of(service: &Service, key: &str) -> String {
    let (_, variable) =
        service.variable(&caller(), &"demo/dev".parse().unwrap(), &key.parse().unwrap()).unwrap();
    variable.value.to_string()
}

async fn set(service: &Service, id: u128, value: &str) -> Result<ItemOutcome, Refusal> {
    Ok(write(service, id, vec![put("demo/dev", "A", value)]).await?.results.remove(0).outcome)
}

async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_mins(2), future).await.expect("in time")
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_nothing_else() {
    let (store, service) = filled().await;
    store.next_commits(&[InjectedFailure::Full, InjectedFailure::Full]);
    let refusal = set(&service, 2, "2").await.unwrap_err();
    assert_eq!(refusal.code, Code::StorageFull);
    assert_eq!(refusal.message, "the disk is full; nothing was written");
    assert!(refusal.retry_after_ms.is_some_and(|wait| wait > 0));
    assert_eq!(
        &*service.status(&caller()).unwrap().write_error.unwrap(),
        "the disk is full: as the script says"
    );
    assert_eq!(value(&service), "1");
    assert!(service.verify(&caller(), None).await.unwrap().is_intact());
    let again = set(&service, 2, "2").await.unwrap_err();
    assert_eq!(again.code, Code::StorageFull);
    drained(&service).await;
}

#[tokio::test]
async fn writes_succeed_again_when_there_is_room() {
    let (store, service) = filled().await;
    store.next_commits(&[InjectedFailure::Full]);
    set(&service, 2, "2").await.unwrap_err();
    assert_eq!(set(&service, 2, "2").await.unwrap(), ItemOutcome::Written, "the same batch again");
    assert_eq!(service.status(&caller()).unwrap().write_error, None);
    assert_eq!(value(&service), "2");
    drained(&service).await;
}

#[tokio::test]
async fn repetitions_are_answered_on_a_full_disk() {
    let (store, service) = filled().await;
    store.next_commits(&[InjectedFailure::Full]);
    store.hold();
    let failing = set(&service, 2, "2");
    let latch = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        store.release();
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
    store.next_commits(&[InjectedFailure::FullButKept]);
    assert_eq!(set(&service, 2, "2").await.unwrap(), ItemOutcome::Written);
    assert_eq!(value(&service), "2");
    assert_eq!(service.status(&caller()).unwrap().head.unwrap(), store.head().unwrap());
    drained(&service).await;
}

#[tokio::test]
async fn a_store_that_cannot_be_reopened_at_once_is_tried_again() {
    for (fault, wanted) in [(InjectedFailure::Full, "1"), (InjectedFailure::FullButKept, "2")] {
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
        assert_eq!(service.status(&caller()).unwrap().head.unwrap(), store.head().unwrap());
        drained(&service).await;
    }
}

#[tokio::test]
async fn a_single_failure_is_answered_and_survived() {
    let (store, service) = filled().await;
    store.next_commits(&[InjectedFailure::Failed]);
    let refusal = set(&service, 2, "2").await.unwrap_err();
    assert_eq!(
        (refusal.code, refusal.message.as_str()),
        (Code::Storage, "the database could not commit; nothing was written")
    );
    assert_eq!(set(&service, 3, "3").await.unwrap(), ItemOutcome::Written);
    drained(&service).await;
}

#[tokio::test]
async fn a_writer_that_is_overtaken_decides_again() {
    let (store, service) = filled().await;
    store.next_commits(&[InjectedFailure::Overtaken, InjectedFailure::Overtaken, InjectedFailure::Overtaken]);
    assert_eq!(set(&service, 2, "2").await.unwrap(), ItemOutcome::Written);
    assert_eq!((value(&service).as_str(), value_of(&service, "OTHER").as_str()), ("2", "3"));
    assert_eq!(store.committed(), [3, 1, 1, 1, 1]);
    // What was expected of a key is checked against what the other writer wrote.
    store.next_commits(&[InjectedFailure::Overtaken]);
    let expecting = WriteItem { expect: Expect::Revision(4), ..put("demo/dev", "OTHER", "mine") };
    let outcome = write(&service, 3, vec![expecting]).await.unwrap().results.remove(0).outcome;
    assert!(matches!(outcome, ItemOutcome::Refused(refusal) if refusal.code == Code::Conflict));
    assert_eq!(service.status(&caller()).unwrap().head.unwrap(), store.head().unwrap());
    assert!(service.verify(&caller(), None).await.unwrap().is_intact());
    drained(&service).await;
}

#[tokio::test]
async fn a_writer_that_is_overtaken_each_time_gives_up() {
    let (store, service) = filled().await;
    store.next_commits(&[InjectedFailure::Overtaken; 16]);
    let refusal = set(&service, 2, "2").await.unwrap_err();
    assert_eq!(refusal.code, Code::Busy);
    assert_eq!(
        refusal.message,
        "another daemon wrote to the same log first, on every attempt; nothing was written"
    );
    assert!(refusal.retry_after_ms.is_some_and(|wait| wait > 0));
    assert_eq!(service.status(&caller()).unwrap().write_error, None);
    assert_eq!((value(&service).as_str(), value_of(&service, "OTHER").as_str()), ("1", "16"));
    assert_eq!(set(&service, 2, "2").await.unwrap(), ItemOutcome::Written, "the same batch again");
    drained(&service).await;
}

#[tokio::test]
async fn after_a_failed_commit_rows_of_others_are_followed() {
    for (fault, failing, kept) in [
        (InjectedFailure::FullThenOther, 0, false),
        (InjectedFailure::FullButKeptThenOther, 0, true),
        (InjectedFailure::FullThenOther, 3, false),
        (InjectedFailure::FullButKeptThenOther, 3, true),
    ] {
        let (store, service) = filled().await;
        store.next_commits(&[fault]);
        store.next_recoveries_fail(failing);
        let answer = set(&service, 2, "2").await;
        match (failing, kept) {
            (0, true) => assert_eq!(answer.unwrap(), ItemOutcome::Written),
            (0, false) => assert_eq!(answer.unwrap_err().code, Code::StorageFull),
            _ => {
                let refusal = answer.unwrap_err();
                assert!(refusal.message.contains("whether the write was kept"), "{refusal}");
                in_time(async {
                    while store.recoveries() <= failing {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                })
                .await;
            }
        }
        let again = write(&service, 2, vec![put("demo/dev", "A", "2")]).await.unwrap();
        assert_eq!((again.replayed, value(&service).as_str()), (kept, "2"), "{fault:?}");
        assert_eq!(value_of(&service, "OTHER"), "1");
        assert_eq!(service.status(&caller()).unwrap().head.unwrap(), store.head().unwrap());
        assert!(service.verify(&caller(), None).await.unwrap().is_intact());
        drained(&service).await;
    }
}

#[tokio::test]
async fn a_log_that_lost_acknowledged_rows_is_fatal() {
    let (_, service) = filled().await;
    let head = service.status(&caller()).unwrap().head.unwrap();
    for lost in [Head { seq: head.seq - 1, ..head }, Head { hash: Hash::ZERO, ..head }] {
        let (store, service) = filled().await;
        store.next_commits(&[InjectedFailure::Full]);
        store.recovers_to(lost);
        assert_eq!(set(&service, 2, "2").await.unwrap_err().code, Code::Storage);
        let reason = in_time(service.fatal()).await.reason;
        assert!(reason.contains("does not follow row 3"), "{reason}");
        drained(&service).await;
    }
    drained(&service).await;
}

#[tokio::test]
async fn a_fatal_failure_is_reported_to_every_caller() {
    for fault in [InjectedFailure::Fatal, InjectedFailure::Panic, InjectedFailure::Replaced] {
        let (store, service) = filled().await;
        store.next_commits(&[fault]);
        store.hold();
        let first = set(&service, 2, "2");
        let behind = set(&service, 3, "3");
        let latch = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            store.release();
        };
        let (first, behind, ()) = tokio::join!(first, behind, latch);
        assert_eq!(first.unwrap_err().code, Code::Storage, "{fault:?}");
        assert_eq!(behind.unwrap_err().code, Code::Storage, "{fault:?}");
        let reason = in_time(service.fatal()).await.reason;
        assert!(!reason.is_empty());
        assert_eq!(value(&service), "1", "{fault:?}");
        assert_eq!(set(&service, 4, "4").await.unwrap_err().code, Code::Storage);
        drained(&service).await;
    }
}
