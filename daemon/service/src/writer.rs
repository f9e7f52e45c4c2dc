//! The one writer: a thread that takes everything that waits, decides it request by request, commits all of it at once,
//! publishes what stands then, and answers.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    thread,
    time::Instant,
};

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::{
    Clock, ServiceOptions,
    queue::{Answer, Job, Sender, failed_before, queue},
};
use kontraktor_domain::{Code, DECIDE_STACK_BYTES, Decision, Event, Refusal, State, decide};
use kontraktor_store::{Store, StoreError, Upkeep};

/// How the writer does.
#[derive(Debug, Clone)]
pub(super) enum Health {
    Good,
    /// Writes fail for now.
    Trouble(Arc<str>),
    /// Nothing can be written any more by this process.
    Fatal(Arc<str>),
}

/// What is left with the service of a writer that was started.
pub(super) struct Handle {
    pub(super) sender: Sender,
    pub(super) health: watch::Receiver<Health>,
    pub(super) finished: watch::Receiver<bool>,
}

pub(super) fn start(
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    state: Arc<ArcSwap<State>>,
    options: ServiceOptions,
) -> Result<Handle, StoreError> {
    let (sender, jobs) = queue(&options);
    let (health, health_seen) = watch::channel(Health::Good);
    let (finished, finished_seen) = watch::channel(false);
    // What a daemon before this one left is tidied up in a quiet moment, too.
    let last_write = Some(Instant::now());
    let mut writer = Writer { store, clock, state, options, jobs, health, unsettled: None, last_write };
    thread::Builder::new()
        .name("writer".to_owned())
        .stack_size(DECIDE_STACK_BYTES)
        .spawn(move || {
            if catch_unwind(AssertUnwindSafe(|| writer.run())).is_err() {
                writer.fail("the writer panicked; see the log");
            }
            writer.turn_away();
            finished.send_replace(true);
        })
        .map_err(|error| StoreError::Fatal(format!("cannot start the writer's thread: {error}")))?;
    Ok(Handle { sender, health: health_seen, finished: finished_seen })
}

struct Writer {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    state: Arc<ArcSwap<State>>,
    options: ServiceOptions,
    jobs: Receiver<Job>,
    health: watch::Sender<Health>,
    unsettled: Option<Unsettled>,
    /// When something was committed that may be worth tidying up.
    last_write: Option<Instant>,
}

/// A commit failed, and the store could not be reopened since: it may hold this state or the published one.
struct Unsettled {
    cause: Cause,
    candidate: State,
}

/// Why a commit failed with the store none the worse for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Full,
    Failed,
}

/// The writer can't go on.
struct Stop;

impl Writer {
    fn run(&mut self) {
        loop {
            let wait = if self.unsettled.is_some() { self.options.retry } else { self.options.idle };
            let done = match self.jobs.recv_timeout(wait) {
                Ok(job) => {
                    let jobs = self.gather(job);
                    self.flush(jobs)
                }
                Err(RecvTimeoutError::Timeout) => self.idle(),
                Err(RecvTimeoutError::Disconnected) => break,
            };
            if done.is_err() {
                return;
            }
        }
        // Every answer was given upon a commit: what could not be tidied up is in the write-ahead log.
        if let Err(error) = self.store.close() {
            tracing::warn!(%error, "the store was not tidied up before closing");
        }
    }

    /// After a failure: nobody is left waiting. What comes later finds no receiver.
    fn turn_away(self) {
        while let Ok(job) = self.jobs.try_recv() {
            job.answer(Err(failed_before()));
        }
    }

    /// Everything that waits, up to the size of a commit.
    fn gather(&self, first: Job) -> Vec<Job> {
        let mut items = first.items;
        let mut jobs = vec![first];
        while items < self.options.flush_items {
            let Ok(job) = self.jobs.try_recv() else { break };
            items += job.items;
            jobs.push(job);
        }
        jobs
    }

    fn flush(&mut self, jobs: Vec<Job>) -> Result<(), Stop> {
        if self.unsettled.is_some() {
            self.settle()?;
        }
        if let Some(Unsettled { cause, .. }) = &self.unsettled {
            self.refuse_writes(jobs, *cause, "the database cannot be reopened yet, and nothing was written");
            return Ok(());
        }
        let (state, events, answers) = self.decide_all(&jobs);
        if events.is_empty() {
            self.publish(state);
            answer_all(jobs, answers);
            return Ok(());
        }
        match self.store.commit(&events) {
            Ok(()) => {
                self.publish(state);
                self.heal();
                answer_all(jobs, answers);
                self.last_write = Some(Instant::now());
                if self.store.upkeep() == Upkeep::Now { self.checkpoint() } else { Ok(()) }
            }
            Err(StoreError::Full(reason)) => self.not_committed(Cause::Full, &reason, state, jobs, answers),
            Err(StoreError::Failed(reason)) => {
                self.not_committed(Cause::Failed, &reason, state, jobs, answers)
            }
            Err(error) => {
                self.fail(&error.to_string());
                Err(Stop)
            }
        }
    }

    /// Decides each request upon what the ones before it leave.
    fn decide_all(&self, jobs: &[Job]) -> (State, Vec<Event>, Vec<Answer>) {
        let now = self.clock.now();
        let mut state = State::clone(&self.state.load());
        state.forget_batches(now);
        let mut all_events = Vec::new();
        let answers = jobs
            .iter()
            .map(|job| {
                decide(&state, &job.request, &job.caller, now).map(|decision| {
                    let Decision { events, outcome, state: after } = decision;
                    state = after;
                    all_events.extend(events);
                    outcome
                })
            })
            .collect();
        (state, all_events, answers)
    }

