//! Writing through the service: order, company, repetition, the queue and the end of it.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use kontraktor_access::Scopes;
use kontraktor_domain::{Code, ItemOutcome};
use kontraktor_service::ServiceOptions;
use kontraktor_store::{MemoryStore, Occasion};
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::{
    HandClock, drained, duckdb,
    faults::FaultyStore,
    roles, start, start_with, until,
    world::{
        batch, caller, create_env, create_project, delete, delete_env, delete_project, expecting_absence,
        put, update_env, update_project,
    },
    write,
};

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_are_each_answered_and_share_commits() {
    let dir = TempDir::new().unwrap();
    let service = start(duckdb(dir.path()));
    let (tasks, writes) = (32_u128, 10_u128);
    let mut running = JoinSet::new();
    for task in 0..tasks {
        let service = service.clone();
        running.spawn(async move {
            let mut revisions = Vec::new();
            for turn in 0..writes {
                let item = put("demo/dev", &format!("K{task}"), &turn.to_string());
                let outcome = write(&service, task * 1000 + turn + 1, vec![item]).await.unwrap();
                assert_eq!(outcome.results[0].outcome, ItemOutcome::Written);
                // What was answered is there for everyone at once.
                let path = "demo/dev".parse().unwrap();
                let (_, variable) =
                    service.variable(&caller(), &path, &format!("K{task}").parse().unwrap()).unwrap();
                assert_eq!(
                    (&*variable.value, Some(variable.revision)),
                    (turn.to_string().as_str(), outcome.results[0].revision)
                );
                revisions.push(variable.revision);
            }
            assert!(revisions.is_sorted());
            revisions
        });
    }
    let revisions: BTreeSet<u64> = running.join_all().await.into_iter().flatten().collect();
    let all = u64::try_from(tasks * writes).unwrap();
    assert_eq!(
        revisions,
        (1..=all).collect(),
        "each request has a revision of its own, and none is left out"
    );
    let report = service.verify(&caller(), None).await.unwrap();
    assert_eq!((report.rows, report.broken), (all + 2, None));
    drained(&service).await;
}

// On one thread, so that every task has queued its request before the sleep below ends.
#[tokio::test]
async fn what_waits_is_committed_together() {
    let store = Arc::new(FaultyStore::default());
    let service = start(Arc::clone(&store) as _);
    store.hold();
    let mut running = JoinSet::new();
    for i in 0..50_u128 {
        let service = service.clone();
        running
            .spawn(async move { write(&service, i + 1, vec![put("demo/dev", &format!("K{i}"), "1")]).await });
    }
    // There is nothing to see of requests that wait; what is too early goes into a further commit.
    tokio::time::sleep(Duration::from_millis(200)).await;
    store.release();
    for outcome in running.join_all().await {
        assert_eq!(outcome.unwrap().results[0].outcome, ItemOutcome::Written);
    }
    let commits = store.committed();
    assert_eq!(commits.iter().sum::<usize>(), 52);
    assert!(commits.len() <= 3, "fifty requests in a few commits: {commits:?}");
    drained(&service).await;
}

#[tokio::test]
async fn each_request_of_a_commit_sees_the_ones_before_it() {
    let store = Arc::new(FaultyStore::default());
    let service = start(Arc::clone(&store) as _);
    store.hold();
    let first = write(&service, 1, vec![put("demo/dev", "LATCH", "1")]);
    let a = write(&service, 2, vec![expecting_absence(put("demo/dev", "A", "1"))]);
    let b = write(&service, 3, vec![expecting_absence(put("demo/dev", "A", "2"))]);
    let repeated = write(&service, 2, vec![expecting_absence(put("demo/dev", "A", "1"))]);
    let go = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        store.release();
    };
    let (_, a, b, repeated, ()) = tokio::join!(first, a, b, repeated, go);
    let (a, b, repeated) = (a.unwrap(), b.unwrap(), repeated.unwrap());
    assert_eq!(a.results[0].outcome, ItemOutcome::Written);
    assert!(
        matches!(&b.results[0].outcome, ItemOutcome::Refused(refusal) if refusal.code == Code::KeyExists)
    );
    assert_eq!((repeated.results, repeated.replayed), (a.results, true));
    drained(&service).await;
}

