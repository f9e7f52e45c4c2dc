//! HashiCorp Vault, and what speaks its API: KV in both versions, and engines that make secrets when they are read.
//!
//! It owns being signed in, the ways of the engines and what Vault's statuses mean. It refuses to keep a secret: caching,
//! deadlines and repeating what failed are the broker's. Redirects are never followed, not even to the same host: a standby
//! that answers with them is configured by the address of its load balancer.
//!
//! It speaks HTTP through `reqwest` and not through the crate `vaultrs` (0.8.0, on `rustify` 0.7.0), for what that does:
//! it takes answers in whole, however large; an answer that it cannot parse goes into its error with all its text, where
//! `Debug` prints it; errors lose the headers, and so Retry-After; tokens stand in `String`s of types that derive `Debug`,
//! and one that is no header's value panics; the default client follows ten redirects and takes `X-Vault-Token` along. A
//! client of our own cures the last of these only. It has neither the request that tells a mount's engine nor those for
//! leases, so that of its types little but KV would have been used.

mod answer;
mod check;
mod credentials;
mod leases;
mod login;
mod mounts;
mod reading;
mod session;
mod settings;
#[cfg(test)]
mod tests;
mod token;
mod transport;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use kontraktor_model::{
    names::VaultName,
    reference::{Secret, VaultSecret},
};

pub use self::settings::{AuthSettings, HashicorpSettings};
use self::{leases::Leases, mounts::Mounts, session::Session, settings::Checked, transport::Transport};
use super::{Fault, Fetched, Lease, LeaseId, Vault, VaultError};

/// One HashiCorp Vault.
///
/// Its calls need a tokio runtime. What they begin and somebody waits for no longer goes on by itself only where it signs
/// in: a read that is dropped is dropped, and a dynamic secret that it made ends by its time.
pub struct HashicorpVault {
    name: VaultName,
    transport: Arc<Transport>,
    session: Session,
    mounts: Mounts,
    leases: Leases,
}

impl HashicorpVault {
    /// A vault of these settings. Nothing is sent yet; `ca_file`, `cert_file` and `key_file` are read.
    ///
    /// # Errors
    /// Which setting is wrong, why, and what to write instead.
    pub fn new(name: &VaultName, settings: HashicorpSettings) -> Result<Self, String> {
        let checked = Checked::try_from(settings)?;
        let transport = Arc::new(Transport::new(name.clone(), &checked)?);
        let session = Session::new(Arc::clone(&transport), checked.method);
        Ok(Self {
            name: name.clone(),
            transport,
            session,
            mounts: Mounts::default(),
            leases: Leases::default(),
        })
    }

    fn ours<'a>(&self, secret: &'a Secret) -> Result<&'a VaultSecret, VaultError> {
        match secret {
            Secret::Vault(secret) => Ok(secret),
            other => Err(VaultError::new(
                Fault::UnknownVault,
                format!("\"{}\" is a vault of the kind vault, not {}", self.name, other.scheme()),
            )
            .remedy("write the reference as in vault://NAME/MOUNT/path#field, or name another vault in it")),
        }
    }
}

#[async_trait]
impl Vault for HashicorpVault {
    async fn fetch(&self, secret: &Secret) -> Result<Fetched, VaultError> {
        let secret = self.ours(secret)?;
        let mut found = self.mounts.engine(&self.session, &self.name, secret).await?;
        loop {
            let error = match self.read(found.engine, secret).await {
                Ok(fetched) => return Ok(fetched),
                Err(error) => error,
            };
            // At most once: what is found now is not remembered from before.
            found = match self.mounts.changed(&self.session, &self.name, secret, found, &error).await {
                Some(now) => now,
                None => return Err(error),
            };
        }
    }

    async fn version(&self, secret: &Secret) -> Result<Option<String>, VaultError> {
        let secret = self.ours(secret)?;
        let mut found = self.mounts.engine(&self.session, &self.name, secret).await?;
        loop {
            let error = match self.newest(found.engine, secret).await {
                Ok(version) => return Ok(version),
                Err(error) => error,
            };
            found = match self.mounts.changed(&self.session, &self.name, secret, found, &error).await {
                Some(now) => now,
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
