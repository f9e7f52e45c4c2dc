//! The names and addresses of this host, which its certificate is for.

use std::{collections::BTreeSet, net::IpAddr};

use nix::{ifaddrs::getifaddrs, sys::socket::SockaddrIn6, unistd::gethostname};
use x509_parser::{certificate::X509Certificate, extensions::GeneralName};

/// Names and addresses of a server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::tls) struct Names {
    dns: BTreeSet<String>,
    addresses: BTreeSet<IpAddr>,
}

impl Names {
    /// Sorts texts into names and addresses.
    pub(in crate::tls) fn of(texts: impl IntoIterator<Item = String>) -> Self {
        let mut names = Self::default();
        for text in texts {
            match text.parse() {
                Ok(address) => drop(names.addresses.insert(address)),
                Err(_) => drop(names.dns.insert(text.to_ascii_lowercase())),
            }
        }
        names
    }

    /// Returns the name of this host, its addresses, the names of the loopback interface, and `more`.
    pub(in crate::tls) fn of_this_host(more: &[String]) -> Self {
        let local = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let mut names = Self::of(local.into_iter().chain(more.iter().cloned()));
        let host = gethostname().ok().and_then(|name| name.into_string().ok());
        names.dns.extend(host.map(|name| name.to_ascii_lowercase()).filter(|name| is_host_name(name)));
        // Without them the certificate is still good for the host's name.
        let interfaces = getifaddrs().into_iter().flatten();
        names.addresses.extend(interfaces.filter_map(|interface| {
            let address = interface.address?;
            let v4 = address.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
            let v6 = address.as_sockaddr_in6().map(SockaddrIn6::ip);
            // A link-local address is only complete with the interface of the client.
            v4.or_else(|| v6.filter(|address| !address.is_unicast_link_local()).map(IpAddr::V6))
        }));
        names
    }

    /// Returns all of them as texts.
    pub(in crate::tls) fn texts(&self) -> Vec<String> {
        self.dns.iter().cloned().chain(self.addresses.iter().map(IpAddr::to_string)).collect()
    }

    /// Returns whether the certificate is for all of them.
    pub(super) fn are_all_in(&self, certificate: &X509Certificate<'_>) -> bool {
        let Ok(Some(extension)) = certificate.subject_alternative_name() else { return false };
        let mut found = Self::default();
        for name in &extension.value.general_names {
            match name {
                GeneralName::DNSName(name) => drop(found.dns.insert(name.to_ascii_lowercase())),
                GeneralName::IPAddress(bytes) => found.addresses.extend(address(bytes)),
                _ => {}
            }
        }
        self.dns.is_subset(&found.dns) && self.addresses.is_subset(&found.addresses)
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

/// Returns whether the text can be a name in a certificate: labels of letters, digits and `-` (RFC 1123 §2.1), `*` as the first
/// one, at most 253 characters.
pub fn is_host_name(text: &str) -> bool {
    let text = text.strip_prefix("*.").unwrap_or(text);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_host_has_its_loopback_names_and_those_that_are_given() {
        let names = Names::of_this_host(&["K.example.com".to_owned(), "10.9.8.7".to_owned()]).texts();
        for expected in ["localhost", "127.0.0.1", "::1", "k.example.com", "10.9.8.7"] {
            assert!(names.iter().any(|name| name == expected), "{names:?}");
        }
    }

    #[test]
    fn a_host_name_has_labels() {
        for good in ["localhost", "k.example.com", "*.example.com", "xn--bcher-kva.example", "10-0-0-1.nodes"]
        {
            assert!(is_host_name(good), "{good}");
        }
        for bad in
            ["", "a..b", "-a", "a-", "a b", "a_b", "*", "a.*.b", "bücher.example", "a.", &"a".repeat(64)]
        {
            assert!(!is_host_name(bad), "{bad}");
        }
    }
}
