//! The one error of the rules: why a request, or one item of it, was refused. Its wire format is the API's concern.

use std::{borrow::Cow, sync::Arc};

use kontraktor_model::{
    access::AccessError,
    names::{EnvPath, NameError},
    reference::{self, ReferenceError},
    value::ValueError,
};
use serde::{Deserialize, Serialize};

use super::Variable;

/// The kind of a refusal; the API has the same list.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, strum::Display, strum::EnumString, strum::IntoStaticStr,
)]
#[strum(serialize_all = "snake_case")]
pub enum Code {
    /// A name, value or option breaks a rule.
    Invalid,
    /// The project, environment or key does not exist.
    NotFound,
    /// The project or environment already exists, explicitly.
    AlreadyExists,
    /// The key was expected to be absent, but exists; or it holds the other kind of content.
    KeyExists,
    /// The key is not at the expected revision.
    Conflict,
    /// The project or environment still has contents.
    NotEmpty,
    /// Another item of the same group failed.
    Skipped,
    /// The batch id was already used with other content.
    BatchMismatch,
    /// The write queue is full.
    Busy,
    /// The disk is full.
    StorageFull,
    /// The store cannot be used.
    Storage,
    /// The file of the database is damaged.
    StorageDamaged,
    /// The daemon is shutting down.
    ShuttingDown,
    /// The caller may not do this.
    Denied,
    /// The request carries no valid credentials.
    Unauthenticated,
    /// The caller or its address has sent too many requests.
    RateLimited,
    /// The issuer of the caller's token cannot be reached, so that the token cannot be verified.
    IssuerUnavailable,
    /// It, or something that would be deleted with it, is protected from deletion.
    Protected,
    /// Another environment imports it.
    Imported,
    /// An environment would import itself.
    ImportCycle,
    /// The value breaks a schema of the project.
    SchemaViolation,
    /// The text is not a secret reference.
    InvalidReference,
    /// The key holds a plain value where a secret was asked for.
    NotASecret,
    /// The reference names a vault that is not configured, or one of another kind.
    UnknownVault,
    /// The vault is down, sealed, throttling or slow.
    VaultUnavailable,
    /// The daemon cannot sign in to the vault.
    VaultSignIn,
    /// The vault does not let the daemon read the secret.
    VaultDenied,
    /// The vault's response cannot be understood or trusted.
    VaultAnswer,
    /// The vault has no such secret.
    SecretNotFound,
    /// The version is destroyed or deleted, or never existed.
    SecretVersionGone,
    /// The secret is disabled or scheduled for deletion.
    SecretDisabled,
    /// The secret has no such field.
    SecretFieldMissing,
    /// A field was requested, but the secret is not a JSON object.
    SecretNotJson,
    /// The secret is larger than the response may be.
    SecretTooLarge,
    /// The hold has ended.
    HoldGone,
    /// No version of the secret is recorded for that point in time.
    SecretVersionUnknown,
}

impl Code {
    /// Returns the word that the log holds.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// How a value breaks a schema. Nothing here repeats the value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// The schema's name in its project.
    pub schema: String,
    /// JSON Pointer into the schema.
    pub schema_path: String,
    /// JSON Pointer into the value; empty for the value itself.
    pub value_path: String,
}

/// Why something was not done. Displayed, it is the message alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The kind.
    pub code: Code,
    /// The field of the request that is to blame, as the API names it, where one is.
    pub field: Option<Cow<'static, str>>,
    /// What happened, in one sentence, with the limit where there is one.
    pub message: String,
    /// What to do about it, where something can be done.
    pub remedy: Option<String>,
    /// [`Code::Conflict`] and [`Code::KeyExists`]: the current variable.
    pub current: Option<Box<Current>>,
    /// Milliseconds after which the same request may succeed, where waiting is a remedy.
    pub retry_after_ms: Option<u64>,
    /// [`Code::SchemaViolation`]: where.
    pub violation: Option<Box<Violation>>,
}

/// The variable at the time when a request was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Current {
    /// The environment that holds it.
    pub environment: EnvPath,
    /// That environment's revision at the time.
    pub environment_revision: u64,
    /// The variable.
    pub variable: Arc<Variable>,
}

impl Refusal {
    /// Returns a refusal of this kind with this message.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            field: None,
            message: message.into(),
            remedy: None,
            current: None,
            retry_after_ms: None,
            violation: None,
        }
    }

    /// [`Code::Invalid`] for `field`.
    pub fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Self::new(Code::Invalid, message).field(field)
    }

    /// Names the field to blame.
    pub fn field(mut self, field: &'static str) -> Self {
        self.field = Some(Cow::Borrowed(field));
        self
    }

    /// Sets what to do.
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Sets after how many milliseconds to try again.
    pub fn retry_after_ms(mut self, milliseconds: u64) -> Self {
        self.retry_after_ms = Some(milliseconds);
        self
    }

    /// Sets where a schema is violated.
    pub fn violation(mut self, violation: Violation) -> Self {
        self.violation = Some(Box::new(violation));
        self
    }

    pub(crate) fn current(mut self, current: Current) -> Self {
        self.current = Some(Box::new(current));
        self
    }
}

impl From<NameError> for Refusal {
    fn from(error: NameError) -> Self {
        Self::invalid(error.field(), error.to_string())
    }
}

impl From<AccessError> for Refusal {
    fn from(error: AccessError) -> Self {
        Self::invalid(error.field(), error.to_string()).remedy(error.remedy())
    }
}

impl From<ReferenceError> for Refusal {
    fn from(error: ReferenceError) -> Self {
        Self::new(Code::InvalidReference, error.to_string())
            .field("reference")
            .remedy(format!("write it as {}", reference::forms()))
    }
}

impl From<ValueError> for Refusal {
    fn from(error: ValueError) -> Self {
        Self::invalid(error.field(), error.to_string())
    }
}
