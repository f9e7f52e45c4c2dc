//! Who fills the queue: each actor whose rights are by roles fills a part of it, so that the others find room.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// One actor fills a fourth of the queue.
const PART: usize = 4;

/// The shares of all actors. A clone is the same.
#[derive(Debug, Clone)]
pub(super) struct Shares {
    requests: usize,
    bytes: usize,
    taken: Arc<Mutex<HashMap<Arc<str>, Taken>>>,
}

#[derive(Debug, Default)]
struct Taken {
    requests: usize,
    bytes: usize,
}

/// What one command takes of its actor's share; dropping it gives it back.
#[derive(Debug)]
pub(super) struct Share {
    all: Shares,
    actor: Arc<str>,
    bytes: usize,
}

impl Shares {
    /// Returns the shares of a queue of this size.
    pub(super) fn of_queue(requests: usize, bytes: usize) -> Self {
        Self { requests: (requests / PART).max(1), bytes: bytes / PART, taken: Arc::default() }
    }

    /// Takes room for a command. None: the actor's other commands have to be answered first. What is larger than the share
    /// gets through alone.
    pub(super) fn take(&self, actor: &Arc<str>, bytes: usize) -> Option<Share> {
        let mut taken = self.lock();
        let own = taken.entry(Arc::clone(actor)).or_default();
        if own.requests >= self.requests || (own.requests > 0 && own.bytes + bytes > self.bytes) {
            return None;
        }
        own.requests += 1;
        own.bytes += bytes;
        Some(Share { all: self.clone(), actor: Arc::clone(actor), bytes })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Taken>> {
        // Nothing in there is half done at any time.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.all.lock();
        if let Some(own) = taken.get_mut(&self.actor) {
            own.requests -= 1;
            own.bytes -= self.bytes;
            if own.requests == 0 {
                taken.remove(&self.actor);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_actor_has_a_part_of_the_queue_and_gives_it_back() {
        let shares = Shares::of_queue(8, 400);
        let (eve, ann): (Arc<str>, Arc<str>) = ("idp:eve".into(), "idp:ann".into());
        let large = shares.take(&eve, 1_000).expect("what is larger than the share gets through alone");
        assert!(shares.take(&eve, 1).is_none());
        drop(large);
        let two = (shares.take(&eve, 50).unwrap(), shares.take(&eve, 50).unwrap());
        assert!(shares.take(&eve, 0).is_none());
        assert!(shares.take(&ann, 100).is_some());
        drop(two.0);
        assert!(shares.take(&eve, 51).is_none());
        assert!(shares.take(&eve, 50).is_some());
        drop(two.1);
        assert!(shares.lock().is_empty());
    }
}
