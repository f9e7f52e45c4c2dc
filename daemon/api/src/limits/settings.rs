//! How many requests are allowed.

use std::num::NonZeroU32;

/// How many requests are allowed.
///
/// The defaults are far from what clients do: an apply of 1,000 variables is a few hundred requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimitSettings {
    /// Requests a second of one actor in the long run. None: no limit.
    pub requests_per_second: Option<NonZeroU32>,
    /// Requests of one actor at once, after a pause.
    pub burst: NonZeroU32,
    /// Requests a second of one address (IPv6: /64), whichever actor calls from there. None: no limit.
    pub address_requests_per_second: Option<NonZeroU32>,
    /// Requests of one address at once, after a pause.
    pub address_burst: NonZeroU32,
    /// As how many requests a failed authentication counts.
    pub failure_cost: NonZeroU32,
}

impl Default for RateLimitSettings {
    fn default() -> Self {
        Self {
            requests_per_second: NonZeroU32::new(2_000),
            burst: at_least_one(20_000),
            address_requests_per_second: NonZeroU32::new(4_000),
            address_burst: at_least_one(40_000),
            failure_cost: at_least_one(400),
        }
    }
}

pub(super) fn at_least_one(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}
