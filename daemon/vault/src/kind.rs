//! What a kind of vault consists of: the scheme of its references, and how its settings become a vault.

use std::{path::Path, sync::Arc};

use kontraktor_hardening::file::{Rule, read};
use kontraktor_model::{
    names::VaultName,
    reference::{Scheme, Secret},
};
use serde::{Deserialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};
use toml::{Table, Value};

use super::{
    error::{VaultError, VaultErrorKind},
    toml_settings::read_table,
    vault::Vault,
};

/// One kind of vault.
pub struct VaultKind {
    /// The scheme of references to its secrets. Its name is what `kind` says in the configuration.
    pub scheme: &'static Scheme,
    /// Makes a vault of this kind.
    pub build: BuildVault,
}

/// Makes a vault from its settings, without connecting to it. The error names the setting and never repeats a value that may
/// be a credential.
pub type BuildVault = fn(&VaultName, &KindSettings) -> Result<Arc<dyn Vault>, String>;

/// The settings of one `[[vault]]` table that belong to its kind.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct KindSettings(Table);

/// Settings that would hold a credential, if their values were taken from the file.
const CREDENTIALS: [&str; 8] = [
    "token",
    "secret_id",
    "client_secret",
    "password",
    "access_key",
    "secret_key",
    "secret_access_key",
    "key",
];

impl KindSettings {
    /// Deserializes them.
    ///
    /// # Errors
    /// The setting that is wrong, never its value.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, String> {
        read_table(self.0.clone()).map_err(|error| error.to_string())
    }

    /// Returns the vault's address, where the settings say one.
    pub(crate) fn address(&self) -> Option<&str> {
        self.0.get("address").and_then(Value::as_str)
    }

    /// Returns the SHA-256 of the file that `ca_file` names, where it can be read; otherwise the kind's settings report why it
    /// cannot.
    pub(crate) fn ca_digest(&self) -> Option<[u8; 32]> {
        let file = self.0.get("ca_file").and_then(Value::as_str)?;
        let content = read(Path::new(file), Rule::Trusted).ok()?;
        Some(Sha256::digest(&content).into())
    }

    /// Refuses credentials in the file itself, unread: every reader of the file could read them, and a parser's error
    /// could repeat them.
    pub(crate) fn refuse_credentials(&self) -> Result<(), String> {
        let auth = self.0.get("auth").and_then(Value::as_table);
        let mut names = self.0.keys().chain(auth.into_iter().flat_map(Table::keys));
        match names.find(|name| CREDENTIALS.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => Err(format!(
                "credential in the file: write the value of `{name}` to a file that only the daemon can read, and name \
                 that file in `{name}_file`"
            )),
        }
    }
}

/// Refuses a secret of another scheme than the vault's. The broker never asks for one.
pub(crate) fn check_scheme(vault: &VaultName, scheme: &Scheme, secret: &Secret) -> Result<(), VaultError> {
    if secret.scheme() == scheme {
        return Ok(());
    }
    Err(VaultError::new(
        VaultErrorKind::UnknownVault,
        format!(
            "vault \"{vault}\" is of kind {}, but the reference is for kind {}",
            scheme.name,
            secret.scheme().name
        ),
    )
    .remedy(format!("write the reference as {}, or name another vault in it", scheme.form)))
}
