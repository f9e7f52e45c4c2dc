//! HashiCorp Vault, and servers with its API: KV in both versions, and engines that generate secrets when they are read.
//!
//! It owns the session, the APIs of the engines and the meaning of Vault's statuses. It keeps no secret: caching, deadlines and
//! retries are the broker's. Redirects are never followed, not even to the same host: configure a standby that redirects by
//! the address of its load balancer.
//!
//! The crate `vaultrs` (0.8, on `rustify` 0.7) describes the requests: KV in both versions, tokens and health. Those for the
//! engine of a mount, leases and capabilities, which it lacks, are `endpoints` in its way. What it does beyond that is not
//! used:
//! - Its client reads answers whole, however large; puts the whole text of an error, or of an answer that it cannot parse,
//!   into its own error; drops the headers of errors, and with them Retry-After; keeps the token in a `String` of a type that
//!   derives `Debug`; follows ten redirects, and sends `X-Vault-Token` along. So `transport` sends, over `reqwest`.
//! - A client of our own under its `exec` would still return secrets in a `Vec` that is not wiped, and read another secret
//!   where a name has a tab or a newline (see `request`). Its types for answers keep secrets in `String`s, and print them. So
//!   `answer` parses.
//! - Its sign-ins keep credentials in types that print them, and write them into two buffers that are not wiped. AppRole's
//!   requires a secret id, and the one with certificates a role. So `login` describes its own.

mod answer;
mod check;
mod credentials;
mod endpoints;
mod leases;
mod login;
mod method;
mod mounts;
mod path;
mod reading;
mod request;
mod secret_path;
mod session;
mod settings;
#[cfg(test)]
mod tests;
mod token;
mod token_leases;
mod transport;
mod vault;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use kontraktor_model::reference::{Secret, hashicorp::SCHEME};

use self::secret_path::SecretPath;
pub use self::{
    settings::{AuthSettings, HashicorpSettings},
    vault::HashicorpVault,
};
use super::{
    error::VaultError,
    kind::VaultKind,
    secret::{Fetched, Lease, LeaseId},
    vault::Vault,
};

/// The kind `vault`.
pub(super) static KIND: VaultKind = VaultKind {
    scheme: &SCHEME,
    build: |name, settings| Ok(Arc::new(HashicorpVault::new(name, settings.read()?)?)),
};

#[async_trait]
impl Vault for HashicorpVault {
    async fn fetch(&self, secret: &Secret) -> Result<Fetched, VaultError> {
        let secret = SecretPath::new(&self.name, secret)?;
        let mut found = self.mounts.engine(&self.session, &self.name, secret).await?;
        loop {
            let error = match self.read(found.engine, secret).await {
                Ok(fetched) => return Ok(fetched),
                Err(error) => error,
            };
            // At most once: an engine that was just looked up is not looked up again.
            found = match self.mounts.changed(&self.session, &self.name, secret, found, &error).await {
                Some(changed) => changed,
                None => return Err(error),
            };
        }
    }

    async fn version(&self, secret: &Secret) -> Result<Option<String>, VaultError> {
        let secret = SecretPath::new(&self.name, secret)?;
        let mut found = self.mounts.engine(&self.session, &self.name, secret).await?;
        loop {
            let error = match self.newest(found.engine, secret).await {
                Ok(version) => return Ok(version),
                Err(error) => error,
            };
            found = match self.mounts.changed(&self.session, &self.name, secret, found, &error).await {
                Some(changed) => changed,
                None => return Err(error),
            };
        }
    }

    async fn renew(&self, lease: &LeaseId, increment: Duration) -> Result<Lease, VaultError> {
        self.renew_lease(lease, increment).await
    }

    async fn revoke(&self, lease: &LeaseId) -> Result<(), VaultError> {
        self.revoke_lease(lease).await
    }

    async fn sign_out(&self) {
        self.session.close().await;
    }

    async fn check(&self) -> Result<Vec<String>, VaultError> {
        self.findings().await
    }
}
