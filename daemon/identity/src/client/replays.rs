//! The assertions that were used and have not expired yet: each is accepted once.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use sha2::{Digest as _, Sha256};

use super::ClientError;

/// How many are remembered: 180 a second, as each is remembered for six minutes.
const MAX_REMEMBERED: usize = 65_536;

/// How many of one client: ten a second. One client does not take the room of the others.
const MAX_OF_CLIENT: usize = 4_096;

/// Used assertions.
#[derive(Debug, Default)]
pub(super) struct Replays(Mutex<Used>);

#[derive(Debug, Default)]
struct Used {
    /// By client, until when each is remembered.
    clients: HashMap<Box<str>, HashMap<[u8; 32], i64>>,
    count: usize,
}

impl Used {
    fn forget_expired(&mut self, now: i64) {
        self.clients.retain(|_, used| {
            used.retain(|_, until| now < *until);
            !used.is_empty()
        });
        self.count = self.clients.values().map(HashMap::len).sum();
    }

    fn has_room(&self, client_id: &str) -> bool {
        let of_client = self.clients.get(client_id).map_or(0, HashMap::len);
        of_client < MAX_OF_CLIENT && self.count < MAX_REMEMBERED
    }
}

impl Replays {
    /// Records an assertion that is valid until then.
    ///
    /// # Errors
    /// It was recorded before; or there is no room: forgetting one instead would let it be used again.
    pub(super) fn record(&self, client_id: &str, id: &str, until: i64, now: i64) -> Result<(), ClientError> {
        let digest: [u8; 32] = Sha256::digest(id).into();
        let mut used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = used.clients.get(client_id).and_then(|used| used.get(&digest));
        if known.is_some_and(|until| now < *until) {
            return Err(ClientError::Replayed);
        }
        if !used.has_room(client_id) {
            used.forget_expired(now);
        }
        if !used.has_room(client_id) {
            return Err(ClientError::TooMany);
        }
        let is_new = used.clients.entry(client_id.into()).or_default().insert(digest, until).is_none();
        used.count += usize::from(is_new);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assertion_is_remembered_until_it_expires_and_room_is_bounded() {
        let replays = Replays::default();
        assert_eq!(replays.record("a", "bc", 100, 0), Ok(()));
        assert_eq!(replays.record("ab", "c", 100, 0), Ok(()));
        assert_eq!(replays.record("a", "bc", 200, 99), Err(ClientError::Replayed));
        assert_eq!(replays.record("a", "bc", 200, 100), Ok(()));
        // The others of this client.
        for id in 0..MAX_OF_CLIENT - 1 {
            assert_eq!(replays.record("a", &id.to_string(), 200, 100), Ok(()));
        }
        assert_eq!(replays.record("a", "one more", 300, 199), Err(ClientError::TooMany));
        assert_eq!(replays.record("b", "another client", 300, 199), Ok(()));
        // Those that have expired make room.
        assert_eq!(replays.record("a", "one more", 300, 200), Ok(()));
        assert_eq!(replays.record("b", "another client", 300, 200), Err(ClientError::Replayed));
    }

    #[test]
    fn all_clients_together_have_bounded_room() {
        let replays = Replays::default();
        let clients: Vec<_> = (0..MAX_REMEMBERED / MAX_OF_CLIENT).map(|number| number.to_string()).collect();
        for client in &clients {
            for id in 0..MAX_OF_CLIENT {
                assert_eq!(replays.record(client, &id.to_string(), 200, 100), Ok(()));
            }
        }
        assert_eq!(replays.record("late", "x", 300, 199), Err(ClientError::TooMany));
        assert_eq!(replays.record("late", "x", 300, 200), Ok(()));
        assert_eq!(replays.0.lock().unwrap().count, 1);
    }
}
