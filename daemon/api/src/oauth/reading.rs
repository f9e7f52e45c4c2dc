//! Requests for tokens while their bodies come. Anybody may send them, so that each address may have some at a time, each for a short
//! time: they take memory.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{limits::network, listener::Peer};

/// How long a body may take. It is small: a client that is slower has no connection to speak of.
pub(super) const READ_WITHIN: Duration = Duration::from_secs(10);

/// How many bodies of one address are read at a time: 8 MiB at most.
const MAX_OF_ADDRESS: usize = 256;

/// The bodies that are being read, by address. A clone counts the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Reading(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One that is being read; dropping it makes room.
#[derive(Debug)]
pub(super) struct ReadingOne(Option<(Reading, IpAddr)>);

impl Reading {
    /// Begins to read a body; none where the address has too many. Those of this machine's socket are not counted.
    pub(super) fn begin(&self, peer: Option<&Peer>) -> Option<ReadingOne> {
        let Some(Peer::Tcp { address, .. }) = peer else { return Some(ReadingOne(None)) };
        let address = network(address.ip());
        let mut reading = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = reading.entry(address).or_default();
        if *count >= MAX_OF_ADDRESS {
            return None;
        }
        *count += 1;
        Some(ReadingOne(Some((self.clone(), address))))
    }
}

impl Drop for ReadingOne {
    fn drop(&mut self) {
        let Some((Reading(all), address)) = &self.0 else { return };
        let mut reading = all.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut count) = reading.entry(*address) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(address: &str) -> Peer {
        Peer::Tcp { address: address.parse().unwrap(), certificate: None }
    }

    #[test]
    fn one_address_does_not_take_the_room_of_others() {
        let reading = Reading::default();
        let eve = tcp("203.0.113.7:1");
        let mut open: Vec<_> = (0..MAX_OF_ADDRESS).map(|_| reading.begin(Some(&eve)).unwrap()).collect();
        assert!(reading.begin(Some(&tcp("203.0.113.7:2"))).is_none());
        open.push(reading.begin(Some(&tcp("203.0.113.8:1"))).unwrap());
        open.push(reading.begin(Some(&Peer::Unix { uid: Some(0), pid: None })).unwrap());
        open.remove(0);
        open.push(reading.begin(Some(&eve)).unwrap());
        drop(open);
        assert!(reading.0.lock().unwrap().is_empty());
    }
}