    fn publish(&self, state: State) {
        self.state.store(Arc::new(state));
    }

    /// A commit failed. Reopening the store tells whether it was kept after all.
    fn not_committed(
        &mut self,
        cause: Cause,
        reason: &str,
        state: State,
        jobs: Vec<Job>,
        answers: Vec<Answer>,
    ) -> Result<(), Stop> {
        self.trouble(cause, reason);
        let head = state.head();
        self.unsettled = Some(Unsettled { cause, candidate: state });
        self.settle()?;
        if self.unsettled.is_some() {
            // Not STORAGE_FULL, which clients take for "nothing was written".
            self.refuse_writes(
                jobs,
                Cause::Failed,
                "whether the write was kept is known when the database can be reopened",
            );
        } else if self.state.load().head() == head {
            answer_all(jobs, answers);
        } else {
            self.refuse_writes(jobs, cause, "nothing was written");
        }
        Ok(())
    }

    /// Reopens the store and takes over what it holds: the state before the failed commit, or the one after.
    fn settle(&mut self) -> Result<(), Stop> {
        let Some(Unsettled { cause, candidate }) = self.unsettled.take() else { return Ok(()) };
        match self.store.recover() {
            Ok(head) if head == candidate.head() => self.publish(candidate),
            Ok(head) if head == self.state.load().head() => {}
            Ok(head) => {
                self.fail(&format!(
                    "the reopened database ends at row {}, which this daemon did not write",
                    head.seq
                ));
                return Err(Stop);
            }
            Err(error @ (StoreError::Full(_) | StoreError::Failed(_) | StoreError::Io { .. })) => {
                tracing::warn!(%error, "the database cannot be reopened yet");
                self.unsettled = Some(Unsettled { cause, candidate });
            }
            Err(error) => {
                self.fail(&error.to_string());
                return Err(Stop);
            }
        }
        Ok(())
    }

    /// Answers requests while nothing can be written: those that would write are refused, the others are answered from
    /// what stands.
    fn refuse_writes(&self, jobs: Vec<Job>, cause: Cause, consequence: &str) {
        let state = self.state.load();
        let now = self.clock.now();
        for job in jobs {
            let answer = decide(&state, &job.request, &job.caller, now).and_then(|decision| {
                if decision.events.is_empty() {
                    Ok(decision.outcome)
                } else {
                    Err(cause.refusal(consequence))
                }
            });
            job.answer(answer);
        }
    }

    fn idle(&mut self) -> Result<(), Stop> {
        if self.unsettled.is_some() {
            return self.settle();
        }
        let due = self.last_write.is_some_and(|at| at.elapsed() >= self.options.idle);
        if !due {
            return Ok(());
        }
        if self.store.upkeep() == Upkeep::None {
            self.last_write = None;
            return Ok(());
        }
        self.checkpoint()
    }

    fn checkpoint(&mut self) -> Result<(), Stop> {
        self.last_write = None;
        match self.store.checkpoint() {
            Ok(()) => Ok(()),
            Err(StoreError::Full(reason)) => {
                // DuckDB gives such an instance up. Nothing is lost: the rows are in the write-ahead log.
                self.trouble(Cause::Full, &reason);
                let candidate = State::clone(&self.state.load());
                self.unsettled = Some(Unsettled { cause: Cause::Full, candidate });
                self.settle()
            }
            Err(StoreError::Failed(reason)) => {
                // It may have been a move of rows, of which only a reopened database tells whether it was kept.
                tracing::warn!(reason, "a checkpoint did not come about");
                let candidate = State::clone(&self.state.load());
                self.unsettled = Some(Unsettled { cause: Cause::Failed, candidate });
                self.settle()
            }
            Err(error) => {
                self.fail(&error.to_string());
                Err(Stop)
            }
        }
    }

    fn trouble(&self, cause: Cause, reason: &str) {
        tracing::error!(reason, "{}", cause.what());
        self.health.send_replace(Health::Trouble(format!("{}: {reason}", cause.what()).into()));
    }

    fn heal(&self) {
        if !matches!(*self.health.borrow(), Health::Good) {
            tracing::info!("writes succeed again");
            self.health.send_replace(Health::Good);
        }
    }

    fn fail(&self, reason: &str) {
        tracing::error!(reason, "nothing can be written any more");
        self.health.send_replace(Health::Fatal(reason.into()));
    }
}

fn answer_all(jobs: Vec<Job>, answers: Vec<Answer>) {
    for (job, answer) in jobs.into_iter().zip(answers) {
        job.answer(answer);
    }
}

impl Cause {
    fn what(self) -> &'static str {
        match self {
            Self::Full => "the disk is full",
            Self::Failed => "the database could not commit",
        }
    }

    fn refusal(self, consequence: &str) -> Refusal {
        let message = format!("{}; {consequence}", self.what());
        match self {
            Self::Full => Refusal::new(Code::StorageFull, message)
                .remedy("make room on the daemon's disk; reads go on meanwhile")
                .retry_after_ms(1000),
            Self::Failed => {
                Refusal::new(Code::Storage, message).remedy("see the daemon's log; reads go on meanwhile")
            }
        }
    }
}
