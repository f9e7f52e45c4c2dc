//! Work that takes long, kept off the threads that carry the calls, and as much of it at a time as memory and the
//! writer can bear.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::Service;
use kontraktor_domain::{Code, Refusal};
use kontraktor_store::{Store, StoreError};

/// Answers about so many variables are made at once, where the call is: 256 values of 64 KiB take a few milliseconds.
/// Beyond, a call in the same thread would wait too long for its turn.
pub const SMALL_ANSWER: usize = 256;

impl Service {
    /// Makes an answer out of what was read: at once where it is about no more than [`SMALL_ANSWER`] variables, on a
    /// thread of its own otherwise, and then only some at a time.
    pub async fn answer<T: Send + 'static>(
        &self,
        variables: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        if variables <= SMALL_ANSWER {
            return Ok(work());
        }
        aside(&self.inner.answers, work).await
    }

    /// Reads from the store, which may block.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        turns: &Arc<Semaphore>,
        work: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Refusal> {
        let store = Arc::clone(&self.inner.store);
        aside(turns, move || work(&*store)).await?.map_err(|error| unreadable(&error))
    }
}

async fn aside<T: Send + 'static>(
    turns: &Arc<Semaphore>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Refusal> {
    let broken_off = || {
        Refusal::new(Code::Storage, "reading was broken off").remedy("try again; the daemon's log says why")
    };
    let turn = Arc::clone(turns).acquire_owned().await.map_err(|_| broken_off())?;
    let done = tokio::task::spawn_blocking(move || {
        // Kept until the work is done, also where the caller gives up meanwhile.
        let _turn = turn;
        work()
    });
    done.await.map_err(|_| broken_off())
}

fn unreadable(error: &StoreError) -> Refusal {
    tracing::error!(%error, "the log cannot be read");
    Refusal::new(Code::Storage, format!("the log cannot be read: {error}"))
}
