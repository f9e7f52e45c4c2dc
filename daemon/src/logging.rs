//! Where log lines go: standard error, as text for people or as JSON for machines.

use std::io::IsTerminal as _;

use kontraktor_vault::may_be_logged;
use tracing_subscriber::{EnvFilter, filter::filter_fn, fmt, prelude::*};

use crate::log_format::LogFormat;

/// Starts logging for the whole process. A second start is ignored: the first configuration stays.
pub fn start(directives: &str, format: LogFormat) {
    let json = match format {
        LogFormat::Auto => !std::io::stderr().is_terminal(),
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    let registry =
        tracing_subscriber::registry().with(EnvFilter::new(directives)).with(filter_fn(may_be_logged));
    let lines = fmt::layer().with_writer(std::io::stderr);
    let started = if json {
        registry.with(lines.json().flatten_event(true).with_span_list(false)).try_init()
    } else {
        let colors = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        registry.with(lines.with_ansi(colors)).try_init()
    };
    if started.is_err() {
        tracing::warn!("logging is already configured; the first configuration stays");
    }
}
