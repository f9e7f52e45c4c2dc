//! One limit for each key, in bounded memory.

use std::{
    fmt,
    hash::Hash,
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use governor::{
    NotUntil, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed, keyed::HashMapStateStore},
};

/// How many keys are counted. Further ones share a limit until some of the counted have been quiet.
const MAX_KEYS: usize = 65_536;

/// How long to wait after looking for quiet keys in vain.
const SWEEP_PAUSE: Duration = Duration::from_millis(100);

type Instants = <DefaultClock as Clock>::Instant;
type Keyed<K> = RateLimiter<K, HashMapStateStore<K>, DefaultClock, NoOpMiddleware<Instants>>;
type Shared = RateLimiter<NotKeyed, InMemoryState, DefaultClock, NoOpMiddleware<Instants>>;

/// A request came too early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exceeded {
    /// Whose limit it is: `actor` or `address`.
    pub(crate) policy: &'static str,
    /// When the next one is allowed.
    pub(crate) wait: Duration,
    /// How many are allowed at once, and within how many seconds so many come back.
    pub(crate) quota: u32,
    pub(crate) window: u64,
}

/// A limit for each key.
pub(super) struct KeyedLimiter<K: Hash + Eq + Clone> {
    policy: &'static str,
    quota: Quota,
    keyed: Keyed<K>,
    overflow: Shared,
    clock: DefaultClock,
    last_sweep: Mutex<Option<Instant>>,
}

impl<K: Hash + Eq + Clone> KeyedLimiter<K> {
    pub(super) fn new(policy: &'static str, per_second: NonZeroU32, burst: NonZeroU32) -> Self {
        let quota = Quota::per_second(per_second).allow_burst(burst);
        let clock = DefaultClock::default();
        Self {
            policy,
            quota,
            keyed: Keyed::hashmap_with_clock(quota, clock.clone()),
            overflow: Shared::direct_with_clock(quota, clock.clone()),
            clock,
            last_sweep: Mutex::default(),
        }
    }

    /// Counts one request.
    pub(super) fn check(&self, key: &K) -> Result<(), Exceeded> {
        let checked = if self.has_room() { self.keyed.check_key(key) } else { self.overflow.check() };
        checked.map_err(|until| self.exceeded(&until))
    }

    /// Counts so many requests, or as many as are left.
    pub(super) fn charge(&self, key: &K, cost: NonZeroU32) {
        if !self.has_room() {
            return;
        }
        let mut left = Some(cost.min(self.quota.burst_size()));
        while let Some(cost) = left {
            if matches!(self.keyed.check_key_n(key, cost), Ok(Ok(()))) {
                break;
            }
            left = NonZeroU32::new(cost.get() / 2);
        }
    }

    /// Returns whether another key can be counted. Those that have been quiet for long enough are forgotten: they have the same
    /// rights as new ones.
    fn has_room(&self) -> bool {
        if self.keyed.len() < MAX_KEYS {
            return true;
        }
        let mut last = self.last_sweep.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_none_or(|last| last.elapsed() >= SWEEP_PAUSE) {
            self.keyed.retain_recent();
            *last = Some(Instant::now());
        }
        self.keyed.len() < MAX_KEYS
    }

    fn exceeded(&self, until: &NotUntil<Instants>) -> Exceeded {
        let window = super::whole_seconds(self.quota.burst_size_replenished_in()).max(1);
        Exceeded {
            policy: self.policy,
            wait: until.wait_time_from(self.clock.now()),
            quota: self.quota.burst_size().get(),
            window,
        }
    }
}

/// Shows no keys.
impl<K: Hash + Eq + Clone> fmt::Debug for KeyedLimiter<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedLimiter")
            .field("policy", &self.policy)
            .field("quota", &self.quota)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{super::settings::at_least_one, *};

    #[test]
    fn keys_beyond_the_bound_share_a_limit_and_quiet_ones_make_room() {
        // So slow that nobody recovers while the test runs.
        let limiter = KeyedLimiter::new("actor", at_least_one(1), at_least_one(4_000_000));
        for key in 0..MAX_KEYS {
            assert_eq!(limiter.check(&key), Ok(()));
        }
        assert_eq!(limiter.keyed.len(), MAX_KEYS);
        for key in MAX_KEYS..2 * MAX_KEYS {
            assert_eq!(limiter.check(&key), Ok(()));
        }
        assert_eq!(limiter.keyed.len(), MAX_KEYS);

        let quick = KeyedLimiter::new("actor", at_least_one(1_000_000_000), at_least_one(10));
        for key in 0..=MAX_KEYS {
            assert_eq!(quick.check(&key), Ok(()));
        }
        assert!(quick.keyed.len() <= MAX_KEYS);
    }
}
