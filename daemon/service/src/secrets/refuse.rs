//! A vault's error as a refusal: one code for each fault.

use kontraktor_model::limits::{MAX_SECRET_BYTES, MAX_SECRET_MESSAGE_BYTES};

use kontraktor_domain::{Code, Refusal};
use kontraktor_vault::{Fault, VaultError};

/// Returns the refusal for an error of a vault: one code for each kind of fault.
pub(super) fn refusal(error: VaultError) -> Refusal {
    let code = match error.fault {
        Fault::Unavailable => Code::VaultUnavailable,
        Fault::SignIn => Code::VaultSignIn,
        Fault::Denied => Code::VaultDenied,
        Fault::Answer => Code::VaultAnswer,
        Fault::NotFound => Code::SecretNotFound,
        Fault::VersionGone => Code::SecretVersionGone,
        Fault::Disabled => Code::SecretDisabled,
        Fault::FieldMissing => Code::SecretFieldMissing,
        Fault::NotJson => Code::SecretNotJson,
        Fault::TooLarge => Code::SecretTooLarge,
        Fault::LeaseGone => Code::HoldGone,
        Fault::UnknownVault => Code::UnknownVault,
    };
    let wait = error.retry_after.map_or(0, |wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
    Refusal::new(code, error.message).field("reference").remedy(error.remedy).retry_after_ms(wait)
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
