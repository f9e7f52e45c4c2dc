//! Batches writes: those that arrive together become one request and one transaction, with a result for each.
//!
//! A host calls for one resource at a time, a few calls at once. The first write opens a window of a few milliseconds.
//! While callers of an earlier batch are expected back, the window stays open for them, at most [`EXTENSION`] longer: a
//! host writes its state file between its calls. It closes as soon as all of them are back. No write ever waits for a fixed
//! number of others.
//!
//! The batcher decides which writes share a request and when it is sent. How it is sent and what a response means is up to
//! the session.

#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, HashSet},
    future::Future,
    pin::Pin,
    sync::{Arc, OnceLock},
    time::Duration,
};

use kontraktor_model::{
    limits::{MAX_BATCH_ITEMS, MAX_MESSAGE_BYTES},
    names::EnvPath,
};
use kontraktor_proto::{
    client::{ClientError, new_batch_id},
    v1,
};
use prost::Message as _;
use tokio::{
    sync::{mpsc, oneshot},
    task::{Id, JoinError, JoinSet},
    time::{Instant, sleep_until},
};

/// How much longer than usual a window stays open for callers that are expected back.
const EXTENSION: Duration = Duration::from_millis(100);

/// The size of a request without its groups, in bytes: the batch's id with its tag and length, with some reserve.
const ENVELOPE: usize = 64;

/// The maximum size of a group's header, in bytes: its tag and its length.
const GROUP_HEADER: usize = 6;

/// When a batch is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BatchOptions {
    /// How long a write waits for others. Zero: every write is sent at once.
    pub(crate) window: Duration,
    /// The number of writes that are sent without further waiting.
    pub(crate) max_items: usize,
}

impl Default for BatchOptions {
    /// A timer is late by a millisecond at most, so a lone write waits less than 5 ms.
    fn default() -> Self {
        Self { window: Duration::from_millis(3), max_items: MAX_BATCH_ITEMS }
    }
}

/// A request, and the environments that it writes to.
pub(super) struct Batch {
    pub(super) request: v1::WriteVariablesRequest,
    pub(super) environments: HashSet<EnvPath>,
}

/// A batch in flight.
pub(super) type BatchResponse =
    Pin<Box<dyn Future<Output = Result<v1::WriteVariablesResponse, ClientError>> + Send>>;

/// Sends a batch to the daemon and returns the response.
pub(super) type SendBatch = Arc<dyn Fn(Batch) -> BatchResponse + Send + Sync>;

/// The result of one item; its refusal is a result too.
type Answer = Result<v1::WriteResult, ClientError>;

/// One key of one environment. A request can write it only once.
type Target = (EnvPath, String);

struct PendingWrite {
    target: Target,
    group: v1::WriteGroup,
    answer: oneshot::Sender<Answer>,
}

/// The targets and callers of a request, in its order.
#[derive(Default)]
struct InFlight {
    targets: Vec<Target>,
    answers: Vec<oneshot::Sender<Answer>>,
}

enum Command {
    Write(PendingWrite),
    Flush,
}

/// Batches the writes of one session.
pub(super) struct Batcher {
    options: BatchOptions,
    send_batch: SendBatch,
    /// Commands for the task that owns the queue, which starts with the first write.
    commands: OnceLock<mpsc::UnboundedSender<Command>>,
}

impl Batcher {
    pub(super) fn new(options: BatchOptions, send_batch: SendBatch) -> Self {
        Self { options, send_batch, commands: OnceLock::new() }
    }

    /// Writes one item together with others. `None`: it was sent, and no result for it came back.
    ///
    /// Dropping this future before the item is sent withdraws the item. The items of other callers are never affected.
    pub(super) async fn write(&self, env: &EnvPath, item: v1::WriteItem) -> Option<Answer> {
        let (answer, answered) = oneshot::channel();
        let target = (env.clone(), item.key.clone());
        let write = PendingWrite { target, group: v1::WriteGroup { items: vec![item] }, answer };
        let commands = self.commands.get_or_init(|| {
            let (commands, received) = mpsc::unbounded_channel();
            tokio::spawn(Queue::new(self.options, Arc::clone(&self.send_batch)).run(received));
            commands
        });
        // If the task is gone, the write is dropped, and with it the sender for `answered`.
        let _ = commands.send(Command::Write(write));
        answered.await.ok()
    }

    /// Sends all waiting writes at once.
    pub(super) fn flush(&self) {
        if let Some(commands) = self.commands.get() {
            let _ = commands.send(Command::Flush);
        }
    }
}

/// The writes that wait and those in flight, and how many callers are expected back.
struct Queue {
    options: BatchOptions,
    send_batch: SendBatch,
    /// The writes of the next request; no target occurs twice.
    waiting: Vec<PendingWrite>,
    /// The size of the next request in bytes.
    bytes: usize,
    /// When the first of the waiting writes arrived.
    opened: Option<Instant>,
    /// Writes whose target is busy: another write to it waits or is in flight.
    blocked: Vec<PendingWrite>,
    busy: HashSet<Target>,
    requests: JoinSet<Result<v1::WriteVariablesResponse, ClientError>>,
    /// What each request in flight writes, and for whom.
    in_flight: HashMap<Id, InFlight>,
    /// The number of callers that were answered and may come back with their next write.
    expected: usize,
    /// All expected callers are back and no request is in flight. The host has no more calls in flight than before, so
    /// only the writes that have arrived already are added. A single call at a time, as with -parallelism=1, never waits.
    all_back: bool,
    last_answer: Option<Instant>,
}

