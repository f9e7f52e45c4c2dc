//! The number of requests of a walk, counted at the daemon, and the result of each item. The clock is paused, so windows and
//! deadlines pass only when every task waits.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use kontraktor_model::value::ValueType;
use tfplugin_proto::{
    value::Value,
    wire::{self, provider_server::Provider as _},
};
use tokio::task::JoinHandle;
use tonic::Request;

use super::{Harness, Outcome, fields, socket, text};
use crate::framework::Fields;

const VARIABLE: &str = "kontraktor_variable";

fn config(key: &str, value: &str) -> Fields {
    fields([("project", text("demo")), ("env", text("dev")), ("key", text(key)), ("value", text(value))])
}

/// What a plan makes of a new variable.
fn planned(key: &str, value: &str) -> Fields {
    let mut planned = config(key, value);
    planned.extend(fields([
        ("id", Value::from(format!("demo/dev/{key}"))),
        ("type", text("string")),
        ("revision", Value::Unknown),
    ]));
    planned
}

fn create(harness: &Arc<Harness>, planned: Fields) -> JoinHandle<Outcome> {
    let harness = Arc::clone(harness);
    tokio::spawn(async move { harness.apply(VARIABLE, None, Some(&planned)).await })
}

fn writes(harness: &Harness) -> usize {
    harness.daemon.writes.load(Ordering::SeqCst)
}

