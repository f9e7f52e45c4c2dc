//! The number of running calls, so that a stop waits for them and for nothing else: a client may hold an idle connection open.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

/// How long after the last call a request that is on its way may still arrive, and the end of an answer may take from the
/// HTTP library to the socket.
const GRACE: Duration = Duration::from_millis(250);

/// The number of running calls; clones share it. A call runs until the last byte of its answer was written to the socket, or
/// its client is gone. A connection on which something waits to be written counts as well.
#[derive(Debug, Clone, Default)]
pub struct Running(Arc<watch::Sender<usize>>);

impl Running {
    /// Waits until no call has been running for a short while.
    pub async fn quiet(&self) {
        let mut count = self.0.subscribe();
        loop {
            // The sender lives as long as `self`.
            drop(count.wait_for(|count| *count == 0).await);
            count.mark_unchanged();
            if tokio::time::timeout(GRACE, count.changed()).await.is_err() {
                return;
            }
        }
    }

    /// Returns the number, as it changes.
    #[cfg(test)]
    pub(super) fn count(&self) -> watch::Receiver<usize> {
        self.0.subscribe()
    }

    pub(super) fn begin(&self) -> Counted {
        self.0.send_modify(|count| *count += 1);
        Counted(self.clone())
    }
}

/// One running call, or a part of it: a clone counts as well.
#[derive(Debug)]
pub(super) struct Counted(Running);

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.0.begin()
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count -= 1);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn quiet_comes_a_moment_after_the_last_call() {
        let running = Running::default();
        let (first, second) = (running.begin(), running.begin());
        let waiting = tokio::spawn({
            let running = running.clone();
            async move { running.quiet().await }
        });
        drop(first);
        tokio::time::sleep(GRACE * 2).await;
        assert!(!waiting.is_finished(), "the second still runs");
        drop(second);
        let late = running.begin();
        tokio::time::sleep(GRACE * 2).await;
        assert!(!waiting.is_finished(), "another one came in time");
        let begun = Instant::now();
        drop(late);
        waiting.await.unwrap();
        assert!(begun.elapsed() >= GRACE);
    }
}
