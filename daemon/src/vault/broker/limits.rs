//! How one vault is treated.

use std::time::Duration;

/// What the operator can set for each vault, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// How long a value is handed out without asking the vault again. Zero: it is asked each time.
    pub ttl: Duration,
    /// How much longer the last good value is handed out while the vault does not answer.
    pub stale: Duration,
    /// How long it is remembered that a secret cannot be had.
    pub negative_ttl: Duration,
    /// Secrets in memory.
    pub max_entries: usize,
    /// Bytes that these take.
    pub max_bytes: usize,
    /// How long one request may take.
    pub timeout: Duration,
    /// Requests at a time.
    pub concurrency: usize,
    /// After so many failures in a row the vault is left alone.
    pub breaker_failures: u32,
    /// For so long.
    pub breaker_open: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            ttl: Duration::from_mins(5),
            stale: Duration::from_hours(1),
            negative_ttl: Duration::from_secs(5),
            max_entries: 10_000,
            max_bytes: 64 * 1024 * 1024,
            timeout: Duration::from_secs(5),
            concurrency: 16,
            breaker_failures: 5,
            breaker_open: Duration::from_secs(10),
        }
    }
}
