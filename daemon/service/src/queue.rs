//! The queue of the writer: bounded in commands and in bytes. A command that finds it full is refused at once.

mod shares;

use std::sync::{
    Arc, Weak,
    atomic::{AtomicBool, AtomicUsize, Ordering},
    mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
};

use jiff::Timestamp;
use tokio::sync::oneshot;

use self::shares::{Share, Shares};
use super::ServiceOptions;
use kontraktor_domain::{Author, Code, Command, Decision, Event, Refusal, Sight, State, Weight};

pub(super) type Answer<O> = Result<O, Refusal>;

/// Returns both ends of a new queue.
pub(super) fn queue(options: &ServiceOptions) -> (Sender, Receiver<Message>) {
    let (queue, messages) = sync_channel(options.queue_requests);
    let sender = Sender {
        queue: Arc::new(queue),
        waiting_bytes: Arc::default(),
        max_bytes: options.queue_bytes,
        shares: Shares::of_queue(options.queue_requests, options.queue_bytes),
    };
    (sender, messages)
}

/// The end that commands come in by.
pub(super) struct Sender {
    queue: Arc<SyncSender<Message>>,
    waiting_bytes: Arc<AtomicUsize>,
    max_bytes: usize,
    shares: Shares,
}

/// What the writer receives.
pub(super) enum Message {
    /// A command to decide.
    Job(Job),
    /// Other writers may have appended to the log.
    Follow(FollowRequest),
}

/// Asks the writer to read what other writers appended. It does not keep the queue open.
pub(super) struct FollowNotifier {
    queue: Weak<SyncSender<Message>>,
    is_queued: Arc<AtomicBool>,
}

impl FollowNotifier {
    /// Queues a request, unless one waits already. Where the queue is full, the writer learns of the rows at its next commit.
    pub(super) fn notify(&self) {
        let Some(queue) = self.queue.upgrade() else { return };
        if self.is_queued.swap(true, Ordering::AcqRel) {
            return;
        }
        let request = FollowRequest { is_queued: Arc::clone(&self.is_queued) };
        if queue.try_send(Message::Follow(request)).is_err() {
            self.is_queued.store(false, Ordering::Release);
        }
    }
}

/// A request to read what other writers appended, in the queue.
pub(super) struct FollowRequest {
    is_queued: Arc<AtomicBool>,
}

impl FollowRequest {
    /// Takes it from the queue: rows that are appended from now on are announced again.
    pub(super) fn accept(self) {
        self.is_queued.swap(false, Ordering::AcqRel);
    }
}

/// A command in the queue, of any type. Its bytes are counted until it is answered.
pub(super) struct Job {
    task: Box<dyn Task>,
    pub(super) items: usize,
    bytes: usize,
    waiting_bytes: Arc<AtomicUsize>,
    /// None: its author may fill the whole queue.
    share: Option<Share>,
}

/// What a command changes.
pub(super) struct Changes {
    pub(super) events: Vec<Event>,
    pub(super) state: State,
}

/// A command whose type is erased, with the way to who waits for its outcome.
trait Task: Send {
    fn decide(&mut self, state: &State, now: Timestamp) -> Option<Changes>;

    fn answer(self: Box<Self>);

    fn refuse(self: Box<Self>, refusal: Refusal);
}

struct Pending<C: Command> {
    command: C,
    author: Author,
    sight: Box<dyn Sight>,
    /// The newest decision; a refusal until there is one.
    decided: Answer<C::Outcome>,
    answer: oneshot::Sender<Answer<C::Outcome>>,
}

impl<C: Command> Task for Pending<C> {
    fn decide(&mut self, state: &State, now: Timestamp) -> Option<Changes> {
        let (changes, decided) = match self.command.decide_for(state, &self.author, &*self.sight, now) {
            Ok(Decision { events, outcome, state }) => (Some(Changes { events, state }), Ok(outcome)),
            Err(refusal) => (None, Err(refusal)),
        };
        self.decided = decided;
        changes
    }

    fn answer(self: Box<Self>) {
        // The client may be gone; what was written remains.
        let _ = self.answer.send(self.decided);
    }

    fn refuse(self: Box<Self>, refusal: Refusal) {
        let _ = self.answer.send(Err(refusal));
    }
}

impl Job {
    /// Decides the command against a state, and remembers the outcome. It may be decided again: the newest outcome counts.
    /// None: it is refused.
    pub(super) fn decide(&mut self, state: &State, now: Timestamp) -> Option<Changes> {
        self.task.decide(state, now)
    }

    /// Answers with the outcome; where nothing was decided, with the refusal that the store failed before.
    pub(super) fn answer(mut self) {
        self.release();
        self.task.answer();
    }

    /// Answers with a refusal, whatever was decided.
    pub(super) fn refuse(mut self, refusal: Refusal) {
        self.release();
        self.task.refuse(refusal);
    }

    /// Before it is answered, so that its author's next command finds the room.
    fn release(&mut self) {
        self.share = None;
        self.waiting_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Sender {
    /// Returns what asks the writer to follow the log.
    pub(super) fn follow_notifier(&self) -> FollowNotifier {
        FollowNotifier { queue: Arc::downgrade(&self.queue), is_queued: Arc::default() }
    }

    /// Queues a command. It is refused if the queue is full, or the part of it that `share_of` may fill, or if the writer has
    /// ended.
    pub(super) fn submit<C: Command>(
        &self,
        author: Author,
        sight: Box<dyn Sight>,
        share_of: Option<&Arc<str>>,
        command: C,
    ) -> Result<oneshot::Receiver<Answer<C::Outcome>>, Refusal> {
        let (answer, answered) = oneshot::channel();
        let Weight { items, bytes } = command.weight();
        let share = match share_of {
            Some(actor) => Some(self.shares.take(actor, bytes).ok_or_else(|| too_many_of(actor))?),
            None => None,
        };
        let before = self.waiting_bytes.fetch_add(bytes, Ordering::Relaxed);
        if before > 0 && before + bytes > self.max_bytes {
            self.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
            return Err(busy());
        }
        let waiting_bytes = Arc::clone(&self.waiting_bytes);
        let task = Box::new(Pending { command, author, sight, decided: Err(store_failed()), answer });
        let job = Job { task, items, bytes, waiting_bytes, share };
        self.queue.try_send(Message::Job(job)).map_err(|error| {
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
        .remedy("try again later")
        .retry_after_ms(50)
}

fn too_many_of(actor: &str) -> Refusal {
    Refusal::new(Code::Busy, format!("too many writes of {actor} wait for the writer; nothing was written"))
        .remedy("try again later, and send fewer writes at a time")
        .retry_after_ms(50)
}

pub(super) fn store_failed() -> Refusal {
    Refusal::new(Code::Storage, "the store failed before this write; nothing was written")
        .remedy("see the daemon's log, and restart the daemon")
}
