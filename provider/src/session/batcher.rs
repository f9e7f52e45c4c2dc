//! Writes that come together travel together: one request, one transaction, an answer for each.
//!
//! A host calls for one resource at a time, a few calls at once. The first write opens a window of a few milliseconds.
//! While callers of an earlier batch are about to come back, the window stays open for them, [`EXTENSION`] at most:
//! a host writes its state file between its calls. When all of them are back it closes at once. Nobody ever waits for a
//! number that has to be reached.
//!
//! It decides what travels with what and when. How a batch travels, and what an answer means, is the session's matter.

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

/// How long a window stays open beyond its length for callers that are about to come back.
const EXTENSION: Duration = Duration::from_millis(100);

/// What a request holds beside its groups, in bytes: the batch's id with its tag and length, and some to spare.
const ENVELOPE: usize = 64;

/// What stands before each group in a request, in bytes at most: its tag and its length.
const GROUP_HEADER: usize = 6;

/// When a batch is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace {
    /// How long a write waits for company. None: every write is sent at once.
    pub(crate) window: Duration,
    /// So many are sent without waiting any longer.
    pub(crate) max_items: usize,
}

impl Default for Pace {
    /// A timer is late by a millisecond at most, so a lone write waits less than 5 ms.
    fn default() -> Self {
        Self { window: Duration::from_millis(3), max_items: MAX_BATCH_ITEMS }
    }
}

/// A request, and what it writes into.
pub(super) struct Batch {
    pub(super) request: v1::WriteVariablesRequest,
    pub(super) environments: HashSet<EnvPath>,
}

/// A batch on its way.
pub(super) type Carried =
    Pin<Box<dyn Future<Output = Result<v1::WriteVariablesResponse, ClientError>> + Send>>;

/// Takes a batch to the daemon and brings the answer.
pub(super) type Carry = Arc<dyn Fn(Batch) -> Carried + Send + Sync>;

/// The answer to one item; a refusal of it is a result too.
type Answer = Result<v1::WriteResult, ClientError>;

/// One key of one environment: it can be written once in a request.
type Place = (EnvPath, String);

struct Call {
    place: Place,
    group: v1::WriteGroup,
    answer: oneshot::Sender<Answer>,
}

/// The places and callers of a request, in its order.
#[derive(Default)]
struct Sent {
    places: Vec<Place>,
    answers: Vec<oneshot::Sender<Answer>>,
}

enum Order {
    Write(Call),
    Flush,
}

/// The way to write.
pub(super) struct Batcher {
    pace: Pace,
    carry: Carry,
    /// To the task that owns the queue, which begins with the first write.
    orders: OnceLock<mpsc::UnboundedSender<Order>>,
}

impl Batcher {
    pub(super) fn new(pace: Pace, carry: Carry) -> Self {
        Self { pace, carry, orders: OnceLock::new() }
    }

    /// Writes one item in whatever company there is. `None`: it was sent, and no result for it came back.
    ///
    /// Dropping this future before the item is sent withdraws the item. Nobody else's is affected, ever.
    pub(super) async fn write(&self, env: &EnvPath, item: v1::WriteItem) -> Option<Answer> {
        let (answer, answered) = oneshot::channel();
        let place = (env.clone(), item.key.clone());
        let call = Call { place, group: v1::WriteGroup { items: vec![item] }, answer };
        let orders = self.orders.get_or_init(|| {
            let (orders, taken) = mpsc::unbounded_channel();
            tokio::spawn(Queue::new(self.pace, Arc::clone(&self.carry)).run(taken));
            orders
        });
        // Where the task is gone, so is the call, and with it the other end of `answered`.
        let _ = orders.send(Order::Write(call));
        answered.await.ok()
    }

    /// Sends what waits, without waiting any longer.
    pub(super) fn flush(&self) {
        if let Some(orders) = self.orders.get() {
            let _ = orders.send(Order::Flush);
        }
    }
}

/// What waits, what is under way, and who is expected.
struct Queue {
    pace: Pace,
    carry: Carry,
    /// What the next request holds; no place twice.
    waiting: Vec<Call>,
    /// Its size in bytes.
    bytes: usize,
    /// When the first of them came.
    opened: Option<Instant>,
    /// Those whose place is taken, by one that waits or is under way.
    held: Vec<Call>,
    taken: HashSet<Place>,
    flushes: JoinSet<Result<v1::WriteVariablesResponse, ClientError>>,
    /// What each of the requests under way writes, and for whom.
    under_way: HashMap<Id, Sent>,
    /// Callers that were answered and may come back with their next write.
    expected: usize,
    /// All who were awaited are back, and nobody is under way: the host has no more calls in flight than before, so
    /// only those who are here already are taken along. One call at a time, as with -parallelism=1, waits for nothing.
    complete: bool,
    answered: Option<Instant>,
}

impl Queue {
    fn new(pace: Pace, carry: Carry) -> Self {
        Self {
            pace,
            carry,
            waiting: Vec::new(),
            bytes: ENVELOPE,
            opened: None,
            held: Vec::new(),
            taken: HashSet::new(),
            flushes: JoinSet::new(),
            under_way: HashMap::new(),
            expected: 0,
            complete: false,
            answered: None,
        }
    }

