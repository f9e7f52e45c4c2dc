//! Holds: what an actor has said to need until further notice. A hold claims all leases of one answer; it ends when it is
//! released, or when nobody has renewed it in time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use jiff::Timestamp;
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use super::{
    Fault, HoldTerm, VaultError,
    lease::{Claim, later},
};

/// However short the leases are, a client is not asked to come more often.
const SHORTEST: Duration = Duration::from_secs(30);

/// All holds, of all vaults.
#[derive(Default)]
pub(super) struct Holds(Mutex<State>);

#[derive(Default)]
struct State {
    open: HashMap<Uuid, Hold>,
    /// The daemon stops: none is opened any more.
    closed: bool,
}

struct Hold {
    actor: Arc<str>,
    claims: Vec<Claim>,
    expires: Instant,
}

impl Holds {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a hold on these leases; `None` after [`close`](Self::close).
    pub(super) fn open(
        self: &Arc<Self>,
        claims: Vec<Claim>,
        actor: &Arc<str>,
        now: Instant,
        wall: Timestamp,
    ) -> Option<HoldTerm> {
        let id = Uuid::new_v4();
        let span = span(&claims, now);
        let expires = now + span;
        let mut state = self.state();
        if state.closed {
            return None;
        }
        state.open.insert(id, Hold { actor: Arc::clone(actor), claims, expires });
        drop(state);
        tokio::spawn(expire(Arc::downgrade(self), id, expires));
        Some(term(id, span, wall))
    }

    /// Keeps a hold for another term. Where a lease under it has ended, that is said each time, and the hold stays for the
    /// others.
    pub(super) fn renew(
        &self,
        id: Uuid,
        actor: &str,
        now: Instant,
        wall: Timestamp,
    ) -> Result<HoldTerm, VaultError> {
        let open = &mut self.state().open;
        let hold = open.get_mut(&id).filter(|hold| &*hold.actor == actor && now < hold.expires);
        let Some(hold) = hold else { return Err(over()) };
        let all = hold.claims.len();
        let living = hold.claims.iter().filter(|claim| claim.lease().lives(now)).count();
        if living == 0 {
            open.remove(&id);
            return Err(over());
        }
        let span = span(&hold.claims, now);
        hold.expires = now + span;
        if living < all {
            return Err(some_over(all - living, all));
        }
        Ok(term(id, span, wall))
    }

    /// Ends a hold. One that is over already is no error.
    pub(super) fn release(&self, id: Uuid, actor: &str) -> Result<(), VaultError> {
        let open = &mut self.state().open;
        if open.get(&id).is_some_and(|hold| &*hold.actor != actor) {
            return Err(over());
        }
        open.remove(&id);
        Ok(())
    }

    /// Ends all holds, for good.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        state.open.clear();
    }
}

/// Ends a hold in time, unless it is renewed.
async fn expire(holds: Weak<Holds>, id: Uuid, mut at: Instant) {
    loop {
        sleep_until(at).await;
        let Some(holds) = holds.upgrade() else { return };
        let open = &mut holds.state().open;
        match open.get(&id) {
            None => return,
            Some(hold) if Instant::now() < hold.expires => at = hold.expires,
            Some(_) => {
                tracing::debug!(hold = %id, "a hold was not renewed in time");
                open.remove(&id);
                return;
            }
        }
    }
}

/// The term of a hold: as long as the shortest of its leases that live.
fn span(claims: &[Claim], now: Instant) -> Duration {
    let living = claims.iter().map(Claim::lease).filter(|lease| lease.lives(now));
    living.map(|lease| lease.span(now)).min().unwrap_or_default().max(SHORTEST)
}

fn term(id: Uuid, span: Duration, wall: Timestamp) -> HoldTerm {
    HoldTerm { id, expires: later(wall, span), renew_at: later(wall, span * 2 / 3) }
}

fn over() -> VaultError {
    VaultError::new(Fault::LeaseGone, "the hold is over, or is not yours")
        .remedy("read the secret again: that makes a new one where the one before has ended")
}

fn some_over(gone: usize, all: usize) -> VaultError {
    VaultError::new(
        Fault::LeaseGone,
        format!("{gone} of the {all} leases of this hold have ended; the hold goes on for the others"),
    )
    .remedy("read the secrets again: that makes new ones where those before have ended")
}
