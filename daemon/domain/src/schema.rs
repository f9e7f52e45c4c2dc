//! The JSON Schemas of a project at work: what a schema may be, which keys it is for, and whether a value conforms.
//! The library knows draft 2020-12; this module sees to it that no schema reaches outside, that none keeps the writer
//! busy or takes its stack, and that nothing of a value gets into a message. It refuses to know about projects, batches
//! and the log.

mod budget;
mod keys;
mod load;
mod pattern;
mod shape;
#[cfg(test)]
mod tests;
mod words;

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, OnceLock},
};

use jsonschema::{Draft, PatternOptions, ValidationError};
use kontraktor_model::{
    limits::MAX_SCHEMA_BYTES,
    names::Key,
    value::{ValueError, ValueType},
};
use serde_json::Value;

pub(super) use self::budget::{MAX_REQUEST_STEPS, ValidationBudget};
use self::{keys::Keys, load::Load, pattern::MAX_PATTERN_SIZE, shape::Shape};
use super::{Refusal, SchemaSettings, VariableSchema};

/// The stack, in bytes, that a thread needs to decide commands: the deepest schema on the deepest value takes less than
/// half of it.
pub const DECIDE_STACK_BYTES: usize = 32 * 1024 * 1024;

/// Steps that looking at one value may take: 20 milliseconds at worst.
const MAX_VALUE_STEPS: u64 = 2_000_000;

/// Steps up to which a mismatch with a schema that has alternatives is explained: the library then records everything
/// that is wrong by each alternative, which takes 200 times as long as finding out that no alternative fits.
const MAX_EXPLAINED_STEPS: u64 = 50_000;

/// How many times longer explaining takes than checking.
const EXPLAINING_COST: u64 = 200;

/// JSON Pointers in messages and in the log are cut to so many bytes, between two steps.
const MAX_POINTER_BYTES: usize = 512;

/// A schema, ready to check values.
pub(super) struct Checker {
    keys: Keys,
    schema: jsonschema::Validator,
    load: Load,
    alternatives: bool,
}

/// Why a schema cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SchemaError {
    field: &'static str,
    message: String,
    remedy: &'static str,
}

impl SchemaError {
    /// Something about the schema itself, at a place in it.
    fn at(pointer: impl AsRef<str>, reason: impl fmt::Display) -> Self {
        let pointer = cut(pointer.as_ref());
        let place = if pointer.is_empty() { String::new() } else { format!(" at {pointer}") };
        Self {
            field: "schema",
            message: format!("invalid schema{place}: {reason}"),
            remedy: "correct the schema",
        }
    }

    fn pattern(reason: impl fmt::Display) -> Self {
        Self {
            field: "key_pattern",
            message: format!("key_pattern {reason}"),
            remedy: "write a regular expression for whole keys, without look-around and backreferences, as in DB_.*",
        }
    }
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<SchemaError> for Refusal {
    fn from(error: SchemaError) -> Self {
        Self::invalid(error.field, error.message).remedy(error.remedy)
    }
}

/// How a value breaks a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mismatch {
    /// JSON Pointer into the schema, to the keyword.
    pub(super) schema_path: String,
    /// JSON Pointer into the value.
    pub(super) value_path: String,
    /// `must be at most 65535`
    pub(super) must: String,
}

impl Mismatch {
    fn whole(must: impl Into<String>) -> Self {
        Self { schema_path: String::new(), value_path: String::new(), must: must.into() }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.schema_path.is_empty() {
            write!(f, "{}: ", self.schema_path)?;
        }
        f.write_str(&self.must)?;
        if !self.value_path.is_empty() {
            write!(f, " (at {} of the value)", self.value_path)?;
        }
        Ok(())
    }
}

impl Checker {
    pub(super) fn new(settings: &SchemaSettings) -> Result<Self, SchemaError> {
        Self::compile(&settings.key_pattern, &settings.schema)
    }

