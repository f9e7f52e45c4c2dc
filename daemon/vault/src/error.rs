//! Why a secret could not be had. The texts are ours: a vault's own may repeat what it was sent or what it holds.

use std::time::Duration;

/// The kind of an error, for clients and for the broker's decisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The vault cannot be reached, is sealed, throttles, or answers that it is broken. The only fault that passes by
    /// itself: the broker counts it for the circuit breaker, and hands out stale values instead.
    Unavailable,
    /// The daemon's own sign-in was refused.
    SignIn,
    /// The vault does not let the daemon do this.
    Denied,
    /// The answer cannot be understood or trusted. Handled like [`Fault::Unavailable`].
    Answer,
    /// No such secret.
    NotFound,
    /// The version is destroyed, deleted, or was never there.
    VersionGone,
    /// Disabled, or scheduled for deletion.
    Disabled,
    /// The secret has no such field.
    FieldMissing,
    /// A field was asked for, and the secret is no JSON object.
    NotJson,
    /// Larger than [`MAX_SECRET_BYTES`](kontraktor_model::limits::MAX_SECRET_BYTES).
    TooLarge,
    /// The lease is over, or cannot be prolonged.
    LeaseGone,
    /// No vault of that name and kind is configured.
    UnknownVault,
}

/// Why a secret could not be had. Holds no byte of a secret and no text of the vault's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct VaultError {
    /// The kind.
    pub fault: Fault,
    /// What happened, in one sentence without a full stop: which vault (by its configured name), which status.
    pub message: String,
    /// What to do about it; empty where nothing can be said.
    pub remedy: String,
    /// How long the vault asks to be left alone.
    pub retry_after: Option<Duration>,
}

impl VaultError {
    /// An error of this kind.
    pub fn new(fault: Fault, message: impl Into<String>) -> Self {
        Self { fault, message: message.into(), remedy: String::new(), retry_after: None }
    }

    /// Says what to do.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }

    /// Says how long the vault asks to be left alone.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Whether the vault itself failed, and not what was asked of it: the last good value may stand in.
    pub fn is_outage(&self) -> bool {
        matches!(self.fault, Fault::Unavailable | Fault::Answer | Fault::SignIn)
    }
}
