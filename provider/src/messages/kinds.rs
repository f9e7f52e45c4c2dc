//! A key holds a plain value or a reference to a secret, never both: what people are told where it is the other one.

use kontraktor_proto::v1::{self, ProblemCode};

use crate::framework::Diagnostic;
use crate::session::Trouble;

/// What a key holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A value.
    Variable,
    /// A reference to a secret.
    Reference,
}

impl Kind {
    /// The kind of what stands.
    pub(crate) fn of(variable: &v1::Variable) -> Self {
        if variable.reference().is_some() { Self::Reference } else { Self::Variable }
    }

    /// What it is called.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Variable => "variable",
            Self::Reference => "secret reference",
        }
    }

    /// What it is called beside the other one.
    fn contrasted(self) -> &'static str {
        match self {
            Self::Variable => "plain variable",
            Self::Reference => "secret reference",
        }
    }

    /// The resource that manages one.
    pub(crate) fn resource(self) -> &'static str {
        match self {
            Self::Variable => "kontraktor_variable",
            Self::Reference => "kontraktor_secret_reference",
        }
    }

    pub(crate) fn other(self) -> Self {
        match self {
            Self::Variable => Self::Reference,
            Self::Reference => Self::Variable,
        }
    }

    /// Whether a write of this kind was refused because the key holds the other. Where the daemon expected the key to be
    /// absent, it tells what stands; otherwise there is no other reason.
    pub(crate) fn meets_other(self, trouble: &Trouble) -> bool {
        let problem = trouble.problem().filter(|problem| problem.code() == ProblemCode::KeyExists);
        problem
            .is_some_and(|problem| problem.current.as_ref().is_none_or(|current| Self::of(current) != self))
    }

    /// The key holds the other kind, so nothing was written.
    pub(crate) fn is_other(self, id: &str) -> Diagnostic {
        let (ours, theirs) = (self.contrasted(), self.other().contrasted());
        Diagnostic::error(
            format!("{id} is a {theirs}"),
            format!(
                "Nothing was written: a key holds a plain value or a reference to a secret, and does not change from one \
                 to the other.\n\nTo manage the {theirs} here, import it (put the resource's name in the place of \
                 NAME):\n\n{}\n\nTo put a {ours} in its place, delete the {theirs} first, or choose another key. Where \
                 it belongs to a resource that goes in this same apply, apply once more: then it is gone.",
                self.other().import_block(id)
            ),
        )
        .at("key")
    }

    /// An import names a key of the other kind.
    pub(crate) fn imports_other(self, id: &str) -> Diagnostic {
        let theirs = self.other().contrasted();
        Diagnostic::error(
            format!("{id} is a {theirs}"),
            format!(
                "A {} manages {}s, and this is none. Import it as what it is (put the resource's name in the place of \
                 NAME):\n\n{}",
                self.resource(),
                self.contrasted(),
                self.other().import_block(id)
            ),
        )
    }

    fn import_block(self, id: &str) -> String {
        format!("import {{\n  to = {}.NAME\n  id = \"{id}\"\n}}", self.resource())
    }
}
