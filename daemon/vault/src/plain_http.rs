//! The rule about plain HTTP, one for every kind of vault: what is sent in the clear stays on this machine, unless the operator
//! allows more.

use std::net::IpAddr;

use reqwest::Url;

/// Where plain HTTP may go. HTTPS may go everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PlainHttp {
    /// Nowhere, because the service speaks HTTPS only.
    Never,
    /// To this machine.
    OnLoopback,
    /// Everywhere, as the setting `allow_plain_http` allows: for networks that encrypt, such as a service mesh.
    Everywhere,
}

/// A request that would have been sent in the clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{IN_THE_CLEAR}")]
pub(crate) struct PlainHttpRefused;

impl PlainHttpRefused {
    /// What to do about it.
    pub(crate) const REMEDY: &str = "use https:// in the environment and the profile, or set `allow_plain_http = true` where the network encrypts";
}

const IN_THE_CLEAR: &str = "http:// would send secrets in the clear; use https://, or set `allow_plain_http = true` where the network encrypts";

impl PlainHttp {
    /// Returns the rule for a value of `allow_plain_http`.
    pub(crate) fn from_setting(allow_plain_http: bool) -> Self {
        if allow_plain_http { Self::Everywhere } else { Self::OnLoopback }
    }

    /// Checks an address. The error says what is wrong, without the address.
    pub(crate) fn check(self, url: &Url) -> Result<(), &'static str> {
        match (url.scheme(), self) {
            ("https", _) | ("http", Self::Everywhere) => Ok(()),
            ("http", Self::OnLoopback) if is_loopback(url) => Ok(()),
            ("http", Self::OnLoopback) => Err(IN_THE_CLEAR),
            _ => Err("it must begin with https://"),
        }
    }

    /// Checks a request before anything of it is sent, whatever chose its address: a setting, the environment, a profile. The
    /// platform's metadata services, which identify this machine, have no TLS and are one link away.
    pub(crate) fn check_request(self, url: &Url) -> Result<(), PlainHttpRefused> {
        let allowed = self.check(url).is_ok() || is_metadata_service(url);
        allowed.then_some(()).ok_or(PlainHttpRefused)
    }
}

/// Returns whether the host is this machine. Other names than `localhost` may resolve to anything.
fn is_loopback(url: &Url) -> bool {
    url.host_str() == Some("localhost") || address(url).is_some_and(|address| address.is_loopback())
}

/// Returns whether the host is in the networks where clouds put the services that identify a machine: link-local IPv4, and
/// `fd00:ec2::/32` of AWS.
fn is_metadata_service(url: &Url) -> bool {
    match address(url) {
        Some(IpAddr::V4(address)) => address.is_link_local(),
        Some(IpAddr::V6(address)) => address.segments()[..2] == [0xfd00, 0x0ec2],
        None => false,
    }
}

fn address(url: &Url) -> Option<IpAddr> {
    url.host_str()?.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: [&str; 4] =
        ["http://127.0.0.1:5000", "http://[::1]:5000/", "http://localhost", "http://LOCALHOST:1"];
    const METADATA: [&str; 3] =
        ["http://169.254.169.254/latest", "http://[fd00:ec2::254]/", "http://169.254.170.2"];
    const BEYOND: [&str; 5] = [
        "http://vault.example.com",
        "http://10.0.0.1",
        "http://localhost.example.com",
        "http://0.0.0.0",
        "http://[fe80::1]",
    ];

    #[test]
    fn plain_http_is_for_this_machine_unless_the_operator_allows_more() {
        let check = |rule: PlainHttp, url: &str| rule.check(&Url::parse(url).unwrap()).is_ok();
        for rule in [PlainHttp::Never, PlainHttp::OnLoopback, PlainHttp::Everywhere] {
            assert!(check(rule, "https://vault.example.com"));
            assert!(!check(rule, "ftp://localhost"));
        }
        for url in LOOPBACK {
            assert!(check(PlainHttp::OnLoopback, url) && !check(PlainHttp::Never, url), "{url}");
        }
        for url in BEYOND.into_iter().chain(METADATA) {
            assert!(!check(PlainHttp::OnLoopback, url) && check(PlainHttp::Everywhere, url), "{url}");
        }
        assert_eq!(PlainHttp::from_setting(false), PlainHttp::OnLoopback);
    }

    #[test]
    fn requests_may_also_go_to_the_services_that_identify_the_machine() {
        let sent = |url: &str| PlainHttp::OnLoopback.check_request(&Url::parse(url).unwrap()).is_ok();
        assert!(LOOPBACK.into_iter().chain(METADATA).all(sent));
        assert!(!BEYOND.into_iter().any(sent));
    }
}
