//! The background work of the process, under one supervisor: what starts and stops in which order, how long stopping may
//! take, and what a failure does to the process.
//!
//! It does not know what the tasks do, and gets its signals from outside, so that its tests need no clock and no process.

#[cfg(test)]
mod tests;

use std::{collections::HashMap, future::Future, pin::Pin, time::Duration};

use tokio::{
    sync::watch,
    task::{AbortHandle, Id, JoinError, JoinSet},
    time::{Instant, sleep, sleep_until, timeout},
};

use crate::exit::{Exit, Failure};

/// A signal that comes so soon after the first is the same one: it went to the process and to its group, as from
/// timeout(1), or from a terminal and a parent.
const SAME_SIGNAL: Duration = Duration::from_millis(500);

/// How long stopping may take after a fatal failure, when nothing can be saved anymore.
const STOP_AFTER_FAILURE: Duration = Duration::from_secs(1);

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// To stop in order; the name is for the log.
    Stop(&'static str),
    /// To reload.
    Reload,
}

/// Where signals come from.
pub trait SignalSource {
    /// Waits for the next signal. Dropping the future loses none.
    fn next(&mut self) -> impl Future<Output = Signal> + Send;
}

/// What a failure of a task does to the process. A task that ends before it was asked to has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// The process stops, and fails.
    Fatal,
    /// The task is started again after this time.
    Restart(Duration),
    /// The log gets a warning.
    Ignore,
}

/// What happens where a task does not stop within its time. It is aborted in any case.
#[derive(Debug, Clone, Copy)]
pub enum OnOverrun {
    /// The log gets a warning.
    Warn,
    /// The process fails with this, once the other tasks have stopped.
    Fail(fn() -> Failure),
}

/// Tells a task when to stop.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<Option<Instant>>);

impl Stop {
    /// Waits until the task is asked to stop, and returns how long it may take.
    pub async fn requested(&mut self) -> Duration {
        // A sender that is gone means the same, at once.
        let deadline = self.0.wait_for(Option::is_some).await.ok().and_then(|deadline| *deadline);
        deadline.map_or(Duration::ZERO, |deadline| deadline.saturating_duration_since(Instant::now()))
    }
}

type Running = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;

/// Work that runs until it is asked to stop.
pub struct Task {
    name: &'static str,
    start: Box<dyn FnMut(Stop) -> Running + Send>,
    on_failure: OnFailure,
    on_overrun: OnOverrun,
    stopped_by: Duration,
}

impl Task {
    /// A task whose failure is fatal, and which has no time to stop. `start` makes the work; it is called again where the
    /// task is restarted.
    pub fn new<F>(name: &'static str, mut start: impl FnMut(Stop) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        Self {
            name,
            start: Box::new(move |stop| Box::pin(start(stop))),
            on_failure: OnFailure::Fatal,
            on_overrun: OnOverrun::Warn,
            stopped_by: Duration::ZERO,
        }
    }

    /// Sets what a failure does.
    pub fn on_failure(mut self, on_failure: OnFailure) -> Self {
        self.on_failure = on_failure;
        self
    }

    /// Sets how long after the signal the task must have stopped, and what happens where it has not. The time that the
    /// stages after it did not need is thereby its own.
    pub fn stopped_by(mut self, limit: Duration, on_overrun: OnOverrun) -> Self {
        (self.stopped_by, self.on_overrun) = (limit, on_overrun);
        self
    }
}

/// Tasks in stages, and what to do on a reload.
#[derive(Default)]
pub struct Supervisor {
    stages: Vec<Vec<Task>>,
    reloads: Vec<Box<dyn FnMut() + Send>>,
}

impl Supervisor {
    /// Adds tasks that start after those of the stages before, and stop before them. Those of one stage stop together.
    pub fn stage(mut self, tasks: Vec<Task>) -> Self {
        self.stages.push(tasks);
        self
    }

    /// Adds what a reload does.
    pub fn on_reload(mut self, reload: impl FnMut() + Send + 'static) -> Self {
        self.reloads.push(Box::new(reload));
        self
    }

    /// Runs the tasks until a signal or a fatal failure, and stops them: in order after a signal, all at once after a
    /// failure. A second signal cuts the orderly stop short.
    pub async fn run(mut self, signals: &mut impl SignalSource) -> Result<(), Failure> {
        let mut tasks = Tasks::start(self.stages);
        let failure = loop {
            tokio::select! {
                signal = signals.next() => match signal {
                    Signal::Reload => self.reloads.iter_mut().for_each(|reload| reload()),
                    Signal::Stop(signal) => {
                        tracing::info!(signal, "stopping");
                        break None;
                    }
                },
                failure = tasks.supervise() => break Some(failure),
            }
        };
        let Some(failure) = failure else {
            return tokio::select! {
                result = tasks.stop_in_order() => result,
                signal = second_signal(signals) => Err(Failure::new(
                    Exit::Failure,
                    format!("a second signal, {signal}, ended the daemon before it stopped in order"),
                )),
            };
        };
        tracing::error!("{}", failure.message);
        tasks.stop_at_once().await;
        Err(failure)
    }
}

/// Waits for a signal of somebody who does not want to wait.
async fn second_signal(signals: &mut impl SignalSource) -> &'static str {
    let _ = timeout(SAME_SIGNAL, async {
        loop {
            signals.next().await;
        }
    })
    .await;
    tracing::debug!("another signal ends the daemon at once");
    loop {
        if let Signal::Stop(name) = signals.next().await {
            return name;
        }
    }
}

/// A task that was started.
struct Supervised {
    task: Task,
    stage: usize,
    stop: watch::Sender<Option<Instant>>,
    /// None: it ended.
    running: Option<AbortHandle>,
}

