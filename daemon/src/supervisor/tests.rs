//! The supervisor in time that only moves when everybody waits.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::*;

impl SignalSource for UnboundedReceiver<Signal> {
    async fn next(&mut self) -> Signal {
        match self.recv().await {
            Some(signal) => signal,
            None => std::future::pending().await,
        }
    }
}

/// What the tasks did, in order, with the milliseconds since the start.
#[derive(Clone)]
struct Journal(Arc<Mutex<Vec<String>>>, Instant);

impl Journal {
    fn new() -> Self {
        Self(Arc::default(), Instant::now())
    }

    fn record(&self, what: impl std::fmt::Display) {
        self.0.lock().unwrap().push(format!("{} {what}", self.1.elapsed().as_millis()));
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// A task that stops so many milliseconds after it was asked to.
    fn task(&self, name: &'static str, stops_after: u64) -> Task {
        let journal = self.clone();
        Task::new(name, move |mut stop| {
            let journal = journal.clone();
            async move {
                journal.record(format_args!("{name} starts"));
                stop.requested().await;
                journal.record(format_args!("{name} is asked to stop"));
                sleep(Duration::from_millis(stops_after)).await;
                journal.record(format_args!("{name} stopped"));
                Ok(())
            }
        })
        .stopped_by(Duration::from_secs(5), OnOverrun::Warn)
    }
}

fn failing(name: &'static str, after: u64) -> Task {
    Task::new(name, move |_| async move {
        sleep(Duration::from_millis(after)).await;
        Err(Failure::new(Exit::Failure, format!("{name} broke")))
    })
}

/// Signals at these milliseconds.
fn signals(at: &[(u64, Signal)]) -> (UnboundedSender<Signal>, UnboundedReceiver<Signal>) {
    let (sender, receiver) = unbounded_channel();
    for (at, signal) in at.iter().copied() {
        let sender = sender.clone();
        tokio::spawn(async move {
            sleep(Duration::from_millis(at)).await;
            let _ = sender.send(signal);
        });
    }
    (sender, receiver)
}

const TERM: Signal = Signal::Stop("SIGTERM");

async fn run(supervisor: Supervisor, at: &[(u64, Signal)]) -> Result<(), String> {
    let (_sender, mut signals) = signals(at);
    supervisor.run(&mut signals).await.map_err(|failure| failure.message)
}

#[tokio::test(start_paused = true)]
async fn stages_start_in_order_and_stop_in_reverse() {
    let journal = Journal::new();
    let supervisor = Supervisor::default()
        .stage(vec![journal.task("store", 30), journal.task("vaults", 10)])
        .stage(vec![journal.task("api", 20)]);
    assert_eq!(run(supervisor, &[(100, TERM)]).await, Ok(()));
    assert_eq!(
        journal.lines(),
        [
            "0 store starts",
            "0 vaults starts",
            "0 api starts",
            "100 api is asked to stop",
            "120 api stopped",
            "120 store is asked to stop",
            "120 vaults is asked to stop",
            "130 vaults stopped",
            "150 store stopped",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn what_does_not_stop_in_time_is_aborted_and_the_next_stage_stops() {
    let journal = Journal::new();
    let store = journal.task("store", 0).stopped_by(Duration::from_secs(10), OnOverrun::Warn);
    let supervisor = Supervisor::default().stage(vec![store]).stage(vec![journal.task("api", 60_000)]);
    assert_eq!(run(supervisor, &[(100, TERM)]).await, Ok(()));
    assert_eq!(
        journal.lines()[2..],
        ["100 api is asked to stop", "5100 store is asked to stop", "5100 store stopped"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_stage_has_the_time_that_the_one_before_it_did_not_need() {
    let journal = Journal::new();
    let recorded = journal.clone();
    let store = Task::new("store", move |mut stop| {
        let journal = recorded.clone();
        async move {
            let left = stop.requested().await;
            journal.record(format_args!("store has {} ms", left.as_millis()));
            sleep(left.saturating_sub(Duration::from_millis(1))).await;
            journal.record("store stopped");
            Ok(())
        }
    })
    .stopped_by(Duration::from_secs(10), OnOverrun::Fail(|| Failure::new(Exit::Failure, "not closed")));
    let supervisor = Supervisor::default().stage(vec![store]).stage(vec![journal.task("api", 200)]);
    assert_eq!(run(supervisor, &[(100, TERM)]).await, Ok(()));
    assert_eq!(journal.lines()[3..], ["300 store has 9800 ms", "10099 store stopped"]);
}

#[tokio::test(start_paused = true)]
async fn an_overrun_can_fail_the_process() {
    let journal = Journal::new();
    let slow = journal
        .task("store", 60_000)
        .stopped_by(Duration::from_secs(3), OnOverrun::Fail(|| Failure::new(Exit::Failure, "not closed")));
    let supervisor = Supervisor::default().stage(vec![journal.task("first", 0)]).stage(vec![slow]);
    assert_eq!(run(supervisor, &[(0, TERM)]).await, Err("not closed".to_owned()));
    assert_eq!(journal.lines().last().unwrap(), "3000 first stopped", "the others still stop");
}

#[tokio::test(start_paused = true)]
async fn a_fatal_failure_stops_everything_at_once_within_a_second() {
    let journal = Journal::new();
    let supervisor = Supervisor::default()
        .stage(vec![journal.task("store", 10), failing("pump", 50)])
        .stage(vec![journal.task("api", 60_000)]);
    assert_eq!(run(supervisor, &[]).await, Err("pump broke".to_owned()));
    assert_eq!(
        journal.lines()[2..],
        ["50 store is asked to stop", "50 api is asked to stop", "60 store stopped"]
    );
    assert_eq!(journal.1.elapsed(), Duration::from_millis(1050));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_ends_early_or_panics_has_failed() {
    let early = Supervisor::default().stage(vec![Task::new("api", |_| async { Ok(()) })]);
    assert_eq!(run(early, &[]).await, Err("api ended before it was asked to".to_owned()));
    let panics = Supervisor::default().stage(vec![Task::new("api", |_| async { panic!("oh") })]);
    assert!(run(panics, &[]).await.unwrap_err().starts_with("api was aborted: "));
}

#[tokio::test(start_paused = true)]
async fn a_task_is_restarted_after_its_delay_and_stops_while_it_waits() {
    let starts = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&starts);
    let task = Task::new("source", move |_| {
        let counted = Arc::clone(&counted);
        async move {
            counted.fetch_add(1, Ordering::Relaxed);
            Err(Failure::new(Exit::Failure, "unreachable"))
        }
    })
    .on_failure(OnFailure::Restart(Duration::from_secs(10)))
    .stopped_by(Duration::from_secs(1), OnOverrun::Warn);
    let begun = Instant::now();
    assert_eq!(run(Supervisor::default().stage(vec![task]), &[(25_000, TERM)]).await, Ok(()));
    assert_eq!(starts.load(Ordering::Relaxed), 3, "at 0, 10 and 20 seconds");
    assert_eq!(begun.elapsed(), Duration::from_secs(25));
}

#[tokio::test(start_paused = true)]
async fn an_ignored_failure_changes_nothing() {
    let journal = Journal::new();
    let supervisor = Supervisor::default()
        .stage(vec![failing("metrics", 50).on_failure(OnFailure::Ignore), journal.task("api", 10)]);
    assert_eq!(run(supervisor, &[(100, TERM)]).await, Ok(()));
    assert_eq!(journal.lines().last().unwrap(), "110 api stopped");
}

#[tokio::test(start_paused = true)]
async fn a_second_signal_cuts_the_stop_short_and_a_duplicate_does_not() {
    let journal = Journal::new();
    let slow = || Supervisor::default().stage(vec![journal.task("api", 4000)]);
    let interrupt = Signal::Stop("SIGINT");
    let duplicates = [(0, TERM), (1, TERM), (499, interrupt), (900, Signal::Reload)];
    assert_eq!(run(slow(), &duplicates).await, Ok(()));
    let begun = Instant::now();
    let cut = run(slow(), &[(0, TERM), (300, TERM), (1000, interrupt)]).await;
    assert_eq!(cut, Err("a second signal, SIGINT, ended the daemon before it stopped in order".to_owned()));
    assert_eq!(begun.elapsed(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_reload_reaches_all_who_asked_for_it_and_stops_nothing() {
    let journal = Journal::new();
    let (first, second) = (journal.clone(), journal.clone());
    let supervisor = Supervisor::default()
        .stage(vec![journal.task("api", 0)])
        .on_reload(move || first.record("secrets"))
        .on_reload(move || second.record("certificates"));
    assert_eq!(run(supervisor, &[(10, Signal::Reload), (20, TERM)]).await, Ok(()));
    assert_eq!(journal.lines()[1..3], ["10 secrets", "10 certificates"]);
}
