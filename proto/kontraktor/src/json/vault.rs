//! Vaults.

use serde::Serialize;

use super::text::non_empty;
use crate::v1;

/// A list of vaults.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VaultList {
    /// The vaults of the daemon's configuration, by name.
    pub vaults: Vec<Vault>,
}

/// A configured vault and its state.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Vault {
    /// The vault's name.
    pub name: String,
    /// `vault`, `aws-sm` or `azure-kv`: also the scheme of references to it.
    pub kind: String,
    /// Its address; `null` where its platform decides.
    pub address: Option<String>,
    /// Whether the daemon sends requests to it; false after repeated failures.
    pub available: bool,
    /// Why it is not available.
    pub error: Option<String>,
    /// The number of its secrets in the daemon's cache.
    pub cached_secret_count: u64,
    /// The size of its secrets in the daemon's cache.
    pub cached_bytes: u64,
    /// The number of leases that the daemon holds.
    pub lease_count: u64,
}

impl From<v1::VaultStatus> for Vault {
    fn from(vault: v1::VaultStatus) -> Self {
        Self {
            name: vault.name,
            kind: vault.kind,
            address: non_empty(vault.address),
            available: vault.available,
            error: non_empty(vault.error),
            cached_secret_count: vault.cached_secret_count,
            cached_bytes: vault.cached_bytes,
            lease_count: vault.lease_count,
        }
    }
}