    fn compile(key_pattern: &str, text: &str) -> Result<Self, SchemaError> {
        let keys = Keys::new(key_pattern)?;
        let value = parse(text)?;
        let shape = Shape::of(&value)?;
        let load = Load::of(&shape)?;
        let build = || {
            jsonschema::options()
                .with_draft(Draft::Draft202012)
                .offline()
                .should_validate_formats(true)
                .with_pattern_options(
                    PatternOptions::regex().size_limit(MAX_PATTERN_SIZE).dfa_size_limit(MAX_PATTERN_SIZE),
                )
                .build(&value)
        };
        let schema = guarded(build)
            .ok_or_else(|| SchemaError::at("", "it cannot be compiled"))?
            .map_err(|error| SchemaError::at(error.instance_path().as_str(), described(&error)))?;
        Ok(Self { keys, schema, load, alternatives: shape.alternatives })
    }

    /// Whether it is for this key.
    pub(super) fn is_for(&self, key: &Key) -> bool {
        self.keys.are_matched_by(key)
    }

    /// Returns the steps that finding out whether it is for this key may take.
    pub(super) fn key_steps(&self, key: &Key) -> u64 {
        self.keys.steps(key)
    }

    /// A canonical value, ready to be looked at; refused where that would take too long.
    pub(super) fn read(&self, value_type: ValueType, canonical: &str) -> Result<Instance, Mismatch> {
        let value = instance(value_type, canonical)?;
        let (depth, parts) = (shape::depth(&value), shape::parts(&value));
        let steps = self.load.steps(depth, parts);
        if steps > MAX_VALUE_STEPS {
            return Err(Mismatch::whole(format!(
                "checking it may take {steps} steps; the limit is {MAX_VALUE_STEPS} (the value has {parts} parts, \
                 {depth} levels deep)"
            )));
        }
        Ok(Instance { value, steps })
    }

    pub(super) fn conforms(&self, instance: &Instance) -> bool {
        guarded(|| self.schema.is_valid(&instance.value)).unwrap_or(false)
    }

    /// How a value that does not conform breaks the schema.
    pub(super) fn explain(&self, instance: &Instance) -> Mismatch {
        if self.alternatives && instance.steps > MAX_EXPLAINED_STEPS {
            return Mismatch::whole(format!(
                "it does not conform, and it is too large to say where (that may take {} steps; the limit for a schema \
                 with anyOf or oneOf is {MAX_EXPLAINED_STEPS})",
                instance.steps
            ));
        }
        let explain = || {
            self.schema.validate(&instance.value).err().map(|error| Mismatch {
                schema_path: cut(error.schema_path().as_str()),
                value_path: cut(error.instance_path().as_str()),
                must: words::must(&error),
            })
        };
        guarded(explain).flatten().unwrap_or_else(|| Mismatch::whole("it does not conform"))
    }

    /// Returns the steps that explaining how a value violates the schema may take.
    pub(super) fn explaining_steps(&self, instance: &Instance) -> u64 {
        if self.alternatives { instance.steps.saturating_mul(EXPLAINING_COST) } else { instance.steps }
    }
}

/// A value as the library wants it.
pub(super) struct Instance {
    value: Value,
    /// The steps that checking it may take.
    pub(super) steps: u64,
}

/// What an attached schema is compiled to: once, when it is first needed. It follows from the schema's texts, so two
/// schemas that differ in nothing else are equal.
#[derive(Clone, Default)]
pub(crate) struct Compiled(Arc<OnceLock<Result<Checker, Unusable>>>);

/// An attached schema that this daemon cannot use.
pub(super) struct Unusable {
    /// `None` if not even the pattern can be used, so that the schema may be for any key.
    keys: Option<Keys>,
    error: SchemaError,
}

impl Unusable {
    pub(super) fn may_be_for(&self, key: &Key) -> bool {
        self.keys.as_ref().is_none_or(|keys| keys.are_matched_by(key))
    }

