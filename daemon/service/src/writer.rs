//! The daemon's writer: a thread that takes all waiting requests, decides them one after the other, commits their events
//! at once, publishes the new state, and answers.
//!
//! Others may write to the same log. A commit names the newest row that it was decided on; where the log has a newer one,
//! nothing is written, and the writer applies the rows of the others and decides again.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        mpsc::{Receiver, RecvError, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::{
    Clock, ServiceOptions,
    queue::{Changes, Job, Message, Sender, queue},
    watching::{Hub, Step},
};
use kontraktor_domain::{Code, DECIDE_STACK_BYTES, Event, Head, Refusal, State};
use kontraktor_store::{Commit, Occasion, Store, StoreError, catch_up};

/// How often the same requests are decided again because other writers were first, before they are refused.
const MAX_CONFLICTS: usize = 16;

/// The writer's condition.
#[derive(Debug, Clone)]
pub(super) enum Health {
    /// Writes succeed.
    Good,
    /// Writes fail for now.
    Trouble(Arc<str>),
    /// This process cannot write any more.
    Fatal(StoreLost),
}

/// Why this process cannot use the store any more.
#[derive(Debug, Clone)]
pub struct StoreLost {
    /// The reason, in a sentence.
    pub reason: Arc<str>,
    /// The data itself is damaged, so that a restart does not help.
    pub is_damaged: bool,
}

/// The service's side of a running writer.
pub(super) struct Handle {
    pub(super) sender: Sender,
    pub(super) health: watch::Receiver<Health>,
    pub(super) finished: watch::Receiver<bool>,
}

/// What the writer publishes to.
pub(super) struct Shared {
    pub(super) state: Arc<ArcSwap<State>>,
    pub(super) hub: Arc<Hub>,
}

pub(super) fn start(
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    shared: Shared,
    options: ServiceOptions,
) -> Result<Handle, StoreError> {
    let (sender, messages) = queue(&options);
    let notifier = sender.follow_notifier();
    let is_shared = store.subscribe(Box::new(move || notifier.notify()));
    let (health, health_seen) = watch::channel(Health::Good);
    let (finished, finished_seen) = watch::channel(false);
    let mut writer = Writer {
        store,
        clock,
        shared,
        options,
        messages,
        is_shared,
        health,
        unresolved_commit: None,
        maintain_after: None,
    };
    thread::Builder::new()
        .name("writer".to_owned())
        .stack_size(DECIDE_STACK_BYTES)
        .spawn(move || {
            if catch_unwind(AssertUnwindSafe(|| writer.run())).is_err() {
                writer.lose("the writer panicked; see the log", false);
            }
            writer.refuse_queued();
            finished.send_replace(true);
        })
        .map_err(|error| StoreError::Fatal(format!("cannot start the writer's thread: {error}")))?;
    Ok(Handle { sender, health: health_seen, finished: finished_seen })
}

struct Writer {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    shared: Shared,
    options: ServiceOptions,
    messages: Receiver<Message>,
    /// The store reports what other writers append.
    is_shared: bool,
    health: watch::Sender<Health>,
    unresolved_commit: Option<UnresolvedCommit>,
    /// The store wants maintenance after so long without a request.
    maintain_after: Option<Duration>,
}

/// A commit failed, and the store has not been reopened since: the log may hold its events or not.
struct UnresolvedCommit {
    cause: Cause,
    /// The state with the events applied.
    candidate: State,
}

/// What a round of the writer decided.
struct Decided {
    /// The newest row that it began with.
    expected: Head,
    changes: Changes,
    /// The number of events of each command that wrote, and the state that it led to.
    steps: Vec<(usize, State)>,
}

/// What became of a commit that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resolution {
    /// The log holds its events.
    Kept,
    /// The log does not hold them.
    NotKept,
    /// The store could not be reopened yet.
    Unknown,
}

/// Why a commit failed in a way that the store survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Full,
    Failed,
}

/// The writer cannot continue.
struct Stop;

