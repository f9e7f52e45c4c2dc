//! What one configured vault can do.

use std::time::Duration;

use async_trait::async_trait;
use kontraktor_model::reference::Secret;

use crate::{
    error::VaultError,
    secret::{Fetched, Lease, LeaseId},
};

/// What one configured vault can do, whatever its kind.
///
/// Calls have no deadline of their own: the caller drops the future when the time is up. Implementations follow no redirect
/// to another host, read no answer beyond [`MAX_SECRET_BYTES`](kontraktor_model::limits::MAX_SECRET_BYTES) and some
/// overhead, and put nothing of an answer into an error.
#[async_trait]
pub trait Vault: Send + Sync + 'static {
    /// Reads one secret with all its fields. Which field a reference means is selected afterwards.
    async fn fetch(&self, secret: &Secret) -> Result<Fetched, VaultError>;

    /// Returns how many secrets one [`fetch_many`](Self::fetch_many) takes; 1 where batches gain nothing.
    fn batch_size(&self) -> usize {
        1
    }

    /// Reads several secrets with as few requests as the vault allows. Returns one answer for each, in their order.
    async fn fetch_many(&self, secrets: &[&Secret]) -> Vec<Result<Fetched, VaultError>> {
        let mut answers = Vec::with_capacity(secrets.len());
        for secret in secrets {
            answers.push(self.fetch(secret).await);
        }
        answers
    }

    /// Returns the version that a read would return now, without reading the value where the vault can tell. `None` where
    /// it keeps no versions of this secret.
    async fn version(&self, secret: &Secret) -> Result<Option<String>, VaultError>;

    /// Renews a lease for `increment` from now, or for what the vault grants of it.
    async fn renew(&self, lease: &LeaseId, increment: Duration) -> Result<Lease, VaultError>;

    /// Revokes a lease. One that has ended already is not an error.
    async fn revoke(&self, lease: &LeaseId) -> Result<(), VaultError>;

    /// Signs out, where the vault keeps a session, as the daemon stops. All leases were revoked before. Failures are
    /// ignored: what is left expires.
    async fn sign_out(&self) {}

    /// Signs in and checks that the vault serves. Returns findings for people, one a line, for `kontraktord vault check`.
    async fn check(&self) -> Result<Vec<String>, VaultError>;
}