/// Does something for each of 1,000 variables, with so many calls in flight as a host has.
async fn walk<F: Future<Output = ()> + Send>(
    harness: &Arc<Harness>,
    in_flight: usize,
    each: impl Fn(Arc<Harness>, String) -> F + Copy + Send + 'static,
) {
    let callers: Vec<_> = (0..in_flight)
        .map(|caller| {
            let harness = Arc::clone(harness);
            tokio::spawn(async move {
                for number in (caller..1000).step_by(in_flight) {
                    each(Arc::clone(&harness), format!("K{number}")).await;
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
}

async fn create_one(harness: Arc<Harness>, key: String) {
    let created = harness.apply(VARIABLE, None, Some(&planned(&key, &key))).await.success().unwrap();
    assert!(created["revision"].is_wholly_known());
    assert_eq!(harness.daemon.value(&format!("demo/dev/{key}")), Some(key));
}

/// One call for each variable: terraform-provider-vercel#231, terraform-provider-github#2526,
/// terraform-provider-infisical#96 (rate limits that abort).
#[tokio::test]
async fn a_thousand_writes_ten_in_flight_travel_in_at_most_110_requests() {
    let harness = Arc::new(Harness::new().await);
    tokio::time::pause();
    walk(&harness, 10, create_one).await;
    assert!(writes(&harness) <= 110, "{}", writes(&harness));
}

#[tokio::test]
async fn a_thousand_writes_two_hundred_in_flight_travel_in_at_most_10_requests() {
    let harness = Arc::new(Harness::new().await);
    tokio::time::pause();
    walk(&harness, 200, create_one).await;
    assert!(writes(&harness) <= 10, "{}", writes(&harness));
}

#[tokio::test]
async fn the_provider_block_says_how_writes_are_gathered() {
    for (window_ms, max_items, requests) in [(0_u64, 100_u64, 6), (50, 2, 3), (50, 100, 1)] {
        let batch =
            Value::object([("window_ms", Value::from(window_ms)), ("max_items", Value::from(max_items))]);
        let harness = Arc::new(Harness::with([("batch", batch)]).await);
        tokio::time::pause();
        let creates: Vec<_> =
            (0..6).map(|number| create(&harness, planned(&format!("K{number}"), "x"))).collect();
        for create in creates {
            assert!(create.await.unwrap().success().is_some());
        }
        assert_eq!(writes(&harness), requests, "{window_ms} ms, {max_items} items");
        tokio::time::resume();
    }
}

#[tokio::test]
async fn one_call_in_flight_is_served_at_once() {
    let harness = Arc::new(Harness::new().await);
    tokio::time::pause();
    for number in 0..10 {
        create_one(Arc::clone(&harness), format!("K{number}")).await;
    }
    assert_eq!(writes(&harness), 10);
}

/// One read for each variable at refresh: terraform-provider-vercel#231 (655 variables against 500 reads a minute),
/// terraform-provider-github#2526, terraform-provider-aws#9925, terraform-provider-infisical#96.
#[tokio::test]
async fn a_plan_of_a_thousand_variables_is_one_read_request() {
    let harness = Harness::new().await;
    for number in 0..1000 {
        harness.daemon.write(&format!("demo/dev/K{number}"), ValueType::String, &format!("K{number}"));
    }
    let harness = Arc::new(harness);
    walk(&harness, 10, |harness, key| async move {
        let state = harness.read(VARIABLE, &config(&key, &key)).await.success().unwrap();
        let (planned, _) = harness.plan(VARIABLE, Some(&state), Some(&config(&key, &key))).await;
        assert_eq!(planned, state);
    })
    .await;
    assert_eq!((harness.daemon.request(), writes(&harness)), (1, 0));
}

#[tokio::test]
async fn an_item_that_is_refused_fails_alone_and_says_why() {
    let harness = Arc::new(Harness::new().await);
    tokio::time::pause();
    harness.daemon.write("demo/dev/THEIRS", ValueType::String, "theirs");
    let mut not_a_number = planned("BAD", "ten");
    not_a_number.insert("type".to_owned(), text("number"));
    let good: Vec<_> = ["A", "B", "C"].map(|key| create(&harness, planned(key, key))).into_iter().collect();
    let (bad, theirs) = (create(&harness, not_a_number), create(&harness, planned("THEIRS", "ours")));
    for write in good {
        assert!(write.await.unwrap().success().is_some());
    }
    let (bad, theirs) = (bad.await.unwrap(), theirs.await.unwrap());
    assert!(
        bad.message().starts_with("Error at value: Failed to create variable demo/dev/BAD"),
        "{:?}",
        bad.diagnostics
    );
    assert!(theirs.message().contains("To manage demo/dev/THEIRS "), "{:?}", theirs.diagnostics);
    assert_eq!((bad.state, theirs.state), (None, None));
    assert_eq!(writes(&harness), 1, "they were sent together");
}

#[tokio::test]
async fn a_caller_that_disconnects_cancels_no_other() {
    let harness = Arc::new(Harness::new().await);
    tokio::time::pause();
    let kept: Vec<_> = (0..5).map(|number| create(&harness, planned(&format!("K{number}"), "x"))).collect();
    let gone = create(&harness, planned("GONE", "x"));
    tokio::task::yield_now().await;
    gone.abort();
    for write in kept {
        assert!(write.await.unwrap().success().is_some());
    }
}

/// Two resources of one key: the daemon refuses a request that holds a key twice, with everything in it.
#[tokio::test]
async fn two_resources_of_one_key_do_not_fail_the_others() {
    let harness = Arc::new(Harness::new().await);
    tokio::time::pause();
    let writes: Vec<_> =
        ["A", "SAME", "SAME", "B"].map(|key| create(&harness, planned(key, key))).into_iter().collect();
    let mut diagnostics = Vec::new();
    for write in writes {
        diagnostics.extend(write.await.unwrap().diagnostics);
    }
    assert_eq!(diagnostics.len(), 1, "{diagnostics:?}");
    assert!(
        diagnostics[0].starts_with("Error: Resource already exists\n")
            && diagnostics[0].contains("demo/dev/SAME"),
        "{diagnostics:?}"
    );
}

#[tokio::test]
async fn every_write_in_a_request_whose_answer_is_lost_gets_an_error() {
    let harness = Arc::new(Harness::new().await);
    harness.daemon.set_mute(true);
    let writes = ["A", "B", "C"].map(|key| (key, create(&harness, planned(key, key))));
    for (key, write) in writes {
        let outcome = write.await.unwrap();
        let expected = format!(
            "Error: Outcome of the write is unknown\nThe provider tried to create variable demo/dev/{key}. "
        );
        assert!(outcome.message().starts_with(&expected), "{:?}", outcome.diagnostics);
        assert!(outcome.state.is_some(), "the partial state is kept");
    }
}

#[tokio::test]
async fn what_a_batch_wrote_is_read_anew_also_when_its_caller_is_gone() {
    let harness = Arc::new(Harness::new().await);
    tokio::time::pause();
    harness.daemon.write("demo/dev/B", ValueType::String, "b");
    assert!(harness.read(VARIABLE, &config("A", "x")).await.success().is_none());
    let write = create(&harness, planned("A", "x"));
    while writes(&harness) == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    write.abort();
    for _ in 0..1000 {
        if harness.read(VARIABLE, &config("A", "x")).await.success().is_some() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("the snapshot from before the write is still served");
}

/// Nothing listens on the socket, so no answer is awaited either.
#[tokio::test]
async fn a_stop_sends_what_waits_for_company() {
    let harness = Arc::new(Harness::new().await);
    let nobody = format!("unix://{}", socket(harness.dir()).with_file_name("nobody.sock").display());
    let batch = Value::object([("window_ms", Value::from(100_u64)), ("max_items", Value::Null)]);
    harness.configure([("host", text(&nobody)), ("batch", batch)]).await;
    tokio::time::pause();
    let window = Duration::from_millis(100);
    for stop in [false, true] {
        let began = tokio::time::Instant::now();
        let write = create(&harness, planned("A", "x"));
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        if stop {
            let request = Request::new(wire::stop_provider::Request::default());
            harness.server.stop_provider(request).await.unwrap();
        }
        let outcome = write.await.unwrap();
        assert!(outcome.message().contains("the socket does not exist"), "{:?}", outcome.diagnostics);
        assert_eq!(began.elapsed() < window, stop, "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn the_user_agent_names_the_provider_and_terraform() {
    let harness = Arc::new(Harness::new().await);
    create_one(Arc::clone(&harness), "A".to_owned()).await;
    let expected = format!("terraform-provider-kontraktor/{} terraform/1.11.4", env!("CARGO_PKG_VERSION"));
    let agent = harness.daemon.user_agent();
    assert!(agent.starts_with(&expected), "{agent}");
}

fn environment(harness: &Arc<Harness>) -> JoinHandle<Outcome> {
    let harness = Arc::clone(harness);
    let config = fields([("project", text("demo")), ("env", text("dev"))]);
    tokio::spawn(async move { harness.data("kontraktor_environment", &config).await })
}

#[tokio::test]
async fn data_sources_share_a_request_that_was_not_sent_before_they_came() {
    let harness = Harness::new().await;
    harness.daemon.write("demo/dev/A", ValueType::String, "old");
    let harness = Arc::new(harness);
    tokio::time::pause();
    let first = environment(&harness);
    while harness.daemon.request() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // The daemon has looked, and its answer is on its way: too early for those who come now.
    harness.daemon.write("demo/dev/A", ValueType::String, "new");
    let later: Vec<_> = (0..20).map(|_| environment(&harness)).collect();
    let value = |outcome: Outcome| outcome.success().unwrap()["variables"].get("A").cloned();
    assert_eq!(value(first.await.unwrap()), Some(text("old")));
    for outcome in later {
        assert_eq!(value(outcome.await.unwrap()), Some(text("new")));
    }
    assert_eq!(harness.daemon.request(), 2);
}

#[tokio::test]
async fn a_data_source_that_gives_up_cancels_no_other() {
    let harness = Harness::new().await;
    harness.daemon.write("demo/dev/A", ValueType::String, "a");
    let harness = Arc::new(harness);
    tokio::time::pause();
    let reads: Vec<_> = (0..3).map(|_| environment(&harness)).collect();
    while harness.daemon.request() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    reads[0].abort();
    reads[1].abort();
    for read in reads.into_iter().skip(2) {
        assert!(read.await.unwrap().success().is_some());
    }
    assert!(environment(&harness).await.unwrap().success().is_some());
}