impl Writer {
    fn run(&mut self) {
        if self.maintain(Occasion::Started).is_err() {
            return;
        }
        // What was appended between loading the state and subscribing.
        if self.is_shared && self.follow().is_err() {
            return;
        }
        loop {
            let wait = if self.unresolved_commit.is_some() || !self.is_healthy() {
                Some(self.options.retry)
            } else {
                self.maintain_after
            };
            let received = match wait {
                Some(wait) => self.messages.recv_timeout(wait),
                None => self.messages.recv().map_err(|RecvError| RecvTimeoutError::Disconnected),
            };
            let done = match received {
                Ok(Message::Job(job)) => {
                    let jobs = self.gather(job);
                    self.write(jobs)
                }
                Ok(Message::Follow(request)) => {
                    request.accept();
                    self.follow()
                }
                Err(RecvTimeoutError::Timeout) => self.idle(),
                Err(RecvTimeoutError::Disconnected) => break,
            };
            if done.is_err() {
                return;
            }
        }
        // Every answer was given upon a commit, so nothing is lost.
        if let Err(error) = self.store.close() {
            tracing::warn!(%error, "the store could not be closed in order");
        }
    }

    /// Refuses what is still in the queue, so that no caller is left waiting. Later requests find no receiver.
    fn refuse_queued(self) {
        while let Ok(message) = self.messages.try_recv() {
            if let Message::Job(job) = message {
                job.answer();
            }
        }
    }

    /// Takes waiting requests, up to the size of a commit.
    fn gather(&self, first: Job) -> Vec<Job> {
        let mut items = first.items;
        let mut jobs = vec![first];
        while items < self.options.flush_items {
            match self.messages.try_recv() {
                Ok(Message::Job(job)) => {
                    items += job.items;
                    jobs.push(job);
                }
                // The commit names the newest row that is known, and so finds newer ones.
                Ok(Message::Follow(request)) => request.accept(),
                Err(_) => break,
            }
        }
        jobs
    }

    fn write(&mut self, mut jobs: Vec<Job>) -> Result<(), Stop> {
        self.resolve()?;
        if let Some(UnresolvedCommit { cause, .. }) = &self.unresolved_commit {
            let refusal = cause.refusal("the database cannot be reopened yet, and nothing was written");
            self.answer_without_writing(jobs, &refusal);
            return Ok(());
        }
        for _ in 0..MAX_CONFLICTS {
            let Decided { expected, changes, steps } = self.decide_all(&mut jobs);
            match self.store.commit(expected, &changes.events) {
                Ok(Commit::Committed) => return self.committed(changes, &steps, jobs),
                Ok(Commit::Conflict(head)) => {
                    tracing::debug!(row = head.seq, "another writer committed first");
                    if let Err(error) = self.catch_up(head) {
                        let cause = self.survive(error, State::clone(&self.shared.state.load()))?;
                        self.answer_without_writing(jobs, &cause.refusal("nothing was written"));
                        return Ok(());
                    }
                }
                Err(error) => return self.not_committed(error, changes.state, jobs),
            }
        }
        self.answer_without_writing(jobs, &overtaken());
        Ok(())
    }

    /// Decides each command on the state that the ones before it lead to.
    fn decide_all(&self, jobs: &mut [Job]) -> Decided {
        let now = self.clock.now();
        let mut all = Changes { events: Vec::new(), state: State::clone(&self.shared.state.load()) };
        let expected = all.state.head();
        all.state.forget_batches(now);
        let mut steps = Vec::with_capacity(jobs.len());
        for job in jobs {
            if let Some(Changes { events, state }) = job.decide(&all.state, now) {
                if !events.is_empty() {
                    steps.push((events.len(), state.clone()));
                }
                all.state = state;
                all.events.extend(events);
            }
        }
        Decided { expected, changes: all, steps }
    }

    fn committed(&mut self, changes: Changes, steps: &[(usize, State)], jobs: Vec<Job>) -> Result<(), Stop> {
        self.publish(changes.state);
        self.notify_watchers(&changes.events, steps);
        if changes.events.is_empty() {
            answer_all(jobs);
            return Ok(());
        }
        self.heal();
        answer_all(jobs);
        self.maintain(Occasion::Committed)
    }

    /// After the state is published: a watcher that comes now sees it there.
    fn notify_watchers(&self, events: &[Event], steps: &[(usize, State)]) {
        if !self.shared.hub.is_watched() {
            return;
        }
        let mut rest = events;
        for (count, state) in steps {
            let Some((of_command, after)) = rest.split_at_checked(*count) else { return };
            rest = after;
            self.shared.hub.send(Step::Command { events: of_command.to_vec(), state: state.clone() });
        }
    }