    /// Until the session is gone and everything is answered.
    async fn run(mut self, mut orders: mpsc::UnboundedReceiver<Order>) {
        let mut open = true;
        while open || !self.waiting.is_empty() || !self.flushes.is_empty() {
            let due = self.due();
            tokio::select! {
                biased;
                order = orders.recv(), if open => match order {
                    Some(Order::Write(call)) => self.arrive(call),
                    Some(Order::Flush) => self.flush(),
                    None => {
                        open = false;
                        self.flush();
                    }
                },
                Some(ended) = self.flushes.join_next_with_id() => self.ended(ended),
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => self.flush(),
            }
        }
    }

    /// When what waits is sent, should nobody else come.
    fn due(&self) -> Option<Instant> {
        let opened = self.opened?;
        if self.complete {
            return Some(opened);
        }
        let company = self.expected > 0 || !self.under_way.is_empty();
        let extension = if company { EXTENSION } else { Duration::ZERO };
        Some(opened + self.pace.window + extension)
    }

    fn arrive(&mut self, call: Call) {
        let recently = self.answered.is_some_and(|answered| answered.elapsed() <= EXTENSION);
        if self.opened.is_none() && !recently {
            // Who has not come back by now is not coming.
            self.expected = 0;
        }
        let awaited = self.expected > 0;
        self.expected = self.expected.saturating_sub(1);
        self.enqueue(call);
        self.complete |= awaited && self.expected == 0 && self.under_way.is_empty() && self.opened.is_some();
    }

    fn enqueue(&mut self, call: Call) {
        if !self.taken.insert(call.place.clone()) {
            self.held.push(call);
            return;
        }
        let bytes = call.group.encoded_len() + GROUP_HEADER;
        // One that is too large alone is sent alone, and refused alone.
        while self.bytes + bytes > MAX_MESSAGE_BYTES && !self.waiting.is_empty() {
            self.flush();
        }
        self.bytes += bytes;
        self.waiting.push(call);
        self.opened.get_or_insert_with(Instant::now);
        if self.waiting.len() >= self.pace.max_items || self.pace.window.is_zero() {
            self.flush();
        }
    }

    fn flush(&mut self) {
        self.opened = None;
        self.expected = 0;
        self.complete = false;
        self.bytes = ENVELOPE;
        // Nobody waits for the others any more, and nothing of them was sent.
        let (calls, withdrawn): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.waiting).into_iter().partition(|call| !call.answer.is_closed());
        if !calls.is_empty() {
            self.send(calls);
        }
        if !withdrawn.is_empty() {
            self.release(withdrawn.into_iter().map(|call| call.place));
        }
    }

    fn send(&mut self, calls: Vec<Call>) {
        let batch_id = new_batch_id();
        tracing::debug!(batch_id, items = calls.len(), "writing variables");
        let mut sent = Sent::default();
        let mut groups = Vec::new();
        for call in calls {
            sent.places.push(call.place);
            sent.answers.push(call.answer);
            groups.push(call.group);
        }
        let environments = sent.places.iter().map(|(env, _)| env.clone()).collect();
        let request = v1::WriteVariablesRequest { batch_id, groups };
        // A task of its own: nobody who stops waiting takes the others along.
        let flush = self.flushes.spawn((self.carry)(Batch { request, environments }));
        self.under_way.insert(flush.id(), sent);
    }

    fn ended(&mut self, ended: Result<(Id, Result<v1::WriteVariablesResponse, ClientError>), JoinError>) {
        let (id, response) = match ended {
            Ok((id, response)) => (id, Some(response)),
            Err(error) => (error.id(), None),
        };
        let Sent { places, answers } = self.under_way.remove(&id).unwrap_or_default();
        // Before anyone is answered: who is answered can be back at once.
        self.expected += places.len();
        self.answered = Some(Instant::now());
        if let Some(response) = response {
            deliver(response, answers);
        }
        self.release(places);
    }

    fn release(&mut self, places: impl IntoIterator<Item = Place>) {
        for place in places {
            self.taken.remove(&place);
        }
        for call in std::mem::take(&mut self.held) {
            self.enqueue(call);
        }
    }
}

/// Brings each caller its answer. Where the answer does not fit the request, nobody knows which is whose: all are
/// dropped, which says so.
fn deliver(response: Result<v1::WriteVariablesResponse, ClientError>, answers: Vec<oneshot::Sender<Answer>>) {
    match response {
        Ok(response) if response.results.len() == answers.len() => {
            for (answer, result) in answers.into_iter().zip(response.results) {
                // Who went away is not told.
                let _ = answer.send(Ok(result));
            }
        }
        Ok(response) => {
            tracing::warn!(
                items = answers.len(),
                results = response.results.len(),
                "an answer that does not fit"
            );
        }
        Err(error) => {
            for answer in answers {
                let _ = answer.send(Err(error.clone()));
            }
        }
    }
}
