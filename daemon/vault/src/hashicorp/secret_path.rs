//! Where a secret is in Vault.

use kontraktor_model::{
    names::VaultName,
    reference::{Secret, hashicorp::SCHEME},
};

use crate::{
    error::{VaultError, VaultErrorKind},
    kind::check_scheme,
};

/// Where a secret is in Vault, and in which version.
#[derive(Debug, Clone, Copy)]
pub(super) struct SecretPath<'a> {
    pub(super) mount: &'a str,
    /// Below the mount.
    pub(super) path: &'a str,
    /// From 1; `None` means the newest.
    pub(super) version: Option<u64>,
}

impl<'a> SecretPath<'a> {
    /// Takes the path from a reference's secret.
    pub(super) fn new(vault: &VaultName, secret: &'a Secret) -> Result<Self, VaultError> {
        check_scheme(vault, &SCHEME, secret)?;
        let mount = secret.mount().unwrap_or_default();
        // References are checked when they are parsed, and never select the newest version by mistake.
        let version = secret.pinned_version().map(str::parse).transpose().map_err(|_| {
            VaultError::new(
                VaultErrorKind::VersionGone,
                format!("the reference names an invalid version of a secret in vault \"{vault}\""),
            )
            .remedy("write a whole number of at least 1 after ?version=")
        })?;
        Ok(Self { mount, path: secret.path(), version })
    }
}
