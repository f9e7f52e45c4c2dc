//! The errors of a vault of kind `azure-kv`, whatever the SDK says.

use kontraktor_model::{limits::MAX_SECRET_BYTES, names::VaultName};

use crate::error::{VaultError, VaultErrorKind};

/// The secret does not exist.
pub(super) fn not_found(vault: &VaultName) -> VaultError {
    VaultError::new(VaultErrorKind::NotFound, format!("vault \"{vault}\" has no such secret"))
        .remedy("check the name; recover a deleted secret with az keyvault secret recover")
}

/// The secret exists, but not the version.
pub(super) fn version_gone(vault: &VaultName) -> VaultError {
    VaultError::new(
        VaultErrorKind::VersionGone,
        format!("vault \"{vault}\" has the secret, but not this version"),
    )
    .remedy("list the versions: az keyvault secret list-versions")
}

/// The secret is larger than the limit.
pub(super) fn too_large(vault: &VaultName) -> VaultError {
    VaultError::new(
        VaultErrorKind::TooLarge,
        format!("the secret in vault \"{vault}\" is larger than the limit of {MAX_SECRET_BYTES} bytes"),
    )
}

/// The response is not one of Key Vault's.
pub(super) fn invalid_response(vault: &VaultName) -> VaultError {
    VaultError::new(
        VaultErrorKind::InvalidResponse,
        format!("vault \"{vault}\" returned an invalid response"),
    )
    .remedy("check that Key Vault, and not a proxy, answers at the vault's address")
}

/// The vault is unavailable; `what` follows its name.
pub(super) fn unavailable(vault: &VaultName, what: &str) -> VaultError {
    VaultError::new(VaultErrorKind::Unavailable, format!("vault \"{vault}\" {what}"))
}
