//! What one configured provider shares: one snapshot a walk, revalidation, and failures.

use std::sync::{Arc, atomic::Ordering};

use kontraktor_model::value::ValueType;
use tfplugin_proto::value::Value;

use super::{Harness, Outcome, fields, text};
use crate::framework::Fields;

const VARIABLE: &str = "kontraktor_variable";

fn held(key: &str) -> Fields {
    fields([("project", text("demo")), ("env", text("dev")), ("key", text(key))])
}

async fn read_all(harness: &Arc<Harness>, count: usize) -> Vec<Outcome> {
    let reads: Vec<_> = (0..count)
        .map(|number| {
            let harness = harness.clone();
            tokio::spawn(async move { harness.read(VARIABLE, &held(&format!("K{number}"))).await })
        })
        .collect();
    let mut outcomes = Vec::new();
    for read in reads {
        outcomes.push(read.await.unwrap());
    }
    outcomes
}

async fn with_variables(count: usize) -> Arc<Harness> {
    let harness = Harness::new().await;
    for number in 0..count {
        harness.daemon.write(&format!("demo/dev/K{number}"), ValueType::Number, &number.to_string());
    }
    Arc::new(harness)
}

#[tokio::test]
async fn a_hundred_reads_are_one_request() {
    let harness = with_variables(100).await;
    for (number, outcome) in read_all(&harness, 100).await.into_iter().enumerate() {
        assert_eq!(outcome.success().unwrap()["value"], Value::from(number.to_string()));
    }
    // Those that come later are served from the same snapshot, and so is what does not exist.
    assert!(harness.read(VARIABLE, &held("K7")).await.success().is_some());
    assert!(harness.read(VARIABLE, &held("gone")).await.success().is_none());
    assert_eq!(harness.daemon.request(), 1);
}

#[tokio::test]
async fn what_was_written_is_read_anew() {
    let harness = with_variables(2).await;
    let prior = harness.read(VARIABLE, &held("K0")).await.success().unwrap();
    let mut config = held("K0");
    config.extend(fields([("value", text("eleven"))]));
    let written = harness.put(VARIABLE, Some(&prior), &config).await.success().unwrap();
    assert_eq!(harness.read(VARIABLE, &written).await.success().unwrap(), written);
    assert_eq!(harness.daemon.request(), 2);
}

#[tokio::test]
async fn a_refused_write_is_followed_by_a_fresh_read() {
    let harness = with_variables(1).await;
    let prior = harness.read(VARIABLE, &held("K0")).await.success().unwrap();
    harness.daemon.write("demo/dev/K0", ValueType::String, "theirs");
    assert_eq!(harness.delete(VARIABLE, &prior).await.diagnostics.len(), 1);
    assert_eq!(harness.read(VARIABLE, &prior).await.success().unwrap()["value"], text("theirs"));
}

#[tokio::test]
async fn a_new_configuration_begins_anew() {
    let harness = with_variables(1).await;
    harness.read(VARIABLE, &held("K0")).await.success();
    harness.daemon.write("demo/dev/K0", ValueType::String, "new");
    harness.configure([]).await;
    assert_eq!(harness.read(VARIABLE, &held("K0")).await.success().unwrap()["value"], text("new"));
}

#[tokio::test]
async fn a_failure_is_shared_and_the_next_read_tries_again() {
    let harness = with_variables(10).await;
    harness.daemon.deny.store(true, Ordering::SeqCst);
    for outcome in read_all(&harness, 10).await {
        assert!(outcome.message().contains("You may not read this"), "{:?}", outcome.diagnostics);
        assert!(outcome.state.is_some(), "a failed read keeps the state");
    }
    assert_eq!(harness.daemon.request(), 1);
    harness.daemon.deny.store(false, Ordering::SeqCst);
    assert!(harness.read(VARIABLE, &held("K1")).await.success().is_some());
}

#[tokio::test]
async fn a_missing_environment_is_asked_for_once() {
    let harness = Arc::new(Harness::new().await);
    for outcome in read_all(&harness, 20).await {
        assert_eq!(outcome.success(), None);
    }
    assert_eq!(harness.daemon.request(), 1);
}

#[tokio::test]
async fn data_sources_revalidate_and_are_answered_that_nothing_changed() {
    let harness = with_variables(3).await;
    let read = async || {
        let config = fields([("project", text("demo")), ("env", text("dev"))]);
        harness.data("kontraktor_environment", &config).await.success().unwrap()["revision"].clone()
    };
    assert_eq!((read().await, read().await), (Value::from(3_u64), Value::from(3_u64)));
    assert_eq!(harness.daemon.not_modified.load(Ordering::SeqCst), 1);
    harness.daemon.write("demo/dev/K1", ValueType::String, "new");
    assert_eq!(read().await, Value::from(4_u64));
    assert_eq!(harness.daemon.not_modified.load(Ordering::SeqCst), 1);
    assert_eq!(harness.daemon.request(), 3);
}
