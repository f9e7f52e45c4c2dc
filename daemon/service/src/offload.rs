//! Long work on threads of its own, away from those that carry the calls, and only some of it at a time.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::Service;
use kontraktor_domain::{Code, Refusal};
use kontraktor_store::{Store, StoreError};

/// Up to so many variables, an answer is made on the thread of its call: 256 values of 64 KiB take a few milliseconds.
/// With more, other calls on the same thread would wait too long.
pub const SMALL_ANSWER: usize = 256;

/// What to do about a file of the database that is damaged.
pub const DAMAGED_REMEDY: &str = "stop kontraktord, keep a copy of the data directory, and restore the directory from a backup; \
    check the disk";

impl Service {
    /// Makes an answer out of data that was read: on the caller's thread for up to [`SMALL_ANSWER`] variables, on a
    /// thread of its own otherwise, and then only some at a time. It reads nothing, so it needs no caller.
    pub async fn answer<T: Send + 'static>(
        &self,
        variables: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        if variables <= SMALL_ANSWER {
            return Ok(work());
        }
        offload(&self.inner.answers, work).await
    }

    /// Reads from the store, which may block.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        permits: &Arc<Semaphore>,
        work: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Refusal> {
        let store = Arc::clone(&self.inner.store);
        offload(permits, move || work(&*store)).await?.map_err(|error| unreadable(&error))
    }
}

async fn offload<T: Send + 'static>(
    permits: &Arc<Semaphore>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Refusal> {
    let aborted = || {
        Refusal::new(Code::Storage, "reading was aborted")
            .remedy("try again; see the daemon's log for the reason")
    };
    let permit = Arc::clone(permits).acquire_owned().await.map_err(|_| aborted())?;
    let done = tokio::task::spawn_blocking(move || {
        // Kept until the work is done, even if the caller gives up meanwhile.
        let _permit = permit;
        work()
    });
    done.await.map_err(|_| aborted())
}

fn unreadable(error: &StoreError) -> Refusal {
    tracing::error!(%error, "cannot read the log");
    let message = format!("cannot read the log: {error}");
    match error {
        StoreError::Damaged { .. } => Refusal::new(Code::StorageDamaged, message).remedy(DAMAGED_REMEDY),
        _ => Refusal::new(Code::Storage, message),
    }
}
