//! Why a secret cannot be read. The texts are the daemon's own: a vault's may repeat what it was sent or what it holds.

use std::time::Duration;

/// The kind of an error, for clients and for the broker's decisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VaultErrorKind {
    /// The vault cannot be reached, is sealed, throttles, or reports an internal error. The only kind that may pass
    /// without a change: the broker counts it for the circuit breaker, and falls back to stale values.
    Unavailable,
    /// The daemon's own sign-in was refused.
    SignIn,
    /// The vault does not let the daemon do this.
    Denied,
    /// The response cannot be parsed or trusted. Handled like [`VaultErrorKind::Unavailable`].
    InvalidResponse,
    /// No such secret.
    NotFound,
    /// The version is destroyed, deleted, or has never existed.
    VersionGone,
    /// Disabled, or scheduled for deletion.
    Disabled,
    /// The secret has no such field.
    FieldMissing,
    /// A field is requested, but the secret is not a JSON object.
    NotJson,
    /// Larger than [`MAX_SECRET_BYTES`](kontraktor_model::limits::MAX_SECRET_BYTES).
    TooLarge,
    /// The lease has ended, or cannot be renewed.
    LeaseGone,
    /// No vault of that name and kind is configured.
    UnknownVault,
}

/// Why a secret cannot be read. Holds no byte of a secret and no text of the vault's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct VaultError {
    /// The kind.
    pub kind: VaultErrorKind,
    /// What happened, in one sentence without a full stop: which vault (by its configured name), which status.
    pub message: String,
    /// What to do about it, as an imperative sentence without a full stop, where something can be done.
    pub remedy: Option<String>,
    /// After how long the vault asks to be called again.
    pub retry_after: Option<Duration>,
}

impl VaultError {
    /// Makes an error of this kind, without a remedy.
    pub fn new(kind: VaultErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), remedy: None, retry_after: None }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Adds after how long the vault asks to be called again.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Returns whether the vault itself failed, and not the request: the last good value may be the fallback.
    pub fn is_outage(&self) -> bool {
        matches!(
            self.kind,
            VaultErrorKind::Unavailable | VaultErrorKind::InvalidResponse | VaultErrorKind::SignIn
        )
    }
}
