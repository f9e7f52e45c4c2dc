//! What a person is told: errors and warnings with a summary, a remedy in the detail, and the attribute to blame.
//!
//! It knows how they travel, and nothing of what they are about.

use tfplugin_proto::value::AttributePath;
use tfplugin_proto::wire;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The operation failed, or must not begin.
    Error,
    /// The operation goes on.
    Warning,
}

/// One message to the person at the terminal.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// One line: what is wrong.
    pub summary: String,
    /// What happened, with limits and names, and what to do about it.
    pub detail: String,
    /// The attribute to blame, when there is one.
    pub path: Option<AttributePath>,
}

impl Diagnostic {
    /// An error.
    pub fn error(summary: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { severity: Severity::Error, summary: summary.into(), detail: detail.into(), path: None }
    }

    /// A warning.
    pub fn warning(summary: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(summary, detail) }
    }

    /// The same message, blaming a top-level attribute.
    #[must_use]
    pub fn at(self, attribute: &str) -> Self {
        self.at_path(AttributePath::attribute(attribute))
    }

    /// The same message, blaming what the path leads to.
    #[must_use]
    pub fn at_path(mut self, path: AttributePath) -> Self {
        self.path = Some(path);
        self
    }

    /// The message as the protocol carries it.
    pub fn to_wire(&self) -> wire::Diagnostic {
        let severity = match self.severity {
            Severity::Error => wire::diagnostic::Severity::Error,
            Severity::Warning => wire::diagnostic::Severity::Warning,
        };
        wire::Diagnostic {
            severity: severity.into(),
            summary: self.summary.clone(),
            detail: self.detail.clone(),
            attribute: self.path.as_ref().map(Into::into),
        }
    }
}

/// Several messages, in the order in which they were found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// No message.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a message.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    /// Adds all of the other's messages.
    pub fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// Whether an error is among them.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// The messages.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.0.iter()
    }

    /// The messages as the protocol carries them.
    pub fn to_wire(&self) -> Vec<wire::Diagnostic> {
        self.0.iter().map(Diagnostic::to_wire).collect()
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self(vec![diagnostic])
    }
}
