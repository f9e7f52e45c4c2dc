//! A vault's error as a refusal: one code for each kind.

use kontraktor_model::limits::{MAX_SECRET_BYTES, MAX_SECRET_MESSAGE_BYTES};

use kontraktor_domain::{Code, Refusal};
use kontraktor_vault::{VaultError, VaultErrorKind};

/// Returns the refusal for an error of a vault: one code for each kind.
pub(super) fn refusal(error: VaultError) -> Refusal {
    let code = match error.kind {
        VaultErrorKind::Unavailable => Code::VaultUnavailable,
        VaultErrorKind::SignIn => Code::VaultSignIn,
        VaultErrorKind::Denied => Code::VaultDenied,
        VaultErrorKind::InvalidResponse => Code::VaultAnswer,
        VaultErrorKind::NotFound => Code::SecretNotFound,
        VaultErrorKind::VersionGone => Code::SecretVersionGone,
        VaultErrorKind::Disabled => Code::SecretDisabled,
        VaultErrorKind::FieldMissing => Code::SecretFieldMissing,
        VaultErrorKind::NotJson => Code::SecretNotJson,
        VaultErrorKind::TooLarge => Code::SecretTooLarge,
        VaultErrorKind::LeaseGone => Code::HoldGone,
        VaultErrorKind::UnknownVault => Code::UnknownVault,
    };
    let retry_after_ms = error.retry_after.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
    Refusal { remedy: error.remedy, retry_after_ms, ..Refusal::new(code, error.message).field("reference") }
}

/// Returns the refusal for a secret that is too large for one message.
pub(super) fn too_large(bytes: usize) -> Refusal {
    Refusal::new(
        Code::SecretTooLarge,
        format!(
            "the secret has {bytes} bytes; the limit of a message is {MAX_SECRET_MESSAGE_BYTES} (64 KiB)"
        ),
    )
    .field("reference")
    .remedy(format!(
        "stream it, as `ktr secret get` does: a stream carries up to {MAX_SECRET_BYTES} bytes (16 MiB)"
    ))
}
