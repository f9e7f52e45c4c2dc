//! What kind of thing a key holds.

use std::{fmt, str::FromStr};

use kontraktor_model::value::ValueType;

/// A value of a type, or a reference to a secret. A key that holds the one is not written over with the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VariableKind {
    /// A value in the canonical form of its type.
    Value(ValueType),
    /// The URL of a secret in its one spelling.
    Reference,
}

/// The word for [`VariableKind::Reference`] in the log, beside those of the types.
const REFERENCE: &str = "secret reference";

impl VariableKind {
    /// The kind's name in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Value(value_type) => value_type.as_str(),
            Self::Reference => REFERENCE,
        }
    }

    /// The type, of a value.
    pub fn value_type(self) -> Option<ValueType> {
        match self {
            Self::Value(value_type) => Some(value_type),
            Self::Reference => None,
        }
    }

    /// Whether it is a reference to a secret.
    pub fn is_reference(self) -> bool {
        self == Self::Reference
    }
}

impl FromStr for VariableKind {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        if word == REFERENCE { Ok(Self::Reference) } else { word.parse().map(Self::Value).map_err(|_| ()) }
    }
}

impl fmt::Display for VariableKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
