//! The two kinds of keys: a key holds either a plain value or a reference to a secret, never both.

use kontraktor_proto::v1;

/// What a key holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyKind {
    /// A value.
    Variable,
    /// A reference to a secret.
    Reference,
}

impl KeyKind {
    /// Returns the kind of a stored key.
    pub(crate) fn of(variable: &v1::Variable) -> Self {
        if variable.reference().is_some() { Self::Reference } else { Self::Variable }
    }

    /// Returns the kind's name.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Variable => "variable",
            Self::Reference => "secret reference",
        }
    }

    /// Returns the kind's name where it is contrasted with the other one.
    pub(crate) fn contrasted(self) -> &'static str {
        match self {
            Self::Variable => "plain variable",
            Self::Reference => "secret reference",
        }
    }

    /// Returns the type of the resource that manages this kind.
    pub(crate) fn resource(self) -> &'static str {
        match self {
            Self::Variable => "kontraktor_variable",
            Self::Reference => "kontraktor_secret_reference",
        }
    }

    /// Returns the other kind.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Variable => Self::Reference,
            Self::Reference => Self::Variable,
        }
    }
}
