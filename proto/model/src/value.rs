//! Values: the four types, the canonical text of each, and when two texts mean the same.
//!
//! A value travels as text. What is stored is its canonical text, so that equal values have equal bytes; what the
//! author wrote may differ and still be [`ValueType::same`]. Numbers are text from one end to the other: no
//! floating point is involved anywhere.

mod json;
mod number;
#[cfg(test)]
mod tests;

use std::{fmt, str::FromStr};

use unicode_normalization::{UnicodeNormalization as _, is_nfc};

use crate::limits::{
    MAX_DESCRIPTION_BYTES, MAX_JSON_DEPTH, MAX_NUMBER_DIGITS, MAX_NUMBER_EXPONENT, MAX_VALUE_BYTES,
};

/// What a variable's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum ValueType {
    /// Any text. Canonical: Unicode normalization form C.
    #[default]
    String,
    /// A number by the grammar of RFC 8259, section 6. Canonical: plain decimal notation, exact, without exponent,
    /// without zeros after the last digit of the fraction, without `-0`.
    Number,
    /// Exactly `true` or `false`.
    Bool,
    /// A JSON text (RFC 8259). Canonical: keys in the order of RFC 8785, no white space, numbers as
    /// [`ValueType::Number`], strings in normalization form C.
    Json,
}

impl ValueType {
    /// Every type, in the order in which messages list them.
    pub const ALL: [Self; 4] = [Self::String, Self::Number, Self::Bool, Self::Json];

    /// The type's name, as in HCL: `string`, `number`, `bool` or `json`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Number => "number",
            Self::Bool => "bool",
            Self::Json => "json",
        }
    }

    /// The canonical text of a value. Canonical text is its own canonical text.
    ///
    /// # Errors
    /// Where the text is not of this type, holds NUL, or is longer than [`MAX_VALUE_BYTES`] as written or in its
    /// canonical form.
    pub fn canonicalize(self, text: &str) -> Result<String, ValueError> {
        check_text("value", text, MAX_VALUE_BYTES)?;
        let canonical = match self {
            Self::String => nfc(text).into_owned(),
            Self::Number => number::canonicalize(text)?,
            Self::Bool if matches!(text, "true" | "false") => text.to_owned(),
            Self::Bool => return Err(ValueError::NotBool),
            Self::Json => json::canonicalize(text)?,
        };
        if canonical.len() > MAX_VALUE_BYTES {
            return Err(ValueError::CanonicalTooLong);
        }
        Ok(canonical)
    }

    /// Whether two texts mean the same value. Text that is no value of this type is the same only as itself.
    pub fn same(self, a: &str, b: &str) -> bool {
        if a == b {
            return true;
        }
        match (self.canonicalize(a), self.canonicalize(b)) {
            (Ok(a), Ok(b)) => a == b,
            _ => false,
        }
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for ValueType {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        Self::ALL.into_iter().find(|known| known.as_str() == text).ok_or(ValueError::NoSuchType)
    }
}

/// A value, type or description against the rules. Its text never quotes the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// The text as written is too long.
    #[error("{field} is {bytes} bytes long; the limit is {max} bytes of UTF-8")]
    TooLong {
        /// The field to blame.
        field: &'static str,
        /// The length found.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// The text as written is short enough, its canonical form is not.
    #[error(
        "value is too long in its canonical form (numbers without exponent, text in Unicode normalization form C); the \
         limit is {MAX_VALUE_BYTES} bytes of UTF-8"
    )]
    CanonicalTooLong,
    /// NUL cannot be carried by environment variables or by the store.
    #[error("{field} contains a NUL character at byte {position}; remove it")]
    Nul {
        /// The field to blame.
        field: &'static str,
        /// Where, counted from 0.
        position: usize,
    },
    /// No such type.
    #[error("type must be one of string, number, bool, json")]
    NoSuchType,
    /// Not a number by RFC 8259.
    #[error(
        "value is not a number; write digits with an optional \"-\", fraction and exponent, as in -12.5 or 1e3, without \
         spaces, leading zeros or a leading \"+\""
    )]
    NotNumber,
    /// Too many significant digits.
    #[error("value has a number with {digits} significant digits; the limit is {MAX_NUMBER_DIGITS}")]
    NumberDigits {
        /// How many were found.
        digits: usize,
    },
    /// Too large or too small.
    #[error(
        "value has a number that is too large or too small; its power of ten must be between \
         -{MAX_NUMBER_EXPONENT} and {MAX_NUMBER_EXPONENT}"
    )]
    NumberExponent,
    /// Neither `true` nor `false`.
    #[error("value is not a bool; write true or false")]
    NotBool,
    /// Not a JSON text.
    #[error("value is not valid JSON: {reason}")]
    NotJson {
        /// What the parser says, with line and column.
        reason: String,
    },
    /// The same key twice in one object, after normalization form C. The key is not named: it is part of the value.
    #[error(
        "value has the same key twice in one JSON object, the second time before line {line} column {column}; keep one of them"
    )]
    DuplicateKey {
        /// Where the second one's value begins, counted from 1.
        line: usize,
        /// As `line`; in bytes.
        column: usize,
    },
    /// Nested too deeply.
    #[error("value is JSON nested more than {MAX_JSON_DEPTH} levels deep; flatten it")]
    TooDeep,
}

impl ValueError {
    /// The field to blame, as the API and HCL name it: `value`, `type` or `description`.
    pub fn field(&self) -> &'static str {
        match self {
            Self::TooLong { field, .. } | Self::Nul { field, .. } => field,
            Self::NoSuchType => "type",
            _ => "value",
        }
    }
}

/// Checks a description: at most [`MAX_DESCRIPTION_BYTES`] bytes, no NUL.
pub fn check_description(text: &str) -> Result<(), ValueError> {
    check_text("description", text, MAX_DESCRIPTION_BYTES)
}

fn check_text(field: &'static str, text: &str, max: usize) -> Result<(), ValueError> {
    if text.len() > max {
        return Err(ValueError::TooLong { field, bytes: text.len(), max });
    }
    match text.bytes().position(|byte| byte == 0) {
        Some(position) => Err(ValueError::Nul { field, position }),
        None => Ok(()),
    }
}

/// Unicode normalization form C. Borrowed where nothing changes, as in nearly every text.
fn nfc(text: &str) -> std::borrow::Cow<'_, str> {
    if text.is_ascii() || is_nfc(text) { text.into() } else { text.nfc().collect::<String>().into() }
}
