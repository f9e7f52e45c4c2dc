//! Where a secret is in Vault.

use kontraktor_model::{
    names::VaultName,
    reference::{Secret, hashicorp::SCHEME},
};

use crate::{error::VaultError, kind::check_scheme};

/// Where a secret is in Vault, and in which version.
#[derive(Debug, Clone, Copy)]
pub(super) struct SecretPath<'a> {
    pub(super) mount: &'a str,
    /// Below the mount.
    pub(super) path: &'a str,
    /// A number from 1; `None` means the newest.
    pub(super) version: Option<&'a str>,
}

impl<'a> SecretPath<'a> {
    /// Takes the path from a reference's secret.
    pub(super) fn new(vault: &VaultName, secret: &'a Secret) -> Result<Self, VaultError> {
        check_scheme(vault, &SCHEME, secret)?;
        let mount = secret.mount().unwrap_or_default();
        Ok(Self { mount, path: secret.path(), version: secret.pinned_version() })
    }
}