    /// Returns the steps that finding this out may take.
    pub(super) fn key_steps(&self, key: &Key) -> u64 {
        self.keys.as_ref().map_or(1, |keys| keys.steps(key))
    }

    pub(super) fn error(&self) -> &SchemaError {
        &self.error
    }
}

impl PartialEq for Compiled {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Debug for Compiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Compiled")
    }
}

impl VariableSchema {
    /// An error where this daemon can't use the schema: it was attached by one with another version of the library.
    pub(super) fn checker(&self) -> Result<&Checker, &Unusable> {
        let compile = || {
            Checker::compile(&self.key_pattern, &self.schema)
                .map_err(|error| Unusable { keys: Keys::new(&self.key_pattern).ok(), error })
        };
        self.compiled.0.get_or_init(compile).as_ref()
    }

    /// Saves compiling what was compiled already for this schema's texts.
    pub(super) fn compiled_as(&self, checker: Checker) {
        // Where it is set already, it is set to the same.
        let _ = self.compiled.0.set(Ok(checker));
    }
}

fn parse(text: &str) -> Result<Value, SchemaError> {
    if text.len() > MAX_SCHEMA_BYTES {
        return Err(SchemaError::at(
            "",
            format!("it is {} bytes long; the limit is {MAX_SCHEMA_BYTES}", text.len()),
        ));
    }
    // Says no to what serde_json would let pass, the same key twice in one object and NUL, and brings texts into the
    // form that values have.
    let canonical = ValueType::Json.canonicalize(text).map_err(|error| match error {
        ValueError::NotJson { reason } => SchemaError::at("", format!("it is not valid JSON ({reason})")),
        // "value is JSON nested ..."
        error => SchemaError::at("", format!("it {}", error.to_string().trim_start_matches("value "))),
    })?;
    let value: Value =
        serde_json::from_str(&canonical).map_err(|error| SchemaError::at("", unreadable(&error)))?;
    match value {
        Value::Object(_) | Value::Bool(_) => Ok(value),
        _ => Err(SchemaError::at("", "expected a JSON object, true or false")),
    }
}

/// What a value is to the schema.
fn instance(value_type: ValueType, canonical: &str) -> Result<Value, Mismatch> {
    match value_type {
        ValueType::String => Ok(Value::String(canonical.to_owned())),
        // Numbers are compared as the nearest float of 64 bits, or exactly where they are integers of 64 bits.
        ValueType::Number | ValueType::Bool | ValueType::Json => {
            serde_json::from_str(canonical).map_err(|error| Mismatch::whole(unreadable(&error)))
        }
    }
}

/// Canonical JSON may hold more than can be checked.
fn unreadable(error: &serde_json::Error) -> &'static str {
    if error.to_string().starts_with("number out of range") {
        "it has a number that is too large to check; the limit is 1.7e308"
    } else {
        "it is nested too deeply to check; the limit is 127 levels"
    }
}

/// None: it panicked. What the library makes of a schema and a value from outside must not end the writer.
fn guarded<T>(run: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(run)).ok()
}

/// Why the schema is not right by its draft.
fn described(error: &ValidationError<'_>) -> String {
    use jsonschema::error::ValidationErrorKind as Kind;
    match error.kind() {
        Kind::Referencing(error) => error.to_string(),
        Kind::AnyOf { .. } if error.instance_path().as_str().ends_with("/type") => {
            "must be one of array, boolean, integer, null, number, object, string, or a list of them"
                .to_owned()
        }
        _ => words::must(error),
    }
}

/// The longest beginning of a pointer that has whole steps and is not too long: it points to what is around the place.
fn cut(pointer: &str) -> String {
    let mut end = pointer.len();
    while end > MAX_POINTER_BYTES {
        end = pointer[..end].rfind('/').unwrap_or(0);
    }
    pointer[..end].to_owned()
}
