//! What connections from the network may take, so that some do not leave the others without.
//!
//! Connections of the unix socket are not limited: they are of the daemon's own user, and of its operator when the network is
//! the trouble.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// How often the log says that connections are refused.
const REPORTED_EVERY: Duration = Duration::from_secs(10);

/// What connections from the network may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// How many connections may be open.
    pub max: usize,
    /// How many of them from one address. An IPv6 address counts with the others of its network of 64 bits: one host has as
    /// many of them as it likes.
    pub max_per_address: usize,
    /// How long the TLS handshake may take.
    pub handshake_timeout: Duration,
    /// How long the head of a request may take from its first byte to its last.
    pub header_timeout: Duration,
    /// How long a connection may be open without a request. Load balancers must close earlier, or they send a request
    /// into a connection that is being closed.
    pub idle_timeout: Duration,
    /// How long a client may leave an answer unread, or its request incomplete, without any progress.
    pub stall_timeout: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            max: 8192,
            max_per_address: 1024,
            handshake_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(20),
            idle_timeout: Duration::from_mins(5),
            stall_timeout: Duration::from_mins(1),
        }
    }
}

/// Counts the connections from the network. A clone counts the same.
#[derive(Debug, Clone)]
pub(crate) struct Admission {
    max: usize,
    max_per_address: usize,
    open: Arc<Mutex<Open>>,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
    reported: Option<Instant>,
}

/// One admitted connection; dropping it makes room.
#[derive(Debug)]
pub(crate) struct Admitted {
    open: Arc<Mutex<Open>>,
    address: IpAddr,
}

impl Admission {
    pub(crate) fn new(limits: &ConnectionLimits) -> Self {
        Self { max: limits.max, max_per_address: limits.max_per_address, open: Arc::default() }
    }

    /// Admits a connection from this address, or none where there is no room for it.
    pub(crate) fn admit(&self, address: IpAddr) -> Option<Admitted> {
        let host = host_of(address);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let of_host = open.by_address.get(&host).copied().unwrap_or_default();
        if open.total >= self.max || of_host >= self.max_per_address {
            if open.reported.is_none_or(|at| at.elapsed() >= REPORTED_EVERY) {
                open.reported = Some(Instant::now());
                tracing::warn!(
                    %address,
                    connections = open.total,
                    from_this_address = of_host,
                    "too many connections: new ones are closed"
                );
            }
            return None;
        }
        open.total += 1;
        *open.by_address.entry(host).or_default() += 1;
        Some(Admitted { open: Arc::clone(&self.open), address: host })
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.total -= 1;
        if let Entry::Occupied(mut entry) = open.by_address.entry(self.address) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }
}

/// Returns what stands for the host at this address.
fn host_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(max: usize, max_per_address: usize) -> Admission {
        Admission::new(&ConnectionLimits { max, max_per_address, ..ConnectionLimits::default() })
    }

    fn at(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn one_address_does_not_take_the_room_of_others() {
        let admission = admission(3, 2);
        let _first = admission.admit(at("10.0.0.1")).unwrap();
        let second = admission.admit(at("::ffff:10.0.0.1")).unwrap();
        assert!(admission.admit(at("10.0.0.1")).is_none());
        let _other = admission.admit(at("10.0.0.2")).unwrap();
        assert!(admission.admit(at("10.0.0.3")).is_none(), "there are three");
        drop(second);
        let _third = admission.admit(at("10.0.0.3")).unwrap();
        assert!(admission.admit(at("10.0.0.1")).is_none());
    }

    #[tokio::test]
    async fn a_network_of_64_bits_is_one_host_and_nothing_is_kept_of_those_that_left() {
        let admission = admission(10, 1);
        let first = admission.admit(at("2001:db8:1:2::1")).unwrap();
        assert!(admission.admit(at("2001:db8:1:2:ffff::9")).is_none());
        assert!(admission.admit(at("2001:db8:1:3::1")).is_some());
        drop(first);
        assert!(admission.admit(at("2001:db8:1:2:ffff::9")).is_some());
        assert!(admission.open.lock().unwrap().by_address.is_empty());
    }
}
