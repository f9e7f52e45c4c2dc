//! Secrets of vaults that a company already has: fetched, held in memory for a while, handed on, forgotten. It knows how
//! to speak to vaults; it refuses to know who may read what and where it is audited, which is the service's matter.
//!
//! [`Vault`] is what one kind of vault can do, one folder for each: `hashicorp`, `aws`, `azure`. [`Broker`] stands before
//! all of them: cache, single flight, deadlines, circuit breakers and leases are there, once.

mod aws;
mod azure;
mod broker;
mod cloud;
mod config;
mod error;
pub mod hashicorp;
mod logging;
mod secret;
mod told;

use std::time::Duration;

use async_trait::async_trait;
use kontraktor_model::reference::Secret;

pub use self::{
    aws::{AwsAuth, AwsRole, AwsSettings, AwsVault},
    azure::{AzureAuth, AzureSettings, AzureVault},
    broker::{Answers, Broker, Configured, HoldTerm, LeaseTerm, Limits, Resolved, VaultInfo},
    config::{VaultTable, build},
    error::{Fault, VaultError},
    logging::may_be_logged,
    secret::{Bytes, Content, Fetched, Lease, LeaseId},
    told::told,
};

/// What one configured vault can do, whatever its kind.
///
/// Every call may take as long as it likes: the caller keeps the time and drops the future. Implementations follow no
/// redirect to another host, read no answer beyond [`MAX_SECRET_BYTES`](kontraktor_model::limits::MAX_SECRET_BYTES) and
/// some overhead, and put nothing of an answer into an error.
#[async_trait]
pub trait Vault: Send + Sync + 'static {
    /// Reads one secret, with all its fields: which field a reference means is chosen afterwards.
    async fn fetch(&self, secret: &Secret) -> Result<Fetched, VaultError>;

    /// How many secrets one [`fetch_many`](Self::fetch_many) takes; 1: there is nothing to be gained.
    fn batch_size(&self) -> usize {
        1
    }

    /// Reads several secrets with as few requests as the vault allows. One answer for each, in their order.
    async fn fetch_many(&self, secrets: &[&Secret]) -> Vec<Result<Fetched, VaultError>> {
        let mut answers = Vec::with_capacity(secrets.len());
        for secret in secrets {
            answers.push(self.fetch(secret).await);
        }
        answers
    }

    /// Which version a read would give now, without reading the value where the vault can say so. `None`: it keeps no
    /// versions of this secret.
    async fn version(&self, secret: &Secret) -> Result<Option<String>, VaultError>;

    /// Prolongs a lease to `increment` from now, or to what the vault grants of it.
    async fn renew(&self, lease: &LeaseId, increment: Duration) -> Result<Lease, VaultError>;

    /// Ends a lease. One that is over already is no error.
    async fn revoke(&self, lease: &LeaseId) -> Result<(), VaultError>;

    /// Gives back what the daemon signed in with, where the vault keeps something of it, as the daemon stops. All leases
    /// were revoked before. What fails here ends by itself.
    async fn sign_out(&self) {}

    /// Signs in and looks whether the vault serves: findings for people, one a line, for `kontraktord vault check`.
    async fn check(&self) -> Result<Vec<String>, VaultError>;
}
