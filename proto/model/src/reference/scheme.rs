//! What differs between the schemes of references, as data.

use std::{
    fmt,
    hash::{Hash, Hasher},
};

/// The grammar of one scheme's references: `NAME://VAULT/PATH?PARAMETER=…#FIELD`. Two schemes of one name are equal.
pub struct Scheme {
    /// What the URL begins with; also the `kind` of its vaults in the daemon's configuration.
    pub name: &'static str,
    /// How a reference is written, for messages, such as `vault://NAME/MOUNT/path#field`.
    pub form: &'static str,
    /// What the path names.
    pub path: PathRule,
    /// The query parameters, at most one of which may be given.
    pub parameters: &'static [Parameter],
    /// Whether a reference names a field of the secret.
    pub field: FieldRule,
}

/// What the path of a reference names.
#[derive(Debug, Clone, Copy)]
pub enum PathRule {
    /// A mount in the first segment, and a path below it.
    MountAndPath,
    /// The secret's name, which may contain slashes.
    Name,
    /// The secret's name, which conforms to a rule.
    NameOf(TextRule),
}

/// A query parameter, which selects a version of the secret.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// How it selects.
    pub selector: Selector,
    /// What stands for its value in messages, such as `NUMBER`.
    pub placeholder: &'static str,
    /// What its value conforms to; `None` accepts any text.
    pub rule: Option<TextRule>,
}

/// How a parameter selects a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selector {
    /// By the vault's name for the version: `?version=`.
    Version,
    /// By a stage: `?stage=`.
    Stage,
}

/// A rule for a part that needs no percent-encoding.
#[derive(Debug, Clone, Copy)]
pub struct TextRule {
    /// Returns a text in its canonical spelling; `None` where it does not conform.
    pub canonical: fn(&str) -> Option<String>,
    /// The rule in words, behind "must be".
    pub expected: &'static str,
}

/// Whether a reference names a field of the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldRule {
    /// A secret is a map, so that a field must be named.
    Required,
    /// A secret is one text, which may be a JSON object whose fields can be named.
    Optional,
    /// A secret is one text.
    None,
}

impl Selector {
    /// Returns the parameter's name in the URL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::Stage => "stage",
        }
    }
}

impl PartialEq for Scheme {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Scheme {}

impl Hash for Scheme {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl fmt::Debug for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Joins the forms of schemes.
pub(super) fn forms(schemes: &[&Scheme]) -> String {
    alternatives(schemes.iter().map(|scheme| scheme.form.to_owned()).collect())
}

/// Joins texts as in `a, b or c`; `none` where there are none.
pub(super) fn alternatives(texts: Vec<String>) -> String {
    match texts.split_last() {
        None => "none".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
    }
}