#[tokio::test]
async fn a_batch_is_remembered_over_a_restart_and_for_a_day() {
    let dir = TempDir::new().unwrap();
    let clock = HandClock::new();
    let open = || {
        kontraktor_service::Service::start(
            duckdb(dir.path()),
            Arc::new(clock.clone()),
            ServiceOptions::default(),
        )
        .unwrap()
    };
    let whole = || vec![put("demo/dev", "A", "1"), put("demo/dev", "B", "2"), put("demo/prod", "A", "3")];
    let partial = || {
        vec![put("demo/dev", "A", "9"), expecting_absence(put("demo/dev", "B", "x")), delete("demo/dev", "C")]
    };
    let service = open();
    let first = write(&service, 1, whole()).await.unwrap();
    let second = write(&service, 2, partial()).await.unwrap();
    drained(&service).await;
    drop(service);

    clock.advance(Duration::from_hours(24));
    let service = open();
    for (id, items, outcome) in [(1, whole(), &first), (2, partial(), &second)] {
        let again = write(&service, id, items).await.unwrap();
        assert!(again.replayed);
        assert_eq!(again.results, outcome.results, "the same answer, refusals and their variables included");
    }
    let other = write(&service, 2, whole()).await.unwrap_err();
    assert_eq!(other.code, Code::BatchMismatch);
    clock.advance(Duration::from_secs(1));
    assert!(!write(&service, 2, partial()).await.unwrap().replayed);
    drained(&service).await;
}

#[tokio::test]
async fn ten_thousand_items_are_one_revision() {
    let dir = TempDir::new().unwrap();
    let service = start(duckdb(dir.path()));
    let items = (0..10_000).map(|i| put("demo/dev", &format!("K{i}"), "1")).collect();
    let outcome = write(&service, 1, items).await.unwrap();
    assert_eq!(outcome.results.len(), 10_000);
    assert!(
        outcome
            .results
            .iter()
            .all(|result| result.outcome == ItemOutcome::Written && result.revision == Some(1))
    );
    let status = service.status(&caller()).unwrap();
    assert_eq!((status.variables, status.head.unwrap().seq), (10_000, 10_002));
    drained(&service).await;
}

#[tokio::test]
async fn a_full_queue_says_when_to_come_back() {
    let options = ServiceOptions { queue_requests: 2, ..ServiceOptions::default() };
    let store = Arc::new(FaultyStore::default());
    let service = start_with(Arc::clone(&store) as _, options);
    store.hold();
    let mut running = JoinSet::new();
    let mut busy = None;
    // One is with the writer, two wait; the writer takes its first at some moment of its own.
    for i in 0..10_u128 {
        let service = service.clone();
        running
            .spawn(async move { write(&service, i + 1, vec![put("demo/dev", &format!("K{i}"), "1")]).await });
        tokio::time::sleep(Duration::from_millis(20)).await;
        if let Some(Ok(Err(refusal))) = running.try_join_next() {
            busy = Some(refusal);
            break;
        }
    }
    let refusal = busy.expect("ten requests do not fit into a queue of two");
    assert_eq!(refusal.code, Code::Busy);
    assert!(refusal.retry_after_ms.is_some_and(|wait| wait > 0));
    store.release();
    for outcome in running.join_all().await {
        assert_eq!(outcome.unwrap().results[0].outcome, ItemOutcome::Written);
    }
    write(&service, 99, vec![put("demo/dev", "LATER", "1")]).await.unwrap();
    drained(&service).await;
}

#[tokio::test]
async fn who_fills_their_part_of_the_queue_leaves_room_for_others() {
    let options = ServiceOptions { queue_requests: 8, ..ServiceOptions::default() };
    let store = Arc::new(FaultyStore::default());
    let service = start_with(Arc::clone(&store) as _, options);
    for actor in ["idp:eve", "idp:ann"] {
        roles::grant(&service, "editor", actor, "demo/*").await;
    }
    store.hold();
    let mut running = JoinSet::new();
    let senders = [["idp:eve"; 6].as_slice(), &["idp:ann"]].concat();
    for (number, actor) in (1_u128..).zip(senders) {
        let service = service.clone();
        running.spawn(async move {
            let items = vec![vec![put("demo/dev", &format!("K{number}"), "1")]];
            let caller = roles::restricted(actor, Scopes::ALL);
            (actor, service.write_variables(&caller, batch(number, items)).await.map(drop))
        });
    }
    // Each task has run until it waits.
    tokio::time::sleep(Duration::from_millis(20)).await;
    store.release();
    let outcomes = running.join_all().await;
    let refused: Vec<_> =
        outcomes.iter().filter_map(|(actor, outcome)| Some((*actor, outcome.as_ref().err()?))).collect();
    // A queue of eight, of which two are hers.
    assert_eq!(refused.len(), 4, "{refused:?}");
    for (actor, refusal) in refused {
        assert_eq!((actor, refusal.code), ("idp:eve", Code::Busy));
        assert!(refusal.message.contains("too many writes of idp:eve"), "{refusal}");
    }
    drained(&service).await;
}

