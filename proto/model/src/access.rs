//! Who may do what, in words that every side shares: scopes, roles, the subjects that roles are bound to, and the patterns
//! that they are bound on. It knows nothing of who exists.

mod pattern;
mod role;
mod scope;
mod subject;

pub use self::{
    pattern::Pattern,
    role::Role,
    scope::{Scope, Scopes},
    subject::{GROUP_PREFIX, RESERVED_ORIGINS, SERVICE_ACCOUNT_PREFIX, Subject, SubjectKind},
};

/// A role, a subject, a pattern or a scope against its rule. Displayed, it states what is wrong, with the rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct AccessError {
    field: &'static str,
    message: String,
    remedy: &'static str,
}

impl AccessError {
    /// Returns the field to blame, as the API and HCL name it: `role`, `subject`, `pattern` or `scopes`.
    pub fn field(&self) -> &'static str {
        self.field
    }

    /// Returns what to do, as an imperative clause.
    pub fn remedy(&self) -> &'static str {
        self.remedy
    }
}

/// Texts from outside are quoted only so far.
fn quoted(text: &str) -> String {
    const MAX_CHARS: usize = 80;
    if text.chars().count() <= MAX_CHARS {
        return format!("{text:?}");
    }
    format!("{:?}…", text.chars().take(MAX_CHARS).collect::<String>())
}
