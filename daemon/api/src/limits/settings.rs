//! How many requests are allowed.

use std::num::NonZeroU32;

/// How many requests are allowed.
///
/// The defaults are far from what clients do: an apply of 1,000 variables is a few hundred requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimitSettings {
    /// Requests a second of one actor in the long run; 0: no limit.
    pub requests_per_second: u32,
    /// Requests of one actor at once, after a pause.
    pub burst: u32,
    /// Requests a second of one address (IPv6: /64), whichever actor calls from there; 0: no limit.
    pub address_requests_per_second: u32,
    /// Requests of one address at once, after a pause.
    pub address_burst: u32,
    /// As how many requests a failed authentication counts.
    pub failure_cost: u32,
}

impl Default for RateLimitSettings {
    fn default() -> Self {
        Self {
            requests_per_second: 2_000,
            burst: 20_000,
            address_requests_per_second: 4_000,
            address_burst: 40_000,
            failure_cost: 400,
        }
    }
}

pub(super) fn at_least_one(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}
