//! The errors of a vault of kind `aws-sm`, whatever the SDK says.

use kontraktor_model::{limits::MAX_SECRET_BYTES, names::VaultName};

use crate::error::{VaultError, VaultErrorKind};

/// The vault that an error is about.
#[derive(Clone, Copy)]
pub(super) struct VaultRegion<'a> {
    pub(super) vault: &'a VaultName,
    pub(super) region: &'a str,
}

/// The secret does not exist, or it has no value yet.
pub(super) fn not_found(VaultRegion { vault, region }: VaultRegion<'_>) -> VaultError {
    VaultError::new(
        VaultErrorKind::NotFound,
        format!("vault \"{vault}\" has no such secret in region {region}"),
    )
    .remedy("check the name, and that the secret is in this region and account")
}

/// The secret exists, but not the version.
pub(super) fn version_gone(vault: &VaultName) -> VaultError {
    VaultError::new(
        VaultErrorKind::VersionGone,
        format!("vault \"{vault}\" has the secret, but not this version"),
    )
    .remedy("list the versions and stages: aws secretsmanager list-secret-version-ids")
}

/// The secret is scheduled for deletion.
pub(super) fn disabled(vault: &VaultName) -> VaultError {
    VaultError::new(
        VaultErrorKind::Disabled,
        format!("the secret is scheduled for deletion in vault \"{vault}\""),
    )
    .remedy("restore it (aws secretsmanager restore-secret), or use another one")
}

/// The secret is larger than the limit.
pub(super) fn too_large(vault: &VaultName) -> VaultError {
    VaultError::new(
        VaultErrorKind::TooLarge,
        format!("the secret in vault \"{vault}\" is larger than the limit of {MAX_SECRET_BYTES} bytes"),
    )
}

/// The response has no value.
pub(super) fn incomplete(vault: &VaultName) -> VaultError {
    VaultError::new(
        VaultErrorKind::InvalidResponse,
        format!("vault \"{vault}\" returned a response without a value"),
    )
    .remedy("check that Secrets Manager answers at the vault's address")
}

/// No source has credentials.
pub(super) fn no_credentials(vault: &VaultName) -> VaultError {
    VaultError::new(VaultErrorKind::SignIn, format!("no credentials for vault \"{vault}\" were found"))
        .remedy(
            "check the profile in `auth`; without one, give the daemon an identity (instance, container, web \
         identity) or keys in its environment",
        )
}

/// The vault is unavailable; `what` follows its name.
pub(super) fn unavailable(vault: &VaultName, what: &str) -> VaultError {
    VaultError::new(VaultErrorKind::Unavailable, format!("vault \"{vault}\" {what}"))
}
