//! The end of serving, as those see it who hold a connection or a stream open.

use tokio::sync::watch;

/// Tells when the daemon begins to stop. A stream that has no end of its own must end then: it would hold its connection, and
/// the connection would hold the stop. A clone tells the same.
#[derive(Debug, Clone)]
pub(crate) struct Stopping(watch::Receiver<bool>);

impl Stopping {
    /// Returns what a stop sets to true, and what sees it.
    pub(crate) fn channel() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }

    /// Returns whether the daemon is stopping.
    pub(crate) fn has_begun(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until the daemon begins to stop.
    pub(crate) async fn begun(&mut self) {
        // A sender that is gone means the same.
        drop(self.0.wait_for(|stopping| *stopping).await);
    }
}
