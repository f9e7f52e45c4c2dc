//! The limits that an operator may set for each vault, and their defaults.

use std::time::Duration;

/// The limits of one vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The deadline of one call of the vault.
    pub timeout: Duration,
    /// The number of reads at once, from 1.
    pub concurrency: usize,
    /// How long a secret is returned from the cache; zero caches nothing.
    pub ttl: Duration,
    /// How much longer it is the fallback while the vault does not answer.
    pub stale_while_error: Duration,
    /// How long it is cached that a secret cannot be read; zero caches no errors.
    pub negative_ttl: Duration,
    /// The largest number of secrets in the cache.
    pub max_entries: usize,
    /// The largest size of the cache in bytes, with some overhead for each entry.
    pub max_bytes: usize,
    /// The number of failures in a row, from 1, that opens the circuit breaker.
    pub breaker_failures: u32,
    /// How long the circuit breaker stays open.
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
