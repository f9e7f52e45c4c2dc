//! What the broker answers.

use std::time::Duration;

use jiff::Timestamp;
use kontraktor_model::{access::Pattern, names::VaultName};
use uuid::Uuid;

use crate::{error::VaultError, secret::Bytes};

/// A secret, or a field of one, as the vault returned it.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The bytes; empty in the answer of a [`check`](super::Broker::check).
    pub value: Bytes,
    /// What the vault calls this version; `None` where it keeps no versions.
    pub version: Option<String>,
    /// Whether this is the last good value, because the vault does not answer.
    pub stale: bool,
    /// When the vault was asked.
    pub fetched: Timestamp,
    /// The lease, where the secret was made for the reader.
    pub lease: Option<LeaseTerm>,
}

/// How long a dynamic secret lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseTerm {
    /// What the vault granted with the secret or at the last renewal.
    pub duration: Duration,
    /// Whether the vault would renew it.
    pub renewable: bool,
    /// When it expires unless it is renewed.
    pub expires: Timestamp,
}

/// A claim on all leases of one answer, see [`Broker::read`](super::Broker::read).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoldTerm {
    /// Its id. Not secret: only the actor who opened it can use it.
    pub id: Uuid,
    /// When it expires unless it is renewed.
    pub expires: Timestamp,
    /// When to renew it: two thirds of the way.
    pub renew_at: Timestamp,
}

/// The answers to one request.
#[derive(Debug)]
pub struct Answers {
    /// One for each reference, in the order of the references.
    pub secrets: Vec<Result<Resolved, VaultError>>,
    /// The hold, where one was requested and a secret has a lease.
    pub hold: Option<HoldTerm>,
}

/// A configured vault and its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultInfo {
    /// Its name in the configuration.
    pub name: VaultName,
    /// The name of its kind, which is the scheme of references to it.
    pub kind: &'static str,
    /// Its address; `None` where its platform decides.
    pub address: Option<String>,
    /// Why the circuit breaker is open; `None` where it is closed.
    pub error: Option<String>,
    /// Secrets in the cache.
    pub cached_secrets: usize,
    /// The bytes of all entries, with some overhead for each.
    pub cached_bytes: usize,
    /// Leases that have not ended.
    pub leases: usize,
    /// For which environments it has grants.
    pub granted_to: Vec<Pattern>,
}
