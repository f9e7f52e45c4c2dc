//! Where log lines go: standard error, as text for people or as JSON for machines. No thread waits until they are read.

mod line_queue;

use std::{
    io::{self, IsTerminal as _, Write as _},
    sync::{Arc, OnceLock},
    time::Duration,
};

use kontraktor_vault::may_be_logged;
use tracing_subscriber::{EnvFilter, Registry, filter::filter_fn, fmt, prelude::*, reload};

use self::line_queue::{LineQueue, LineWriter};
use crate::{
    exit::{Exit, Failure},
    log_format::LogFormat,
};

/// Log lines that wait to be written, in bytes. More are dropped, and counted.
const MAX_QUEUED_BYTES: usize = 4 * 1024 * 1024;

/// How long the end of the process waits for the last lines to be written.
const FLUSH_AT_EXIT: Duration = Duration::from_secs(1);

/// How long a thread that panicked waits for that to be written: the process may be about to abort.
const FLUSH_PANIC: Duration = Duration::from_millis(250);

/// The logging of the process, from when it is started.
static LOGGING: OnceLock<Logging> = OnceLock::new();

struct Logging {
    queue: Arc<LineQueue>,
    filter: reload::Handle<EnvFilter, Registry>,
}

/// Starts logging for the whole process, panics included. A second start is ignored: the first configuration stays.
///
/// # Errors
/// When the thread that writes cannot be started.
pub fn start(directives: &str, format: LogFormat) -> Result<(), Failure> {
    let json = match format {
        LogFormat::Auto => !io::stderr().is_terminal(),
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    let (filter, handle) = reload::Layer::new(EnvFilter::new(directives));
    let queue = LineQueue::start(io::stderr(), MAX_QUEUED_BYTES, report_dropped).map_err(|error| {
        Failure::new(Exit::Failure, format!("cannot start the thread of the log: {error}"))
    })?;
    let writer = LineWriter::new(&queue);
    let registry = tracing_subscriber::registry().with(filter).with(filter_fn(may_be_logged));
    let lines = fmt::layer().with_writer(move || writer.clone());
    let started = if json {
        registry.with(lines.json().flatten_event(true).with_span_list(false)).try_init()
    } else {
        let colors = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        registry.with(lines.with_ansi(colors)).try_init()
    };
    if started.is_err() {
        tracing::warn!("logging is already configured; the first configuration stays");
        return Ok(());
    }
    log_panics(Arc::clone(&queue));
    // The first start, as only one succeeds above.
    let _ = LOGGING.set(Logging { queue, filter: handle });
    Ok(())
}

/// Sets what is logged from now on. The directives are valid for [`EnvFilter`].
pub fn set_filter(directives: &str) {
    let Some(logging) = LOGGING.get() else { return };
    if let Err(error) = logging.filter.reload(EnvFilter::new(directives)) {
        tracing::warn!(%error, "cannot change what is logged");
    }
}

/// Waits until what was logged is written, for a bounded time.
pub fn flush() {
    if let Some(logging) = LOGGING.get() {
        logging.queue.flush(FLUSH_AT_EXIT);
    }
}

/// Writes the report of the process's end after everything that was logged. Waits for a bounded time.
pub fn report(text: &str) {
    match LOGGING.get() {
        Some(logging) => {
            logging.queue.push_always(format!("{text}\n").into_bytes());
            flush();
        }
        // Without standard error there is nobody left to report to.
        None => drop(writeln!(io::stderr(), "{text}")),
    }
}

/// Writes panics through the queue: the standard library would write to standard error, and wait for its reader.
fn log_panics(queue: Arc<LineQueue>) {
    std::panic::set_hook(Box::new(move |panic| {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("<unnamed>");
        // Empty unless RUST_BACKTRACE asks for it.
        let trace = std::backtrace::Backtrace::capture();
        let trace = match trace.status() {
            std::backtrace::BacktraceStatus::Captured => format!("\n{trace}"),
            _ => String::new(),
        };
        queue.push_always(format!("thread '{name}' {panic}{trace}\n").into_bytes());
        queue.flush(FLUSH_PANIC);
    }));
}

fn report_dropped(lines: u64) {
    tracing::warn!(lines, "log lines were dropped: nobody read standard error in time");
}
