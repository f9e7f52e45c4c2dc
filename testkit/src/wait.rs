//! Waiting for something to happen, with a bound that only a hang exceeds.

use std::{thread, time::Duration};

/// How long tests wait for an event before they fail. Far more than any event needs on a slow, busy machine.
pub const BOUND: Duration = Duration::from_mins(2);

/// The pause between two checks.
const PAUSE: Duration = Duration::from_millis(20);

/// Checks until `check` returns a value, and returns it.
///
/// # Panics
/// With `what`, when the bound passes first.
#[track_caller]
pub fn eventually_some<T>(what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let mut waited = Duration::ZERO;
    loop {
        if let Some(found) = check() {
            return found;
        }
        assert!(waited < BOUND, "this did not happen: {what}");
        thread::sleep(PAUSE);
        waited += PAUSE;
    }
}

/// Checks until `check` returns true.
///
/// # Panics
/// With `what`, when the bound passes first.
#[track_caller]
pub fn eventually(what: &str, mut check: impl FnMut() -> bool) {
    eventually_some(what, || check().then_some(()));
}

/// Does the same as [`eventually_some`] for a check that is asynchronous.
///
/// # Panics
/// With `what`, when the bound passes first.
pub async fn eventually_async<T>(what: &str, mut check: impl AsyncFnMut() -> Option<T>) -> T {
    let mut waited = Duration::ZERO;
    loop {
        if let Some(found) = check().await {
            return found;
        }
        assert!(waited < BOUND, "this did not happen: {what}");
        tokio::time::sleep(PAUSE).await;
        waited += PAUSE;
    }
}
