//! Loopback ports for servers that cannot report which one the system gave them.
//!
//! They lie below the range that the system assigns automatically, so that a server which is stopped for a while finds
//! its port free again.

use std::{
    hash::{BuildHasher, RandomState},
    net::{Ipv4Addr, TcpListener},
    sync::atomic::{AtomicU16, Ordering},
};

const FIRST: u16 = 12_000;
const COUNT: u16 = 20_000;

/// Returns a port on which nothing listens. Another program may still bind it first: callers then try another one.
///
/// # Panics
/// When all are taken.
pub fn free() -> u16 {
    // Test programs that run at the same time begin at different ports.
    static NEXT: AtomicU16 = AtomicU16::new(0);
    static START: std::sync::LazyLock<u16> = std::sync::LazyLock::new(|| {
        let random = RandomState::new().hash_one(std::process::id());
        u16::try_from(random % u64::from(COUNT)).expect("a remainder is below its divisor")
    });
    let mut candidates = (0..COUNT).map(|_| {
        let step = NEXT.fetch_add(1, Ordering::Relaxed) % COUNT;
        FIRST + (*START + step) % COUNT
    });
    let free = candidates.find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok());
    free.expect("one of 20,000 ports is free")
}
