//! Checks of single attributes, as the schemas list them, and when two texts of a variable mean the same.
//!
//! The rules themselves are `kontraktor-proto`'s; this file fits them to the framework. No network.

use std::time::Duration;

use kontraktor_model::{
    limits::{MAX_BATCH_ITEMS, MAX_PAGE_SIZE},
    names::{EnvName, Key, NameError, ProjectName},
    reference::{Reference, ReferenceError},
    value::{ValueType, check_description},
};
use tfplugin_proto::value::Value;

use crate::framework::Fields;

/// The longest `timeout`.
pub(crate) const MAX_TIMEOUT: Duration = Duration::from_hours(1);

/// The longest `window_ms`.
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

/// Reads a secret reference. The error names the column, and repeats nothing of the text.
pub(crate) fn parse_reference(text: &str) -> Result<Reference, String> {
    text.parse().map_err(|error: ReferenceError| format!("{error}."))
}

pub(crate) fn timeout(value: &Value) -> Result<(), String> {
    parse_timeout(text(value)).map(|_| ())
}

/// Reads a `timeout` setting.
pub(crate) fn parse_timeout(text: &str) -> Result<Duration, String> {
    const RULE: &str =
        "write a duration such as \"60s\", \"500ms\" or \"2m\", more than nothing and at most 1h";
    match humantime::parse_duration(text) {
        Ok(duration) if duration.is_zero() => Err(format!("timeout is nothing: {RULE}.")),
        Ok(duration) if duration > MAX_TIMEOUT => Err(format!("timeout is longer than 1h: {RULE}.")),
        Ok(duration) => Ok(duration),
        Err(_) => Err(format!("timeout is not a duration: {RULE}.")),
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

fn whole_number(value: &Value, name: &str, least: u64, most: u64) -> Result<(), String> {
    let number = if let Value::Number(number) = value { number.to_u64() } else { None };
    match number {
        Some(number) if (least..=most).contains(&number) => Ok(()),
        _ => Err(format!("{name} must be a whole number from {least} to {most}.")),
    }
}

/// A value means the same when its type is the same and the texts are equal in that type. While the type is not known,
/// nothing can be said, and the value counts as changed.
pub(crate) fn same_value(prior: &Fields, planned: &Fields) -> bool {
    let field = |fields: &Fields, name: &str| fields.get(name)?.as_str().map(str::to_owned);
    let (Some(before), Some(after)) = (field(prior, "type"), field(planned, "type")) else { return false };
    let Ok(value_type) = before.parse::<ValueType>() else { return false };
    match (field(prior, "value"), field(planned, "value")) {
        (Some(old), Some(new)) => before == after && value_type.same(&old, &new),
        _ => false,
    }
}

/// Two spellings of one reference mean the same.
pub(crate) fn same_reference(prior: &Fields, planned: &Fields) -> bool {
    let field =
        |fields: &Fields| fields.get("reference").and_then(|text| text.as_str()?.parse::<Reference>().ok());
    field(prior).is_some_and(|before| field(planned) == Some(before))
}

/// No description and an empty one are the same.
pub(crate) fn same_description(prior: &Fields, planned: &Fields) -> bool {
    let field = |fields: &Fields| fields.get("description").map(text).unwrap_or_default().to_owned();
    field(prior) == field(planned)
}
