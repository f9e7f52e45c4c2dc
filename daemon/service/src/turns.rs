//! Turns at reading the log. Only some reads of the log run at a time, in the order in which they came: each actor waits there with a
//! few of them, so that the others do not wait for everything that one asks for.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use kontraktor_access::Caller;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many reads of one actor run or wait for the others: as many as run at a time.
const OF_ACTOR: usize = 2;

/// Those who read, or wait for that. A clone is the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Turns(Arc<Mutex<HashMap<Arc<str>, Arc<Semaphore>>>>);

/// The turn of an actor; dropping it makes it that of their next read.
#[derive(Debug)]
pub(super) struct Turn {
    all: Turns,
    actor: Arc<str>,
    /// None only while it is dropped.
    own: Option<Arc<Semaphore>>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Turns {
    /// Waits until the caller may ask for another read.
    pub(super) async fn of(&self, caller: &Caller) -> Turn {
        let actor = Arc::clone(&caller.actor);
        let own = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(Arc::clone(&actor)).or_insert_with(|| Arc::new(Semaphore::new(OF_ACTOR))))
        };
        // Made before the wait, which its caller may give up.
        let mut turn = Turn { all: self.clone(), actor, own: Some(Arc::clone(&own)), permit: None };
        // It is never closed.
        turn.permit = own.acquire_owned().await.ok();
        turn
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        drop(self.permit.take());
        let mut all = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.own.take());
        if all.get(&self.actor).is_some_and(|own| Arc::strong_count(own) == 1) {
            all.remove(&self.actor);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kontraktor_access::Scopes;
    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_actor_has_a_few_turns_and_others_do_not_wait_for_them() {
        let turns = Turns::default();
        let (eve, ann) =
            (Caller::new("idp:eve", "test", Scopes::NONE), Caller::new("idp:ann", "test", Scopes::NONE));
        let held = (turns.of(&eve).await, turns.of(&eve).await);
        let soon = Duration::from_secs(1);
        assert!(timeout(soon, turns.of(&eve)).await.is_err());
        drop(timeout(soon, turns.of(&ann)).await.unwrap());
        drop(held.0);
        drop(timeout(soon, turns.of(&eve)).await.unwrap());
        // Also where one gave up waiting after the last turn had ended.
        let other = turns.of(&eve).await;
        let mut waiting = Box::pin(turns.of(&eve));
        assert!(timeout(soon, &mut waiting).await.is_err());
        drop((held.1, other));
        drop(waiting);
        assert!(turns.0.lock().unwrap().is_empty());
    }
}
