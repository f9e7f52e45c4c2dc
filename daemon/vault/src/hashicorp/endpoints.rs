//! The endpoints of Vault's API that `vaultrs` does not describe, described in its way.

use rustify_derive::Endpoint;

/// Looks up the engine of a mount, as Vault's own command line does. Both fields are encoded for URLs.
#[derive(Endpoint)]
#[endpoint(path = "sys/internal/ui/mounts/{self.mount}/{self.path}")]
pub(super) struct LookUpMount {
    #[endpoint(skip)]
    pub(super) mount: String,
    /// Of a secret in it.
    #[endpoint(skip)]
    pub(super) path: String,
}

/// Renews a lease.
#[derive(Endpoint)]
#[endpoint(path = "sys/leases/renew", method = "POST")]
pub(super) struct RenewLease<'a> {
    pub(super) lease_id: &'a str,
    /// In seconds.
    pub(super) increment: u64,
}

/// Looks up what Vault knows of a lease.
#[derive(Endpoint)]
#[endpoint(path = "sys/leases/lookup", method = "POST")]
pub(super) struct LookUpLease<'a> {
    pub(super) lease_id: &'a str,
}

/// Revokes a lease.
#[derive(Endpoint)]
#[endpoint(path = "sys/leases/revoke", method = "POST")]
pub(super) struct RevokeLease<'a> {
    pub(super) lease_id: &'a str,
}

/// Looks up what the token may do at paths.
#[derive(Endpoint)]
#[endpoint(path = "sys/capabilities-self", method = "POST")]
pub(super) struct LookUpCapabilities<'a> {
    pub(super) paths: &'a [&'a str],
}
