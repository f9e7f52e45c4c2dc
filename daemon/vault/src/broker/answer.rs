//! What the broker answers.

use std::time::Duration;

use jiff::Timestamp;
use kontraktor_model::names::VaultName;
use uuid::Uuid;

use super::{Bytes, VaultError};

/// A secret, or the field of one, as the vault gave it.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The bytes; empty in the answer of a [`check`](super::Broker::check).
    pub value: Bytes,
    /// What the vault calls this version; `None`: it keeps none.
    pub version: Option<String>,
    /// The vault did not answer, and this is the last value that it gave.
    pub stale: bool,
    /// When the vault gave it.
    pub fetched: Timestamp,
    /// Where the secret was made for the reader.
    pub lease: Option<LeaseTerm>,
}

/// How long a dynamic secret lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseTerm {
    /// What the vault granted, when the secret was made or at the last renewal.
    pub duration: Duration,
    /// Whether the vault would prolong it.
    pub renewable: bool,
    /// When it ends unless it is renewed.
    pub expires: Timestamp,
}

/// A claim on all leases of one answer, see [`Broker::read`](super::Broker::read).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoldTerm {
    /// Its name. Not secret: only the actor who opened it can use it.
    pub id: Uuid,
    /// When it ends unless it is renewed.
    pub expires: Timestamp,
    /// When to renew it: two thirds of the way.
    pub renew_at: Timestamp,
}

/// The answers to one request.
#[derive(Debug)]
pub struct Answers {
    /// One for each reference, in their order.
    pub secrets: Vec<Result<Resolved, VaultError>>,
    /// Where a hold was asked for and something has a lease.
    pub hold: Option<HoldTerm>,
}

/// A configured vault, and how it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultInfo {
    /// Its name in the configuration.
    pub name: VaultName,
    /// `vault`, `aws-sm` or `azure-kv`.
    pub kind: &'static str,
    /// Where it is; empty where its platform decides.
    pub address: String,
    /// Why the vault is left alone for now; `None`: it is not.
    pub trouble: Option<String>,
    /// Secrets in the cache.
    pub cached_secrets: usize,
    /// Their bytes, with some for each entry itself.
    pub cached_bytes: usize,
    /// Leases that live.
    pub leases: usize,
}
