//! Where log lines go: standard error, as text for people or as JSON for machines.

use std::io::IsTerminal as _;

use tracing::{Level, Metadata};
use tracing_subscriber::{EnvFilter, filter::filter_fn, fmt, prelude::*};

use crate::config::LogFormat;

/// Starts logging for the whole process. A second start is ignored: the first one's filter stays.
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
        let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        registry.with(lines.with_ansi(colours)).try_init()
    };
    if started.is_err() {
        tracing::warn!("logging was started before; the first configuration stays");
    }
}

/// Whether this may be logged, whatever the directives say. On the level `trace`, the SDK of AWS writes what a vault
/// answered: the texts of errors, and with `LOG_SENSITIVE_BODIES` set everything.
pub fn may_be_logged(metadata: &Metadata<'_>) -> bool {
    !(*metadata.level() == Level::TRACE && metadata.target().starts_with("aws_"))
}
