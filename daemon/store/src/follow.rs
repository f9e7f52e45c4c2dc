//! Follows a log that others write.

use kontraktor_domain::{Event, Head, Row, State};

use super::{Store, StoreError};

/// Events read at a time. An event holds two values of 64 KiB at most, so a page stays below 128 MiB.
const PAGE: usize = 1_024;

/// Applies the rows after the state's newest one, up to the newest of the log.
///
/// [`StoreError::Corrupt`]: the log does not continue where the state ends. What was read before is applied; state and log
/// do not belong together.
pub fn catch_up(store: &dyn Store, state: &mut State) -> Result<(), StoreError> {
    loop {
        let events = store.changes_since(state.head().seq, PAGE)?;
        if events.is_empty() {
            return Ok(());
        }
        for event in &events {
            let head = state.head();
            if !follows(event, head) {
                return Err(StoreError::Corrupt(format!(
                    "row {} does not follow row {}",
                    event.seq, head.seq
                )));
            }
            state.apply(event);
        }
    }
}

/// Whether an event is the next one after a row. Its hash covers that row, and so the whole log before it.
fn follows(event: &Event, head: Head) -> bool {
    event.seq == head.seq + 1 && Row::from(event).hash_after(&head.hash) == event.hash
}