#[tokio::test]
async fn the_queue_is_bounded_in_bytes_too() {
    let options = ServiceOptions { queue_bytes: 100_000, ..ServiceOptions::default() };
    let store = Arc::new(FaultyStore::default());
    let service = start_with(Arc::clone(&store) as _, options);
    let big = "x".repeat(60_000);
    let many: Vec<_> = (0..4).map(|i| put("demo/dev", &format!("K{i}"), &big)).collect();
    write(&service, 1, many).await.expect("what is larger than the queue alone still gets through alone");
    store.hold();
    let first = write(&service, 2, vec![put("demo/dev", "A", &big)]);
    let second = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let refusal = write(&service, 3, vec![put("demo/dev", "B", &big)]).await.unwrap_err();
        store.release();
        refusal
    };
    let (first, second) = tokio::join!(first, second);
    first.unwrap();
    assert_eq!(second.code, Code::Busy);
    write(&service, 3, vec![put("demo/dev", "B", &big)]).await.unwrap();
    drained(&service).await;
}

#[tokio::test]
async fn draining_answers_all_that_was_accepted_and_accepts_nothing_more() {
    let store = Arc::new(FaultyStore::default());
    let service = start(Arc::clone(&store) as _);
    store.hold();
    let accepted = async {
        let writes = (1..=20_u128).map(|i| {
            let service = service.clone();
            tokio::spawn(
                async move { write(&service, i, vec![put("demo/dev", &format!("K{i}"), "1")]).await },
            )
        });
        let writes: Vec<_> = writes.collect();
        for write in writes {
            assert_eq!(write.await.unwrap().unwrap().results[0].outcome, ItemOutcome::Written);
        }
    };
    let drain = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(!service.drain(Duration::from_millis(50)).await, "a commit is held: the deadline passes");
        let late = service.create_project(&caller(), create_project("late", "")).await.unwrap_err();
        assert_eq!(late.code, Code::ShuttingDown);
        store.release();
        drained(&service).await;
    };
    tokio::join!(accepted, drain);
    assert_eq!(service.state(&caller()).unwrap().variable_count(), 20, "reads still answer");
}

#[tokio::test]
async fn the_store_is_maintained_after_answers_and_when_nothing_waits() {
    let store = Arc::new(FaultyStore::default());
    store.maintain_after(Duration::from_millis(50));
    let service = start(Arc::clone(&store) as _);
    until(|| store.maintained() == [Occasion::Started]).await;
    store.hold_maintenance();
    write(&service, 1, vec![put("demo/dev", "A", "1")]).await.unwrap();
    assert!(!store.maintained().contains(&Occasion::Committed), "not between a write and its answer");
    store.release_maintenance();
    until(|| store.maintained().contains(&Occasion::Idle)).await;
    // It asked for nothing more.
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(store.maintained(), [Occasion::Started, Occasion::Committed, Occasion::Idle]);
    drained(&service).await;
}

#[tokio::test]
async fn projects_and_environments_come_and_go() {
    let service = start(Arc::new(MemoryStore::new()));
    let (name, path) = ("demo".parse().unwrap(), "demo/dev".parse().unwrap());
    let project = service.create_project(&caller(), create_project("demo", "first")).await.unwrap();
    assert_eq!((&*project.description, project.implicit), ("first", false));
    let project = service.update_project(&caller(), update_project("demo", "second")).await.unwrap();
    assert_eq!(&*project.description, "second");
    let environment = service.create_environment(&caller(), create_env("demo/dev", "")).await.unwrap();
    assert_eq!(environment.revision, 1);
    let environment = service.update_environment(&caller(), update_env("demo/dev", "x")).await.unwrap();
    assert_eq!((environment.revision, &*environment.description), (2, "x"));
    let refusal = service.delete_project(&caller(), delete_project("demo")).await.unwrap_err();
    assert_eq!(refusal.code, Code::NotEmpty);
    service.delete_environment(&caller(), delete_env("demo/dev")).await.unwrap();
    assert_eq!(service.environment(&caller(), &path).unwrap_err().code, Code::NotFound);
    service.delete_project(&caller(), delete_project("demo")).await.unwrap();
    assert_eq!(service.project(&caller(), &name).unwrap_err().code, Code::NotFound);
    drained(&service).await;
}
