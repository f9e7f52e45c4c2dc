//! A write that a busy daemon refuses is repeated with the same batch, after the delay that the daemon asks for. The clock is
//! paused, so it advances only when every task waits.

use std::sync::atomic::Ordering;

use super::fake::RETRY_AFTER;
use super::{Harness, fields, text};

#[tokio::test]
async fn a_batch_that_the_daemon_had_no_room_for_is_repeated_with_its_id_and_not_too_early() {
    let harness = Harness::with([("timeout", text("30s"))]).await;
    tokio::time::pause();
    harness.daemon.busy.store(2, Ordering::SeqCst);
    let config =
        fields([("project", text("demo")), ("env", text("dev")), ("key", text("A")), ("value", text("a"))]);
    let created = harness.put("kontraktor_variable", None, &config).await.success().unwrap();
    assert_eq!(created["revision"], 1_u64.into());
    let batches = harness.daemon.batches.lock().unwrap().clone();
    assert_eq!(batches.len(), 3);
    for pair in batches.windows(2) {
        let [(first, came), (again, came_again)] = pair else { panic!("windows of two") };
        assert_eq!(first, again, "the same batch");
        assert!(came_again.duration_since(*came) >= RETRY_AFTER, "no sooner than the daemon said");
    }
}

#[tokio::test]
async fn a_daemon_that_stays_busy_is_an_error_and_nothing_is_lost() {
    let harness = Harness::new().await;
    tokio::time::pause();
    harness.daemon.busy.store(usize::MAX, Ordering::SeqCst);
    let config =
        fields([("project", text("demo")), ("env", text("dev")), ("key", text("A")), ("value", text("a"))]);
    let outcome = harness.put("kontraktor_variable", None, &config).await;
    assert!(
        outcome.message().starts_with("Error: Failed to create variable demo/dev/A\nToo many writes wait"),
        "{outcome:?}"
    );
    assert_eq!(outcome.state, None);
}
