//! The queue of the writer: bounded in requests and in bytes. A request that finds it full is refused at once.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
    mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
};

use tokio::sync::oneshot;

use super::ServiceOptions;
use kontraktor_domain::{Author, Code, Operate, Outcome, Refusal, Request};

pub(super) type Answer = Result<Outcome, Refusal>;

/// Returns both ends of a new queue.
pub(super) fn queue(options: &ServiceOptions) -> (Sender, Receiver<Job>) {
    let (queue, jobs) = sync_channel(options.queue_requests);
    (Sender { queue, waiting_bytes: Arc::default(), max_bytes: options.queue_bytes }, jobs)
}

/// The end that requests come in by.
pub(super) struct Sender {
    queue: SyncSender<Job>,
    waiting_bytes: Arc<AtomicUsize>,
    max_bytes: usize,
}

/// A request in the queue. Its bytes are counted until it is answered.
pub(super) struct Job {
    pub(super) author: Author,
    pub(super) request: Request,
    pub(super) items: usize,
    bytes: usize,
    waiting_bytes: Arc<AtomicUsize>,
    answer: oneshot::Sender<Answer>,
}

impl Job {
    pub(super) fn answer(self, answer: Answer) {
        self.waiting_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        // The client may be gone; what was written remains.
        let _ = self.answer.send(answer);
    }
}

impl Sender {
    /// Queues a request. It is refused if the queue is full or the writer has ended.
    pub(super) fn submit(
        &self,
        author: Author,
        request: Request,
    ) -> Result<oneshot::Receiver<Answer>, Refusal> {
        let (answer, answered) = oneshot::channel();
        let (items, bytes) = weigh(&request);
        let before = self.waiting_bytes.fetch_add(bytes, Ordering::Relaxed);
        if before > 0 && before + bytes > self.max_bytes {
            self.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
            return Err(busy());
        }
        let waiting_bytes = Arc::clone(&self.waiting_bytes);
        let job = Job { author, request, items, bytes, waiting_bytes, answer };
        self.queue.try_send(job).map_err(|error| {
            self.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
            match error {
                TrySendError::Full(_) => busy(),
                // While the service drains there is no sender, so the writer has failed.
                TrySendError::Disconnected(_) => store_failed(),
            }
        })?;
        Ok(answered)
    }
}

fn busy() -> Refusal {
    Refusal::new(Code::Busy, "the write queue is full; nothing was written")
        .remedy("try again a little later")
        .retry_after_ms(50)
}

pub(super) fn store_failed() -> Refusal {
    Refusal::new(Code::Storage, "the store failed before this write; nothing was written")
        .remedy("see the daemon's log, and restart the daemon")
}

/// Returns the items and bytes of a request.
fn weigh(request: &Request) -> (usize, usize) {
    let batch = match request {
        Request::WriteVariables(batch) => batch,
        Request::Record(trail) => {
            let rows = trail.accesses.len() + trail.versions.len();
            return (rows.max(1), 2048 + 512 * rows);
        }
        Request::RestoreEnvironment { past, .. } => {
            let bytes = past.variables.values().map(|variable| {
                512 + variable.key.as_str().len() + variable.value.len() + variable.description.len()
            });
            return (past.variables.len().max(1), 2048 + bytes.sum::<usize>());
        }
        Request::CreateSchema { settings, .. } | Request::UpdateSchema { settings, .. } => {
            return (1, 2048 + settings.key_pattern.len() + settings.schema.len());
        }
        _ => return (1, 2048),
    };
    let bytes = batch.groups.iter().flatten().map(|item| {
        let content = match &item.operation {
            Some(Operate::Put(put)) => {
                let content = put.value.as_ref().or(put.reference.as_ref());
                content.map_or(0, String::len) + put.description.len()
            }
            _ => 0,
        };
        512 + item.project.len() + item.env.len() + item.key.len() + content
    });
    (batch.len(), bytes.sum())
}