impl Queue {
    fn new(options: BatchOptions, send_batch: SendBatch) -> Self {
        Self {
            options,
            send_batch,
            waiting: Vec::new(),
            bytes: ENVELOPE,
            opened: None,
            blocked: Vec::new(),
            busy: HashSet::new(),
            requests: JoinSet::new(),
            in_flight: HashMap::new(),
            expected: 0,
            all_back: false,
            last_answer: None,
        }
    }

    /// Runs until the session is dropped and every write is answered.
    async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        let mut open = true;
        while open || !self.waiting.is_empty() || !self.requests.is_empty() {
            let deadline = self.deadline();
            tokio::select! {
                biased;
                command = commands.recv(), if open => match command {
                    Some(Command::Write(write)) => self.accept(write),
                    Some(Command::Flush) => self.flush(),
                    None => {
                        open = false;
                        self.flush();
                    }
                },
                Some(finished) = self.requests.join_next_with_id() => self.finish(finished),
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => self.flush(),
            }
        }
    }

    /// Returns when the waiting writes are sent if no other write arrives.
    fn deadline(&self) -> Option<Instant> {
        let opened = self.opened?;
        if self.all_back {
            return Some(opened);
        }
        let more_expected = self.expected > 0 || !self.in_flight.is_empty();
        let extension = if more_expected { EXTENSION } else { Duration::ZERO };
        Some(opened + self.options.window + extension)
    }

    fn accept(&mut self, write: PendingWrite) {
        let recent = self.last_answer.is_some_and(|answered| answered.elapsed() <= EXTENSION);
        if self.opened.is_none() && !recent {
            // Callers that have not come back by now are no longer expected.
            self.expected = 0;
        }
        let was_expecting = self.expected > 0;
        self.expected = self.expected.saturating_sub(1);
        self.enqueue(write);
        self.all_back |=
            was_expecting && self.expected == 0 && self.in_flight.is_empty() && self.opened.is_some();
    }

    fn enqueue(&mut self, write: PendingWrite) {
        if !self.busy.insert(write.target.clone()) {
            self.blocked.push(write);
            return;
        }
        let bytes = write.group.encoded_len() + GROUP_HEADER;
        // A write that alone is too large is sent separately, so that only it is refused.
        while self.bytes + bytes > MAX_MESSAGE_BYTES && !self.waiting.is_empty() {
            self.flush();
        }
        self.bytes += bytes;
        self.waiting.push(write);
        self.opened.get_or_insert_with(Instant::now);
        if self.waiting.len() >= self.options.max_items || self.options.window.is_zero() {
            self.flush();
        }
    }

    fn flush(&mut self) {
        self.opened = None;
        self.expected = 0;
        self.all_back = false;
        self.bytes = ENVELOPE;
        // The callers of withdrawn writes are gone, and nothing of these writes was sent.
        let (writes, withdrawn): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.waiting).into_iter().partition(|write| !write.answer.is_closed());
        if !writes.is_empty() {
            self.send(writes);
        }
        if !withdrawn.is_empty() {
            self.release(withdrawn.into_iter().map(|write| write.target));
        }
    }

    fn send(&mut self, writes: Vec<PendingWrite>) {
        let batch_id = new_batch_id();
        tracing::debug!(batch_id, items = writes.len(), "writing variables");
        let mut in_flight = InFlight::default();
        let mut groups = Vec::new();
        for write in writes {
            in_flight.targets.push(write.target);
            in_flight.answers.push(write.answer);
            groups.push(write.group);
        }
        let environments = in_flight.targets.iter().map(|(env, _)| env.clone()).collect();
        let request = v1::WriteVariablesRequest { batch_id, groups };
        // In its own task: a caller that stops waiting does not cancel the writes of the others.
        let request = self.requests.spawn((self.send_batch)(Batch { request, environments }));
        self.in_flight.insert(request.id(), in_flight);
    }

    fn finish(&mut self, finished: Result<(Id, Result<v1::WriteVariablesResponse, ClientError>), JoinError>) {
        let (id, response) = match finished {
            Ok((id, response)) => (id, Some(response)),
            Err(error) => (error.id(), None),
        };
        let InFlight { targets, answers } = self.in_flight.remove(&id).unwrap_or_default();
        // Before the callers are answered: an answered caller can be back at once.
        self.expected += targets.len();
        self.last_answer = Some(Instant::now());
        if let Some(response) = response {
            deliver(response, answers);
        }
        self.release(targets);
    }

    fn release(&mut self, targets: impl IntoIterator<Item = Target>) {
        for target in targets {
            self.busy.remove(&target);
        }
        for write in std::mem::take(&mut self.blocked) {
            self.enqueue(write);
        }
    }
}

/// Sends each caller its result. If the number of results does not match, no result can be assigned: all senders are
/// dropped, which the callers see as a missing result.
fn deliver(response: Result<v1::WriteVariablesResponse, ClientError>, answers: Vec<oneshot::Sender<Answer>>) {
    match response {
        Ok(response) if response.results.len() == answers.len() => {
            for (answer, result) in answers.into_iter().zip(response.results) {
                // An error means that the caller stopped waiting.
                let _ = answer.send(Ok(result));
            }
        }
        Ok(response) => {
            tracing::warn!(
                items = answers.len(),
                results = response.results.len(),
                "the number of results does not match the request"
            );
        }
        Err(error) => {
            for answer in answers {
                let _ = answer.send(Err(error.clone()));
            }
        }
    }
}
