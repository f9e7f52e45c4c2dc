//! Validators for single attributes, as the schemas list them. No network.
//!
//! The rules themselves are those of `kontraktor-model`; this module adapts them to the framework.

use std::time::Duration;

use kontraktor_model::{
    limits::{MAX_BATCH_ITEMS, MAX_PAGE_SIZE},
    names::{EnvName, Key, NameError, ProjectName},
    reference::{Reference, ReferenceError},
    value::{ValueType, check_description},
};
use tfplugin_proto::value::Value;

/// The maximum `timeout`.
pub(crate) const MAX_TIMEOUT: Duration = Duration::from_hours(1);

/// The maximum `window_ms`.
const MAX_WINDOW_MS: u64 = 100;

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn name<T: for<'a> TryFrom<&'a str, Error = NameError>>(value: &Value) -> Result<(), String> {
    T::try_from(text(value)).map(|_| ()).map_err(|error| format!("{error}."))
}

pub(crate) fn project(value: &Value) -> Result<(), String> {
    name::<ProjectName>(value)
}

pub(crate) fn env(value: &Value) -> Result<(), String> {
    name::<EnvName>(value)
}

pub(crate) fn key(value: &Value) -> Result<(), String> {
    name::<Key>(value)
}

pub(crate) fn description(value: &Value) -> Result<(), String> {
    check_description(text(value)).map_err(|error| format!("{error}."))
}

pub(crate) fn value_type(value: &Value) -> Result<(), String> {
    text(value).parse::<ValueType>().map(|_| ()).map_err(|error| format!("{error}."))
}

pub(crate) fn reference(value: &Value) -> Result<(), String> {
    parse_reference(text(value)).map(|_| ())
}

/// Parses a secret reference. The error names the column and repeats nothing of the text.
pub(crate) fn parse_reference(text: &str) -> Result<Reference, String> {
    text.parse().map_err(|error: ReferenceError| format!("{error}."))
}

pub(crate) fn timeout(value: &Value) -> Result<(), String> {
    parse_timeout(text(value)).map(|_| ())
}

/// Parses a `timeout`.
pub(crate) fn parse_timeout(text: &str) -> Result<Duration, String> {
    const REMEDY: &str = "Set a duration such as \"60s\", \"500ms\" or \"2m\", at most 1h.";
    match humantime::parse_duration(text) {
        Ok(duration) if duration.is_zero() => Err(format!("timeout must be greater than zero. {REMEDY}")),
        Ok(duration) if duration > MAX_TIMEOUT => Err(format!("timeout is longer than 1h. {REMEDY}")),
        Ok(duration) => Ok(duration),
        Err(_) => Err(format!("timeout is not a duration. {REMEDY}")),
    }
}

pub(crate) fn window_ms(value: &Value) -> Result<(), String> {
    whole_number(value, "window_ms", 0, MAX_WINDOW_MS)
}

pub(crate) fn max_items(value: &Value) -> Result<(), String> {
    whole_number(value, "max_items", 1, MAX_BATCH_ITEMS as u64)
}

pub(crate) fn limit(value: &Value) -> Result<(), String> {
    whole_number(value, "limit", 1, u64::from(MAX_PAGE_SIZE))
}

fn whole_number(value: &Value, name: &str, min: u64, max: u64) -> Result<(), String> {
    let number = if let Value::Number(number) = value { number.to_u64() } else { None };
    match number {
        Some(number) if (min..=max).contains(&number) => Ok(()),
        _ => Err(format!("{name} must be a whole number between {min} and {max}.")),
    }
}