/// The tasks that were started, in their order.
struct Tasks {
    list: Vec<Supervised>,
    stages: usize,
    set: JoinSet<Result<(), Failure>>,
    indices: HashMap<Id, usize>,
}

impl Tasks {
    fn start(stages: Vec<Vec<Task>>) -> Self {
        let mut tasks =
            Self { list: Vec::new(), stages: stages.len(), set: JoinSet::new(), indices: HashMap::new() };
        for (stage, task) in stages
            .into_iter()
            .enumerate()
            .flat_map(|(stage, tasks)| tasks.into_iter().map(move |task| (stage, task)))
        {
            let stop = watch::Sender::new(None);
            tasks.list.push(Supervised { task, stage, stop, running: None });
            tasks.spawn(tasks.list.len() - 1, Duration::ZERO);
        }
        tasks
    }

    /// Starts a task after a delay, which ends where the task is asked to stop.
    fn spawn(&mut self, index: usize, delay: Duration) {
        let supervised = &mut self.list[index];
        let mut stop = Stop(supervised.stop.subscribe());
        let work = (supervised.task.start)(stop.clone());
        let handle = self.set.spawn(async move {
            if !delay.is_zero() {
                tokio::select! {
                    () = sleep(delay) => {}
                    _ = stop.requested() => return Ok(()),
                }
            }
            work.await
        });
        self.indices.insert(handle.id(), index);
        supervised.running = Some(handle);
    }

    /// Waits for the end of a task, and returns it with what came of it. Never returns where no task is running.
    async fn ended(&mut self) -> (usize, Result<(), Failure>) {
        loop {
            let Some(ended) = self.set.join_next_with_id().await else { return std::future::pending().await };
            let (id, result) = match ended {
                Ok((id, result)) => (id, Ok(result)),
                Err(error) => (error.id(), Err(error)),
            };
            let Some(index) = self.indices.remove(&id) else { continue };
            self.list[index].running = None;
            let name = self.list[index].task.name;
            return (index, result.unwrap_or_else(|error| Err(aborted(name, &error))));
        }
    }

    /// Looks after the tasks until one has failed fatally, and returns its failure.
    async fn supervise(&mut self) -> Failure {
        loop {
            let (index, result) = self.ended().await;
            let Task { name, on_failure, .. } = self.list[index].task;
            let failure = result.err().unwrap_or_else(|| {
                Failure::new(Exit::Failure, format!("{name} ended before it was asked to"))
            });
            match on_failure {
                OnFailure::Fatal => return failure,
                OnFailure::Restart(delay) => {
                    tracing::warn!(
                        task = name,
                        error = failure.message,
                        ?delay,
                        "a task failed and is restarted"
                    );
                    self.spawn(index, delay);
                }
                OnFailure::Ignore => tracing::warn!(task = name, error = failure.message, "a task failed"),
            }
        }
    }

    /// Stops the stages from the last to the first, and returns the first failure.
    async fn stop_in_order(&mut self) -> Result<(), Failure> {
        let signaled = Instant::now();
        let mut outcome = Ok(());
        for stage in (0..self.stages).rev() {
            for supervised in self.list.iter().filter(|supervised| supervised.stage == stage) {
                supervised.stop.send_replace(Some(signaled + supervised.task.stopped_by));
            }
            while let Some(deadline) = self.next_deadline(stage, signaled) {
                tokio::select! {
                    (index, result) = self.ended() => {
                        let Task { name, on_failure, .. } = self.list[index].task;
                        match result {
                            Err(failure) if on_failure == OnFailure::Fatal => outcome = outcome.and(Err(failure)),
                            Err(failure) => tracing::warn!(task = name, error = failure.message, "a task failed"),
                            Ok(()) => {}
                        }
                    }
                    () = sleep_until(deadline) => {
                        if let Err(failure) = self.abort_overdue(stage, signaled) {
                            outcome = outcome.and(Err(failure));
                        }
                    }
                }
            }
        }
        if outcome.is_ok() {
            tracing::info!("stopped");
        }
        outcome
    }

    /// When the next of a stage's running tasks must have stopped.
    fn next_deadline(&self, stage: usize, signaled: Instant) -> Option<Instant> {
        let running = self.list.iter().filter(|task| task.stage == stage && task.running.is_some());
        running.map(|supervised| signaled + supervised.task.stopped_by).min()
    }

    fn abort_overdue(&mut self, stage: usize, signaled: Instant) -> Result<(), Failure> {
        let mut outcome = Ok(());
        for supervised in self.list.iter_mut().filter(|task| task.stage == stage) {
            let Task { name, stopped_by, on_overrun, .. } = supervised.task;
            if signaled.elapsed() < stopped_by {
                continue;
            }
            let Some(running) = supervised.running.take() else { continue };
            self.indices.remove(&running.id());
            running.abort();
            tracing::warn!(task = name, limit = ?stopped_by, "a task did not stop in time and is aborted");
            if let OnOverrun::Fail(failure) = on_overrun {
                outcome = outcome.and(Err(failure()));
            }
        }
        outcome
    }

    /// Asks all tasks to stop, and gives them a moment: answers that are ready still leave, the rest would only wait.
    async fn stop_at_once(&mut self) {
        for supervised in &self.list {
            supervised.stop.send_replace(Some(Instant::now() + STOP_AFTER_FAILURE));
        }
        let _ = timeout(STOP_AFTER_FAILURE, async { while self.set.join_next().await.is_some() {} }).await;
    }
}

fn aborted(name: &str, error: &JoinError) -> Failure {
    Failure::new(Exit::Failure, format!("{name} was aborted: {error}"))
}
