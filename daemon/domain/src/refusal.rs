//! The one error of the rules: why a request, or one item of it, was not done. How it travels is the API's matter.

use std::{borrow::Cow, sync::Arc};

use kontraktor_model::{
    names::{EnvPath, NameError},
    reference::{self, ReferenceError},
    value::ValueError,
};
use serde::{Deserialize, Serialize};

use super::{Variable, entry::words};

words! {
    /// The kind of a refusal; the API has the same list.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    Code {
        /// A name, value or option breaks a rule.
        Invalid = "invalid",
        /// The project, environment or key does not exist.
        NotFound = "not_found",
        /// The project or environment exists already, explicitly.
        AlreadyExists = "already_exists",
        /// Absence of the key was expected, and it exists; or it holds the other kind of thing.
        KeyExists = "key_exists",
        /// The key is not at the expected revision.
        Conflict = "conflict",
        /// The project or environment still holds what would be lost.
        NotEmpty = "not_empty",
        /// Another item of the same group failed.
        Skipped = "skipped",
        /// The batch id was used before, with other content.
        BatchMismatch = "batch_mismatch",
        /// The write queue is full.
        Busy = "busy",
        /// The disk is full.
        StorageFull = "storage_full",
        /// The store cannot be used.
        Storage = "storage",
        /// The daemon is going down.
        ShuttingDown = "shutting_down",
        /// The caller may not do this.
        Denied = "denied",
        /// It, or something that would go with it, is protected from deletion.
        Protected = "protected",
        /// Another environment imports it.
        Imported = "imported",
        /// An environment would import itself.
        ImportCycle = "import_cycle",
        /// The value breaks a schema of the project.
        SchemaViolation = "schema_violation",
        /// The text is no secret reference.
        InvalidReference = "invalid_reference",
        /// The key holds a plain value where a secret was asked for.
        NotASecret = "not_a_secret",
        /// The reference names a vault that is not configured, or one of another kind.
        UnknownVault = "unknown_vault",
        /// The vault is down, sealed, throttling or slow.
        VaultUnavailable = "vault_unavailable",
        /// The daemon cannot sign in to the vault.
        VaultSignIn = "vault_sign_in",
        /// The vault does not let the daemon read the secret.
        VaultDenied = "vault_denied",
        /// The vault answered with what cannot be understood or trusted.
        VaultAnswer = "vault_answer",
        /// The vault has no such secret.
        SecretNotFound = "secret_not_found",
        /// The version is destroyed, deleted or was never there.
        SecretVersionGone = "secret_version_gone",
        /// The secret is disabled or scheduled for deletion.
        SecretDisabled = "secret_disabled",
        /// The secret has no such field.
        SecretFieldMissing = "secret_field_missing",
        /// A field was asked for, and the secret is no JSON object.
        SecretNotJson = "secret_not_json",
        /// The secret is larger than the answer may carry.
        SecretTooLarge = "secret_too_large",
        /// The hold is over.
        HoldGone = "hold_gone",
        /// No version of the secret is on record for that moment.
        SecretVersionUnknown = "secret_version_unknown",
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
    /// The field of the request that is to blame, as the API names it; empty for none.
    pub field: Cow<'static, str>,
    /// What happened, in one sentence, with the limit where there is one.
    pub message: String,
    /// What to do about it; empty where nothing can be said.
    pub remedy: String,
    /// [`Code::Conflict`] and [`Code::KeyExists`]: the variable as it stood.
    pub current: Option<Box<Current>>,
    /// Milliseconds after which the same request may succeed; 0 where waiting is no remedy.
    pub retry_after_ms: u64,
    /// [`Code::SchemaViolation`]: where.
    pub violation: Option<Box<Violation>>,
}

/// A variable as it stood when a request was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Current {
    /// Where it stood.
    pub environment: EnvPath,
    /// That environment's revision at the time.
    pub environment_revision: u64,
    /// The variable.
    pub variable: Arc<Variable>,
}

impl Refusal {
    /// A refusal of this kind and message, with nothing else said.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            field: Cow::Borrowed(""),
            message: message.into(),
            remedy: String::new(),
            current: None,
            retry_after_ms: 0,
            violation: None,
        }
    }

    /// [`Code::Invalid`] for `field`.
    pub fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Self::new(Code::Invalid, message).field(field)
    }

    /// Names the field to blame.
    pub fn field(mut self, field: &'static str) -> Self {
        self.field = Cow::Borrowed(field);
        self
    }

    /// Says what to do.
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }

    /// Says after how many milliseconds to try again.
    pub fn retry_after_ms(mut self, milliseconds: u64) -> Self {
        self.retry_after_ms = milliseconds;
        self
    }

    /// Says where a schema is broken.
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
