//! How many watches each actor has open: each takes memory for as long as it lasts, and costs a message with every change.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, PoisonError},
};

use kontraktor_access::{Authority, Caller};
use kontraktor_domain::{Code, Refusal};

/// How many watches one actor may have open, on all connections. Long polls are watches too.
const MAX_OF_ACTOR: usize = 8_192;

/// The watches of all actors. A clone counts the same.
#[derive(Debug, Clone, Default)]
pub(super) struct OpenWatches(Arc<Mutex<HashMap<Arc<str>, usize>>>);

/// One that is open; dropping it makes room.
#[derive(Debug)]
pub(super) struct OpenWatch {
    all: OpenWatches,
    actor: Arc<str>,
}

impl OpenWatches {
    /// Counts a watch, or refuses one more than the actor may have. The socket's owner has no limit.
    pub(super) fn open(&self, caller: &Caller) -> Result<OpenWatch, Refusal> {
        let actor = &caller.actor;
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(Arc::clone(actor)).or_default();
        if *count >= MAX_OF_ACTOR && caller.authority != Authority::Unrestricted {
            return Err(Refusal::new(
                Code::RateLimited,
                format!("{actor} watches {MAX_OF_ACTOR} environments at once already, which is the limit of an actor"),
            )
            .remedy("end watches that nobody needs, or share one among those that need it")
            .retry_after_ms(1_000));
        }
        *count += 1;
        Ok(OpenWatch { all: self.clone(), actor: Arc::clone(actor) })
    }
}

impl Drop for OpenWatch {
    fn drop(&mut self) {
        let mut open = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut count) = open.entry(Arc::clone(&self.actor)) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use kontraktor_access::Scopes;

    use super::*;

    #[test]
    fn an_actor_has_so_many_watches_and_nothing_is_kept_of_those_that_ended() {
        let watches = OpenWatches::default();
        let caller =
            |actor: &str| Caller { authority: Authority::Roles, ..Caller::new(actor, "test", Scopes::ALL) };
        let eve = caller("idp:eve");
        let mut open: Vec<_> = (0..MAX_OF_ACTOR).map(|_| watches.open(&eve).unwrap()).collect();
        assert_eq!(watches.open(&eve).unwrap_err().code, Code::RateLimited);
        open.push(watches.open(&caller("idp:ann")).unwrap());
        open.remove(0);
        open.push(watches.open(&eve).unwrap());
        let owner = Caller::new("unix:ada", "test", Scopes::ALL);
        open.extend((0..=MAX_OF_ACTOR).map(|_| watches.open(&owner).unwrap()));
        drop(open);
        assert!(watches.0.lock().unwrap().is_empty());
    }
}
