//! The thread that moves rows from the journal into the tables, and has DuckDB write checkpoints, so that neither keeps a commit
//! waiting.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use super::{
    Shared, StoreError,
    pending::{Asked, Trouble},
};

/// A write-ahead log of DuckDB's of more bytes is moved into the database at once.
const WAL_CHECKPOINT_NOW: u64 = 32 * 1024 * 1024;

/// A journal of more bytes, too: reading it at the next start would take too long.
const JOURNAL_CHECKPOINT_NOW: u64 = 64 * 1024 * 1024;

/// A write-ahead log of more bytes is moved into the database when nobody writes.
const WAL_CHECKPOINT_IDLE: u64 = 4 * 1024 * 1024;

/// How long to wait after a failure, twice as long each time.
const RETRY: Duration = Duration::from_secs(1);
const MAX_RETRY: Duration = Duration::from_secs(30);

/// The thread, which ends with this value.
pub(super) struct Mover {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Mover {
    pub(super) fn start(shared: Arc<Shared>) -> Result<Self, StoreError> {
        let for_thread = Arc::clone(&shared);
        let thread =
            thread::Builder::new().name("mover".to_owned()).spawn(move || run(&for_thread)).map_err(
                |error| StoreError::Fatal(format!("cannot start the thread that moves rows: {error}")),
            )?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Waits until it has ended.
    pub(super) fn stop(&mut self) {
        self.shared.pending.ask(Asked::Stop);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that moves rows into the tables panicked");
        }
    }
}

impl Drop for Mover {
    fn drop(&mut self) {
        self.stop();
    }
}

fn run(shared: &Shared) {
    let mut retry = RETRY;
    loop {
        let asked = shared.pending.wait_until_asked(retry);
        if asked == Asked::Stop {
            return;
        }
        let done = catch_unwind(AssertUnwindSafe(|| work(shared, asked)));
        let panicked = || StoreError::Fatal("a thread of the store panicked; see the log".to_owned());
        match done.unwrap_or_else(|_| Err(panicked())) {
            Ok(()) => {
                if shared.pending.trouble().is_some() {
                    tracing::info!("rows are moved from the journal into the tables again");
                }
                shared.pending.report(None);
                retry = RETRY;
            }
            Err(error) => {
                retry = if shared.pending.trouble().is_some() { (2 * retry).min(MAX_RETRY) } else { RETRY };
                shared.pending.report(Some(trouble(error)));
            }
        }
    }
}

fn work(shared: &Shared, asked: Asked) -> Result<(), StoreError> {
    // After a failure, the engine may be of no use before it is reopened, for readers neither.
    let reopened = |error: StoreError| match shared.reopen() {
        Ok(()) => error,
        Err(worse) => worse,
    };
    if !shared.is_open() {
        shared.reopen()?;
    }
    if matches!(shared.pending.trouble(), Some(Trouble::Passing { is_full: true, .. })) {
        shared.check_room_for_move()?;
    }
    shared.move_pending().map_err(&reopened)?;
    let (wal, journal) = shared.log_bytes()?;
    let is_due = wal > WAL_CHECKPOINT_NOW
        || (journal > JOURNAL_CHECKPOINT_NOW && wal > 0)
        || (asked == Asked::Tidy && wal > WAL_CHECKPOINT_IDLE);
    if is_due { shared.checkpoint().map_err(&reopened) } else { Ok(()) }
}

fn trouble(error: StoreError) -> Trouble {
    match error {
        StoreError::Full(reason) => {
            tracing::error!(reason, "the disk is full: rows stay in the journal until there is room");
            Trouble::Passing { is_full: true, reason: reason.into() }
        }
        error @ (StoreError::Failed(_) | StoreError::Io { .. }) => {
            tracing::error!(%error, "rows cannot be moved into the tables, and stay in the journal");
            Trouble::Passing { is_full: false, reason: error.to_string().into() }
        }
        error => {
            tracing::error!(%error, "the database cannot be used any more");
            Trouble::Lasting(Arc::new(error))
        }
    }
}
