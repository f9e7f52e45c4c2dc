//! The assertions that were used and have not expired yet: each is accepted once.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use sha2::{Digest as _, Sha256};

use super::ClientError;

/// How many are remembered: 180 a second, as each is remembered for six minutes.
const MAX_REMEMBERED: usize = 65_536;

/// Used assertions.
#[derive(Debug, Default)]
pub(super) struct Replays(Mutex<HashMap<[u8; 32], i64>>);

impl Replays {
    /// Records an assertion that is valid until then.
    ///
    /// # Errors
    /// It was recorded before; or there is no room: forgetting one instead would let it be used again.
    pub(super) fn record(&self, client_id: &str, id: &str, until: i64, now: i64) -> Result<(), ClientError> {
        let mut digest = Sha256::new();
        for part in [client_id, id] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        let digest = digest.finalize().into();
        let mut used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if used.get(&digest).is_some_and(|until| now < *until) {
            return Err(ClientError::Replayed);
        }
        if used.len() >= MAX_REMEMBERED {
            used.retain(|_, until| now < *until);
        }
        if used.len() >= MAX_REMEMBERED {
            return Err(ClientError::TooMany);
        }
        used.insert(digest, until);
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
        for id in 0..MAX_REMEMBERED - 2 {
            assert_eq!(replays.record("a", &id.to_string(), 200, 100), Ok(()));
        }
        // Those that have expired make room.
        assert_eq!(replays.record("a", "in the place of an expired one", 200, 199), Ok(()));
        assert_eq!(replays.record("a", "one more", 300, 199), Err(ClientError::TooMany));
        assert_eq!(replays.record("a", "one more", 300, 200), Ok(()));
    }
}
