//! What an operator may set for each vault, and what holds where nothing is set.

use std::time::Duration;

/// How one vault is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long one call of the vault may take.
    pub timeout: Duration,
    /// Reads at once, from 1.
    pub concurrency: usize,
    /// How long a secret is handed out from the cache; zero: nothing is cached.
    pub ttl: Duration,
    /// How long beyond that it stands in for a vault that does not answer.
    pub stale_while_error: Duration,
    /// How long it is remembered that a secret cannot be had; zero: not at all.
    pub negative_ttl: Duration,
    /// Secrets in the cache.
    pub max_entries: usize,
    /// Their bytes, with some for each entry itself.
    pub max_bytes: usize,
    /// After how many failures in a row the vault is left alone, from 1.
    pub breaker_failures: u32,
    /// For how long.
    pub breaker_open: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            concurrency: 16,
            ttl: Duration::from_mins(5),
            stale_while_error: Duration::from_hours(1),
            negative_ttl: Duration::from_secs(5),
            max_entries: 10_000,
            max_bytes: 64 * 1024 * 1024,
            breaker_failures: 5,
            breaker_open: Duration::from_secs(10),
        }
    }
}
