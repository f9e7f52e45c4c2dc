//! Log lines as go-plugin hosts read them from stderr: one JSON object per line, in hclog's format.
//!
//! A host panics if `@level`, `@message` or `@timestamp` is not a string, so no field can replace these three.

use std::{
    fmt,
    io::{self, Write},
    sync::Mutex,
};

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span,
};
use tracing_subscriber::{
    Layer,
    filter::Targets,
    layer::{Context, SubscriberExt as _},
    registry::LookupSpan,
    util::SubscriberInitExt as _,
};

/// Libraries whose log levels below warning are about frames and not about the provider.
const LIBRARIES: [&str; 6] = ["h2", "hyper", "hyper_util", "rustls", "tonic", "tower"];

/// Parses a value of `TF_LOG_PROVIDER` or `TF_LOG`. Absent or `off` is no logging. As in Terraform, `json` and unknown levels
/// are `trace`.
pub fn level(value: Option<&str>) -> LevelFilter {
    match value.map(str::to_ascii_lowercase).as_deref() {
        None | Some("" | "off") => LevelFilter::OFF,
        Some("error") => LevelFilter::ERROR,
        Some("warn") => LevelFilter::WARN,
        Some("info") => LevelFilter::INFO,
        Some("debug") => LevelFilter::DEBUG,
        Some(_) => LevelFilter::TRACE,
    }
}

/// Writes `tracing` events to stderr, up to the given level. Does nothing if logging is off or the process already
/// has a subscriber.
pub fn init(level: LevelFilter) {
    if level == LevelFilter::OFF {
        return;
    }
    let quiet = level.min(LevelFilter::WARN);
    let targets = Targets::new().with_default(level).with_targets(LIBRARIES.map(|name| (name, quiet)));
    let lines = HclogLayer::new(io::stderr(), now).with_filter(targets);
    // An error means that the provider installed another subscriber.
    let _ = tracing_subscriber::registry().with(lines).try_init();
}

#[expect(clippy::disallowed_methods, reason = "the only place where this crate reads the clock")]
fn now() -> Timestamp {
    Timestamp::now()
}

/// A layer that writes each event as one line of JSON in hclog's format, with the fields of its spans.
pub struct HclogLayer<W> {
    out: Mutex<W>,
    clock: fn() -> Timestamp,
}

impl<W: Write> HclogLayer<W> {
    /// Creates a layer that writes to `out` and reads the time from `clock`.
    pub fn new(out: W, clock: fn() -> Timestamp) -> Self {
        Self { out: Mutex::new(out), clock }
    }
}

impl<S, W> Layer<S> for HclogLayer<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: Write + 'static,
{
    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut line = Map::new();
        for span in
            context.event_scope(event).into_iter().flat_map(tracing_subscriber::registry::Scope::from_root)
        {
            if let Some(fields) = span.extensions().get::<Fields>() {
                line.extend(fields.others.clone());
            }
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        line.extend(fields.others);
        let metadata = event.metadata();
        line.insert("@level".to_owned(), level_name(*metadata.level()).into());
        line.insert("@message".to_owned(), fields.message.into());
        line.insert("@module".to_owned(), metadata.target().into());
        line.insert("@timestamp".to_owned(), format!("{:.6}", (self.clock)()).into());
        let mut line = Value::Object(line).to_string();
        line.push('\n');
        // Errors cannot be reported anywhere else. A line is written whole, so a poisoned lock is harmless.
        let mut out = self.out.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let _ = out.write_all(line.as_bytes());
    }
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

/// The message and fields of an event or span.
#[derive(Default)]
struct Fields {
    message: String,
    others: Map<String, Value>,
}

impl Fields {
    fn insert(&mut self, field: &Field, value: Value) {
        // Names with an at sign are reserved.
        self.others.insert(field.name().trim_start_matches('@').to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        } else {
            self.insert(field, format!("{value:?}").into());
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.message);
        } else {
            self.insert(field, value.into());
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.insert(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.insert(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.insert(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.insert(field, json!(value));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// A shared buffer.
    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lines(log: impl FnOnce()) -> String {
        let out = Shared::default();
        let clock = || Timestamp::from_microsecond(1_700_000_000_000_042).unwrap();
        let layer = HclogLayer::new(out.clone(), clock);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
        String::from_utf8(out.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn a_line_is_what_hosts_read() {
        let lines = lines(|| {
            let _span = tracing::info_span!("call", rpc = "ReadResource", tries = 2).entered();
            tracing::warn!(target: "module", key = "DB\nHOST", ok = true, none = ?None::<u8>, "it is {}", "so");
        });
        assert_eq!(
            lines,
            "{\"@level\":\"warn\",\"@message\":\"it is so\",\"@module\":\"module\",\
             \"@timestamp\":\"2023-11-14T22:13:20.000042Z\",\"key\":\"DB\\nHOST\",\"none\":\"None\",\"ok\":true,\
             \"rpc\":\"ReadResource\",\"tries\":2}\n"
        );
    }

    #[test]
    fn no_field_takes_the_place_of_the_hosts_own() {
        let lines =
            lines(|| tracing::info!("@level" = 7, "@timestamp" = 1.5, "@message" = false, message = 3));
        let line: Value = serde_json::from_str(&lines).unwrap();
        assert_eq!((&line["@level"], &line["level"]), (&json!("info"), &json!(7)));
        assert_eq!(
            (&line["@timestamp"], &line["timestamp"]),
            (&json!("2023-11-14T22:13:20.000042Z"), &json!(1.5))
        );
        assert_eq!((&line["@message"], &line["message"]), (&json!(""), &json!(3)));
    }

    #[test]
    fn levels_are_those_of_terraform() {
        for (value, expected) in [
            (None, LevelFilter::OFF),
            (Some(""), LevelFilter::OFF),
            (Some("Off"), LevelFilter::OFF),
            (Some("ERROR"), LevelFilter::ERROR),
            (Some("warn"), LevelFilter::WARN),
            (Some("INFO"), LevelFilter::INFO),
            (Some("DEBUG"), LevelFilter::DEBUG),
            (Some("TRACE"), LevelFilter::TRACE),
            (Some("JSON"), LevelFilter::TRACE),
            (Some("loud"), LevelFilter::TRACE),
        ] {
            assert_eq!(level(value), expected, "{value:?}");
        }
    }
}