    /// Publishes a state that commits led to which are not known row by row.
    fn publish_jump(&self, state: State) {
        self.publish(state.clone());
        if self.shared.hub.is_watched() {
            self.shared.hub.send(Step::Jump(state));
        }
    }

    fn publish(&self, state: State) {
        self.shared.state.store(Arc::new(state));
    }

    /// Applies and publishes what others wrote, without a write of its own.
    fn follow(&mut self) -> Result<(), Stop> {
        if self.unresolved_commit.is_none() {
            let known = self.shared.state.load().head();
            let followed =
                self.store.head().and_then(|head| if head == known { Ok(()) } else { self.catch_up(head) });
            let Err(error) = followed else { return Ok(()) };
            let (StoreError::Full(reason) | StoreError::Failed(reason)) = &error else {
                self.fail(&error);
                return Err(Stop);
            };
            tracing::warn!(reason, "what other writers appended cannot be read yet");
            let candidate = State::clone(&self.shared.state.load());
            self.unresolved_commit = Some(UnresolvedCommit { cause: Cause::Failed, candidate });
        }
        // A reopened store is followed up to its newest row.
        self.resolve().map(drop)
    }

    /// Applies what others wrote, up to the row `head` at least, and publishes it.
    fn catch_up(&self, head: Head) -> Result<(), StoreError> {
        let mut state = State::clone(&self.shared.state.load());
        let known = state.head();
        if head.seq < known.seq || (head.seq == known.seq && head != known) {
            let (seq, known) = (head.seq, known.seq);
            return Err(StoreError::Corrupt(format!(
                "it ends at row {seq}, which does not follow row {known}"
            )));
        }
        catch_up(&*self.store, &mut state)?;
        if state.head().seq < head.seq {
            let (seq, last) = (head.seq, state.head().seq);
            return Err(StoreError::Corrupt(format!(
                "it ends at row {seq}, and row {} is missing",
                last + 1
            )));
        }
        self.publish_jump(state);
        Ok(())
    }

    /// A commit failed. Reopening the store tells whether it was kept after all.
    fn not_committed(&mut self, error: StoreError, candidate: State, jobs: Vec<Job>) -> Result<(), Stop> {
        let cause = self.survive(error, candidate)?;
        match self.resolve()? {
            Resolution::Kept => answer_all(jobs),
            Resolution::NotKept => self.answer_without_writing(jobs, &cause.refusal("nothing was written")),
            // Not STORAGE_FULL: to clients, that means that nothing was written.
            Resolution::Unknown => self.answer_without_writing(
                jobs,
                &Cause::Failed
                    .refusal("whether the write was kept is known when the database can be reopened"),
            ),
        }
        Ok(())
    }

    /// Reopens the store after a failed commit and takes over what the log holds: the state before or after that commit, and
    /// what others wrote.
    fn resolve(&mut self) -> Result<Resolution, Stop> {
        let Some(UnresolvedCommit { cause, candidate }) = self.unresolved_commit.take() else {
            return Ok(Resolution::NotKept);
        };
        match self.reopen(&candidate) {
            Ok(resolution) => Ok(resolution),
            Err(error @ (StoreError::Full(_) | StoreError::Failed(_) | StoreError::Io { .. })) => {
                tracing::warn!(%error, "the database cannot be reopened yet");
                self.unresolved_commit = Some(UnresolvedCommit { cause, candidate });
                Ok(Resolution::Unknown)
            }
            Err(error) => {
                self.fail(&error);
                Err(Stop)
            }
        }
    }

    fn reopen(&self, candidate: &State) -> Result<Resolution, StoreError> {
        let head = self.store.recover()?;
        let own = candidate.head();
        let kept = head == own || contains(&*self.store, own)?;
        if kept {
            self.publish_jump(candidate.clone());
        }
        if self.shared.state.load().head() != head {
            self.catch_up(head)?;
        }
        Ok(if kept { Resolution::Kept } else { Resolution::NotKept })
    }

    /// Answers requests while nothing can be written: those that would write are refused, the others are answered from the
    /// published state.
    fn answer_without_writing(&self, jobs: Vec<Job>, refusal: &Refusal) {
        let state = self.shared.state.load();
        let now = self.clock.now();
        for mut job in jobs {
            match job.decide(&state, now) {
                Some(changes) if !changes.events.is_empty() => job.refuse(refusal.clone()),
                _ => job.answer(),
            }
        }
    }

