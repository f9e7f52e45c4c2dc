//! Limits of requests in time: of each actor, and of each address before anybody knows who calls. One that sends too much waits;
//! the others do not notice.

mod keyed;
mod layer;
mod settings;

use std::{net::IpAddr, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use kontraktor_access::{Authority, Caller};
use kontraktor_domain::{Code, Refusal};

use self::keyed::KeyedLimiter;
pub use self::settings::RateLimitSettings;
pub(crate) use self::{
    keyed::Exceeded,
    layer::{AddressLimitLayer, FailedAuthentication, too_many},
};

/// The limits in use, which can be replaced while requests run.
#[derive(Debug)]
pub struct RateLimits {
    current: ArcSwap<Limiters>,
}

#[derive(Debug)]
struct Limiters {
    settings: RateLimitSettings,
    actors: Option<KeyedLimiter<Arc<str>>>,
    addresses: Option<KeyedLimiter<IpAddr>>,
}

impl RateLimits {
    /// Returns limits with these settings.
    pub fn new(settings: RateLimitSettings) -> Self {
        Self { current: ArcSwap::from_pointee(Limiters::new(settings)) }
    }

    /// Uses other settings. Where they are the same, everybody's requests stay counted.
    pub fn replace(&self, settings: RateLimitSettings) {
        if self.current.load().settings != settings {
            self.current.store(Arc::new(Limiters::new(settings)));
        }
    }

    /// Counts a request of a caller. The socket's owner has no limit.
    pub(crate) fn check_caller(&self, caller: &Caller) -> Result<(), Exceeded> {
        if caller.authority == Authority::Unrestricted {
            return Ok(());
        }
        self.current.load().actors.as_ref().map_or(Ok(()), |actors| actors.check(&caller.actor))
    }

    /// Counts a request of an address.
    pub(crate) fn check_address(&self, address: IpAddr) -> Result<(), Exceeded> {
        let current = self.current.load();
        current.addresses.as_ref().map_or(Ok(()), |addresses| addresses.check(&network(address)))
    }

    /// Counts a failed authentication of an address, as many requests.
    pub(crate) fn charge_failure(&self, address: IpAddr) {
        let current = self.current.load();
        if let Some(addresses) = &current.addresses {
            addresses.charge(&network(address), current.settings.failure_cost);
        }
    }
}

impl Limiters {
    fn new(settings: RateLimitSettings) -> Self {
        Self {
            actors: settings
                .requests_per_second
                .map(|per_second| KeyedLimiter::new("actor", per_second, settings.burst)),
            addresses: settings
                .address_requests_per_second
                .map(|per_second| KeyedLimiter::new("address", per_second, settings.address_burst)),
            settings,
        }
    }
}

/// Returns what counts as one address: an IPv6 customer has 2^64 of them at least.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let mut segments = address.segments();
            segments[4..].fill(0);
            IpAddr::from(segments)
        }
    }
}

/// Returns the refusal of a request that came too early.
pub(crate) fn refusal(exceeded: &Exceeded) -> Refusal {
    let wait = u64::try_from(exceeded.wait.as_millis()).unwrap_or(u64::MAX).max(1);
    let whose = exceeded.policy;
    Refusal::new(Code::RateLimited, format!("rate limit exceeded: too many requests of this {whose}"))
        .remedy("send fewer requests at a time, such as several items in one, or ask the daemon's operator to raise `[limits]`")
        .retry_after_ms(wait)
}

/// Returns a wait in whole seconds, at least one, as HTTP has it.
pub(crate) fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use kontraktor_access::Scopes;

    use super::{settings::at_least_one, *};

    fn limits() -> RateLimits {
        RateLimits::new(RateLimitSettings {
            requests_per_second: NonZeroU32::new(1),
            burst: at_least_one(3),
            address_requests_per_second: NonZeroU32::new(1),
            address_burst: at_least_one(10),
            failure_cost: at_least_one(4),
        })
    }

    fn caller(actor: &str) -> Caller {
        Caller { authority: Authority::Roles, ..Caller::new(actor, "test", Scopes::NONE) }
    }

    #[test]
    fn an_actor_that_sends_too_much_does_not_disturb_another_one() {
        let limits = limits();
        let (busy, quiet) = (caller("a:busy"), caller("a:quiet"));
        for _ in 0..3 {
            assert!(limits.check_caller(&busy).is_ok());
        }
        let exceeded = limits.check_caller(&busy).unwrap_err();
        assert!(exceeded.wait > Duration::ZERO && exceeded.wait <= Duration::from_secs(1));
        assert!(limits.check_caller(&quiet).is_ok());
        let refusal = refusal(&exceeded);
        assert_eq!(refusal.code, Code::RateLimited);
        assert!((1..=1_000).contains(&refusal.retry_after_ms.unwrap()));
    }

    #[test]
    fn the_owner_of_the_socket_has_no_limit() {
        let limits = limits();
        let owner = Caller::new("unix:ada", "test", Scopes::ALL);
        assert!((0..100).all(|_| limits.check_caller(&owner).is_ok()));
    }

    #[test]
    fn failures_cost_more_than_requests() {
        let limits = limits();
        let (bad, good) = ("203.0.113.7".parse().unwrap(), "203.0.113.8".parse().unwrap());
        let mut admitted = 0;
        while limits.check_address(bad).is_ok() {
            limits.charge_failure(bad);
            admitted += 1;
        }
        assert!(admitted <= 4, "{admitted}");
        assert!((0..10).all(|_| limits.check_address(good).is_ok()));
    }

    #[test]
    fn addresses_of_one_network_are_one() {
        let network = |text: &str| super::network(text.parse().unwrap()).to_string();
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("::ffff:203.0.113.7"), "203.0.113.7");
        assert_eq!(network("203.0.113.7"), "203.0.113.7");
    }

    #[test]
    fn settings_that_are_the_same_forget_nothing_and_none_is_no_limit() {
        let limits = limits();
        let busy = caller("a:busy");
        while limits.check_caller(&busy).is_ok() {}
        let settings = limits.current.load().settings;
        limits.replace(settings);
        assert!(limits.check_caller(&busy).is_err());
        limits.replace(RateLimitSettings { requests_per_second: None, ..settings });
        assert!((0..100).all(|_| limits.check_caller(&busy).is_ok()));
    }

    #[test]
    fn a_wait_is_rounded_up() {
        assert_eq!(whole_seconds(Duration::from_millis(1)), 1);
        assert_eq!(whole_seconds(Duration::from_secs(2)), 2);
        assert_eq!(whole_seconds(Duration::from_millis(2_001)), 3);
    }
}
