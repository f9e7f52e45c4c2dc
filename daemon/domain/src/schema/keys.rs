//! Which keys a schema is for: its `key_pattern`, compiled for whole keys, and what trying it takes.

use kontraktor_model::{
    limits::{MAX_KEY_CHARS, MAX_KEY_PATTERN_BYTES},
    names::Key,
};
use regex::{Regex, RegexBuilder};

use super::{SchemaError, pattern::Costs};

/// The expression, compiled, in bytes. It is tried on every key that is written in its project.
const MAX_SIZE: usize = 64 * 1024;

/// Steps that trying it on the longest key may take: half a millisecond at worst.
const MAX_STEPS: u64 = 50_000;

/// A quick expression on a short key; keys are so short that most of what it costs on texts is never reached.
const SHORT_COST: u64 = 5;

pub(super) struct Keys {
    whole: Regex,
    /// For every 64 bytes of a key.
    cost: u64,
}

impl Keys {
    pub(super) fn new(pattern: &str) -> Result<Self, SchemaError> {
        if pattern.is_empty() {
            return Err(SchemaError::pattern("is empty and would match no key"));
        }
        if pattern.len() > MAX_KEY_PATTERN_BYTES {
            return Err(SchemaError::pattern(format!(
                "is {} bytes long; the limit is {MAX_KEY_PATTERN_BYTES}",
                pattern.len()
            )));
        }
        let (text, whole) = whole(pattern).map_err(|error| match error {
            regex::Error::CompiledTooBig(limit) => SchemaError::pattern(format!(
                "takes more than {limit} bytes when compiled; use fewer repetitions"
            )),
            error => {
                // The parser draws a picture of several lines; its last line says what is wrong.
                let text = error.to_string();
                let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
                SchemaError::pattern(format!("is not a regular expression: {reason}"))
            }
        })?;
        let mut costs = Costs::default();
        let cost = costs.of(&text);
        let cost = if Costs::is_quick(cost) { SHORT_COST } else { cost };
        let keys = Self { whole, cost };
        let most = keys.steps_for(MAX_KEY_CHARS);
        if most > MAX_STEPS {
            return Err(SchemaError::pattern(format!(
                "may take {most} steps for a single key, more than the limit of {MAX_STEPS}; use fewer repetitions"
            )));
        }
        Ok(keys)
    }

    pub(super) fn are_matched_by(&self, key: &Key) -> bool {
        self.whole.is_match(key.as_str())
    }

    /// That trying the expression on this key may take.
    pub(super) fn steps(&self, key: &Key) -> u64 {
        self.steps_for(key.as_str().len())
    }

    fn steps_for(&self, bytes: usize) -> u64 {
        self.cost.saturating_mul(1 + u64::try_from(bytes / 64).unwrap_or(u64::MAX))
    }
}

/// The expression for whole keys, and its text.
fn whole(pattern: &str) -> Result<(String, Regex), regex::Error> {
    let build = |pattern: &str| RegexBuilder::new(pattern).size_limit(MAX_SIZE).build();
    // First alone: in brackets `a)|(b` would be one.
    build(pattern)?;
    let text = format!("^(?:{pattern})$");
    match build(&text) {
        Err(regex::Error::Syntax(_)) => {
            // It ends in a comment, as `(?x)A # B` does, and the bracket is part of that.
            let text = format!("^(?:{pattern}\n)$");
            build(&text).map(|whole| (text, whole))
        }
        built => built.map(|whole| (text, whole)),
    }
}