    fn idle(&mut self) -> Result<(), Stop> {
        if self.unresolved_commit.is_some() {
            return self.resolve().map(drop);
        }
        // Callers learn that writes succeed as soon as they would, and not by the next one.
        if !self.is_healthy() && self.store.check_room().is_ok() {
            self.heal();
        }
        self.maintain(Occasion::Idle)
    }

    fn maintain(&mut self, occasion: Occasion) -> Result<(), Stop> {
        match self.store.maintain(occasion) {
            Ok(after) => {
                self.maintain_after = after;
                Ok(())
            }
            Err(error) => {
                self.maintain_after = None;
                let candidate = State::clone(&self.shared.state.load());
                if let StoreError::Failed(reason) = &error {
                    // It may have been a move of rows, of which only a reopened database tells whether it was kept.
                    tracing::warn!(reason, "maintenance of the store failed");
                    self.unresolved_commit = Some(UnresolvedCommit { cause: Cause::Failed, candidate });
                } else {
                    self.survive(error, candidate)?;
                }
                self.resolve().map(drop)
            }
        }
    }

    /// Notes that the store has to be reopened after an error, to find out whether the events of the candidate were kept.
    fn survive(&mut self, error: StoreError, candidate: State) -> Result<Cause, Stop> {
        let (cause, reason) = match error {
            StoreError::Full(reason) => (Cause::Full, reason),
            StoreError::Failed(reason) => (Cause::Failed, reason),
            error => {
                self.fail(&error);
                return Err(Stop);
            }
        };
        self.trouble(cause, &reason);
        self.unresolved_commit = Some(UnresolvedCommit { cause, candidate });
        Ok(cause)
    }

    fn trouble(&self, cause: Cause, reason: &str) {
        tracing::error!(reason, "{}", cause.description());
        self.health.send_replace(Health::Trouble(format!("{}: {reason}", cause.description()).into()));
    }

    fn is_healthy(&self) -> bool {
        matches!(*self.health.borrow(), Health::Good)
    }

    fn heal(&self) {
        if !self.is_healthy() {
            tracing::info!("writes succeed again");
            self.health.send_replace(Health::Good);
        }
    }

    fn fail(&self, error: &StoreError) {
        let is_damaged = matches!(error, StoreError::Damaged { .. } | StoreError::Corrupt(_));
        self.lose(&error.to_string(), is_damaged);
    }

    fn lose(&self, reason: &str, is_damaged: bool) {
        tracing::error!(reason, "this process cannot write any more");
        self.health.send_replace(Health::Fatal(StoreLost { reason: reason.into(), is_damaged }));
    }
}

/// Whether the log holds a row. Its hash covers the rows before it, so the last row of a commit is enough.
fn contains(store: &dyn Store, row: Head) -> Result<bool, StoreError> {
    let Some(before) = row.seq.checked_sub(1) else { return Ok(true) };
    // Rows as they are stored: reading them needs no room on a disk that may be full.
    let found = store.rows_since(before, 1)?;
    Ok(found.first().is_some_and(|found| found.seq == row.seq && *found.hash == *row.hash.as_bytes()))
}

/// Other writers were first each time.
fn overtaken() -> Refusal {
    Refusal::new(
        Code::Busy,
        "another daemon wrote to the same log first, on every attempt; nothing was written",
    )
    .remedy("try again later")
    .retry_after_ms(50)
}

fn answer_all(jobs: Vec<Job>) {
    for job in jobs {
        job.answer();
    }
}

impl Cause {
    fn description(self) -> &'static str {
        match self {
            Self::Full => "the disk is full",
            Self::Failed => "the database could not commit",
        }
    }

    fn refusal(self, consequence: &str) -> Refusal {
        let message = format!("{}; {consequence}", self.description());
        match self {
            Self::Full => Refusal::new(Code::StorageFull, message)
                .remedy("make room on the daemon's disk; reads continue meanwhile")
                .retry_after_ms(1000),
            Self::Failed => {
                Refusal::new(Code::Storage, message).remedy("see the daemon's log; reads continue meanwhile")
            }
        }
    }
}
