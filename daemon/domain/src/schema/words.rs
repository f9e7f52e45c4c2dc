//! Describes what a violated keyword requires. The library's own texts quote the value, which must never be in a message;
//! these texts come from the schema alone.

use jsonschema::{
    ValidationError,
    error::{TypeKind, ValidationErrorKind as Kind},
};
use serde_json::Value;

use super::shape::short;

/// How many options of an `enum` are listed.
const LISTED: usize = 10;

/// What a value must be, as the rest of a sentence: `must be at most 65535`.
pub(super) fn must(error: &ValidationError<'_>) -> String {
    match error.kind() {
        Kind::AdditionalItems { limit } => format!("must have at most {}", counted(*limit as u64, "item")),
        Kind::AdditionalProperties { .. } => {
            "must not have properties other than those that the schema names".to_owned()
        }
        Kind::AnyOf { context } => {
            format!("must conform to at least one of the {} alternatives", context.len())
        }
        Kind::OneOfNotValid { context } => format!("must conform to one of the {} alternatives", context.len()),
        Kind::OneOfMultipleValid { context } => {
            format!("must conform to only one of the {} alternatives, but conforms to several", context.len())
        }
        Kind::Constant { expected_value } => format!("must be {}", shown(expected_value)),
        Kind::Contains => "must contain the items that the schema requires".to_owned(),
        Kind::ContentEncoding { content_encoding } => format!("must be encoded as {content_encoding:?}"),
        Kind::FromUtf8 { .. } => "must be UTF-8 when decoded".to_owned(),
        Kind::ContentMediaType { content_media_type } => format!("must be of media type {content_media_type:?}"),
        Kind::Enum { options } => format!("must be one of {}", listed(options)),
        Kind::ExclusiveMaximum { limit } => format!("must be less than {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("must be greater than {limit}"),
        Kind::Maximum { limit } => format!("must be at most {limit}"),
        Kind::Minimum { limit } => format!("must be at least {limit}"),
        Kind::FalseSchema => nothing_here(error.schema_path().as_str()).to_owned(),
        Kind::Format { format } if format == "regex" => {
            "must be a regular expression that this daemon supports: without look-around and backreferences, and not too large"
                .to_owned()
        }
        Kind::Format { format } => format!("must be of format {:?}", short(format)),
        Kind::MaxItems { limit } => format!("must have at most {}", counted(*limit, "item")),
        Kind::MinItems { limit } => format!("must have at least {}", counted(*limit, "item")),
        Kind::MaxLength { limit } => format!("must be at most {} long", counted(*limit, "character")),
        Kind::MinLength { limit } => format!("must be at least {} long", counted(*limit, "character")),
        Kind::MaxProperties { limit } => format!("must have at most {}", properties(*limit)),
        Kind::MinProperties { limit } => format!("must have at least {}", properties(*limit)),
        Kind::MultipleOf { multiple_of } => format!("must be a multiple of {multiple_of}"),
        Kind::Not { .. } => "must not be what the schema excludes".to_owned(),
        Kind::Pattern { pattern } => format!("must match the pattern {:?}", short(pattern)),
        Kind::PropertyNames { error } => format!("has a property whose name is not allowed: it {}", must(error)),
        Kind::Required { property } => format!("must have the property {}", shown(property)),
        Kind::Type { kind } => format!("must be of type {}", types(kind)),
        Kind::UnevaluatedItems { .. } => "must not have items other than those that the schema describes".to_owned(),
        Kind::UnevaluatedProperties { .. } => {
            "must not have properties other than those that the schema describes".to_owned()
        }
        Kind::UniqueItems => "must not have duplicate items".to_owned(),
        Kind::BacktrackLimitExceeded { .. } | Kind::RegexEngineFailure { .. } => {
            "has a text that could not be matched against the pattern".to_owned()
        }
        Kind::Custom { keyword, .. } => format!("must conform to {:?}", short(keyword)),
        Kind::Referencing(_) => "must not have references outside the schema".to_owned(),
    }
}

/// `false` is most often written to say that there is to be nothing more.
fn nothing_here(schema_path: &str) -> &'static str {
    let mut steps = schema_path.rsplit('/');
    match (steps.next(), steps.next()) {
        // A property of such a name.
        (_, Some("properties")) => "no value is allowed here",
        (Some("additionalProperties"), _) => {
            "must not have properties other than those that the schema names"
        }
        (Some("items"), _) => "must not have items other than those that the schema names",
        _ => "no value is allowed here",
    }
}

fn types(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(only) => only.to_string(),
        TypeKind::Multiple(several) => {
            several.iter().map(|one| one.to_string()).collect::<Vec<_>>().join(" or ")
        }
    }
}

fn listed(options: &Value) -> String {
    let Value::Array(options) = options else { return shown(options) };
    let names: Vec<String> = options.iter().take(LISTED).map(shown).collect();
    let more = options.len().saturating_sub(LISTED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", names.join(", "))
}

fn shown(value: &Value) -> String {
    short(&value.to_string())
}

fn counted(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

fn properties(count: u64) -> String {
    if count == 1 { "1 property".to_owned() } else { format!("{count} properties") }
}
