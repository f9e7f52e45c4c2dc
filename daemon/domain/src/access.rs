//! Accesses to secrets, denials, tokens that are issued, and what vaults report of versions: rows of the log that change no environment.

use std::{borrow::Cow, sync::Arc};

use jiff::Timestamp;
use kontraktor_model::names::{EnvPath, Key, ProjectName};
use uuid::Uuid;

use super::{Author, Code};

/// What came of an access to a secret, or of asking for a token.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, strum::Display, strum::EnumString, strum::IntoStaticStr,
)]
#[strum(serialize_all = "snake_case")]
pub enum AccessOperation {
    /// It was handed out.
    Read,
    /// It was resolved, and not handed out.
    Checked,
    /// It could not be had.
    Failed,
    /// The caller may not.
    Denied,
    /// A token was issued to a service account.
    TokenIssued,
    /// A token was refused.
    TokenRefused,
}

impl AccessOperation {
    /// Returns the word that the log holds.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// One access to a secret, one denial, or several equal ones that came together. Never a value, nor anything made of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Access {
    /// What came of it.
    pub operation: AccessOperation,
    /// What was denied, where it was not an access to a secret: the word of an action, such as `variable.write`.
    pub action: Option<Arc<str>>,
    /// The project that a denial is about, where it is about no environment. It need not exist.
    pub project: Option<ProjectName>,
    /// The environment that was asked; it need not exist. None: a reference was asked for.
    pub environment: Option<EnvPath>,
    /// The key that was asked for.
    pub key: Option<Key>,
    /// The reference that was resolved, or was to be. None: the target led to none.
    pub reference: Option<Arc<str>>,
    /// The vault's name for the version that was read.
    pub version: Option<Arc<str>>,
    /// From where: `pid:4711` for a local peer. None: unknown.
    pub peer: Option<Arc<str>>,
    /// Why it failed or was denied.
    pub problem: Option<Code>,
}

impl Access {
    /// Returns the name of the project that it is about.
    pub fn project_name(&self) -> Option<&ProjectName> {
        self.environment.as_ref().map(|path| &path.project).or(self.project.as_ref())
    }

    /// Returns the word for the log: the operation, and for a denial of something else than a secret the action.
    pub(crate) fn word(&self) -> Cow<'static, str> {
        match &self.action {
            Some(action) => format!("{} {action}", self.operation).into(),
            None => self.operation.as_str().into(),
        }
    }
}

/// Splits a word of the log into the operation and the action that was denied, where it names one.
pub(crate) fn split_denied(word: &str) -> (&str, Option<&str>) {
    match word.split_once(' ') {
        Some((operation, action)) => (operation, Some(action)),
        None => (word, None),
    }
}

/// An access in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessEvent {
    /// What happened.
    pub access: Access,
    /// How often.
    pub count: u64,
}

/// Another version of a secret than was known before: a line of the lockfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionEvent {
    /// The environment whose own the reference is.
    pub environment: Uuid,
    /// Its name. Not in the row: the environment's own log has it.
    pub path: EnvPath,
    /// The key.
    pub key: Key,
    /// The reference that was resolved.
    pub reference: Arc<str>,
    /// What the vault calls the version. Neither a value nor a hash of one.
    pub version: Arc<str>,
}

/// The version of a secret that was seen last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenVersion {
    /// The reference that was resolved. Where the key holds another one by now, this says nothing of it.
    pub reference: Arc<str>,
    /// What the vault calls the version.
    pub version: Arc<str>,
    /// When it was seen first.
    pub since: Timestamp,
}

/// A version that a vault reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportedVersion {
    /// Who asked.
    pub author: Author,
    /// The environment whose own the reference is.
    pub environment: EnvPath,
    /// The key.
    pub key: Key,
    /// The reference that was resolved.
    pub reference: Arc<str>,
    /// What the vault calls the version.
    pub version: Arc<str>,
}
