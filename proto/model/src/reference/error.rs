//! Why a text is not a reference.

use std::fmt;

use crate::{limits::MAX_REFERENCE_BYTES, names::NameError};

/// A text that is not a reference. The message never repeats a part of the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid reference at column {column}: {problem}")]
pub struct ReferenceError {
    pub(super) column: usize,
    pub(super) problem: Problem,
}

impl ReferenceError {
    /// Returns the column, from 1, in characters.
    pub fn column(&self) -> usize {
        self.column
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Problem {
    #[error("{bytes} bytes are too long; the limit is {MAX_REFERENCE_BYTES}")]
    TooLong { bytes: usize },
    #[error("unknown scheme; expected {forms}")]
    UnknownScheme { forms: String },
    #[error("blanks and control characters must be percent-encoded, as in %20")]
    Unprintable,
    #[error("{0}")]
    Name(NameError),
    #[error("the {0} is missing")]
    Missing(Part),
    #[error("the {0} is empty; give one, or remove its separator")]
    Empty(Part),
    #[error("the {0} has an empty segment; use single slashes, and none at the end")]
    EmptySegment(Part),
    #[error("the {0} has a segment \".\" or \"..\"; remove it")]
    DotSegment(Part),
    #[error("\"%\" must be followed by two hexadecimal digits; write a literal one as %25")]
    Digits,
    #[error("the {0} must be UTF-8 without NUL when decoded")]
    Encoding(Part),
    #[error("second \"{0}\"; write a literal one as {1}")]
    Repeated(char, &'static str),
    #[error(
        "\"?\" after \"#\"; put the version before the field, as in ?version=3#field, or write a literal \"?\" as %3F"
    )]
    QueryInField,
    #[error("parameter without a value; expected {expected}")]
    NoValue { expected: String },
    #[error("unknown parameter; expected {expected}")]
    UnknownParameter { expected: String },
    #[error("duplicate parameter; remove one")]
    DuplicateParameter,
    #[error("version and stage are mutually exclusive; remove one")]
    VersionAndStage,
    #[error("the {part} must be {expected}")]
    Rule { part: Part, expected: &'static str },
    #[error("{scheme} references have no field; remove \"#\" and what follows")]
    UnexpectedField { scheme: &'static str },
    #[error("the field is missing; add one, as in #password")]
    MissingField,
}

/// The parts of a reference, as messages call them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Vault,
    Mount,
    Path,
    Name,
    Version,
    Stage,
    Field,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Vault => "vault's name",
            Self::Mount => "mount",
            Self::Path => "path",
            Self::Name => "secret's name",
            Self::Version => "version",
            Self::Stage => "stage",
            Self::Field => "field",
        })
    }
}
