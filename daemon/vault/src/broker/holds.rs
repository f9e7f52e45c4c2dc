//! Holds: an actor's claims on all leases of one answer. A hold ends when it is released, or when it is not renewed in time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use jiff::Timestamp;
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use super::{
    answer::HoldTerm,
    lease::{Claim, saturating_add},
};
use crate::error::{VaultError, VaultErrorKind};

/// The shortest term of a hold, however short the leases are.
const MIN_TERM: Duration = Duration::from_secs(30);

/// All holds, of all vaults.
#[derive(Default)]
pub(super) struct Holds(Mutex<State>);

#[derive(Default)]
struct State {
    open: HashMap<Uuid, Hold>,
    /// Whether the daemon stops, so that no hold is opened any more.
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

    /// Keeps a hold for another term. Where one of its leases has ended, this is an error each time, and the hold continues
    /// for the others.
    pub(super) fn renew(
        &self,
        id: Uuid,
        actor: &str,
        now: Instant,
        wall: Timestamp,
    ) -> Result<HoldTerm, VaultError> {
        let open = &mut self.state().open;
        let hold = open.get_mut(&id).filter(|hold| &*hold.actor == actor && now < hold.expires);
        let Some(hold) = hold else { return Err(expired()) };
        let all = hold.claims.len();
        let alive = hold.claims.iter().filter(|claim| claim.lease().is_alive(now)).count();
        if alive == 0 {
            open.remove(&id);
            return Err(expired());
        }
        let span = span(&hold.claims, now);
        hold.expires = now + span;
        if alive < all {
            return Err(some_expired(all - alive, all));
        }
        Ok(term(id, span, wall))
    }

    /// Ends a hold. One that has ended already is not an error.
    pub(super) fn release(&self, id: Uuid, actor: &str) -> Result<(), VaultError> {
        let open = &mut self.state().open;
        if open.get(&id).is_some_and(|hold| &*hold.actor != actor) {
            return Err(expired());
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

/// Ends a hold when it expires.
async fn expire(holds: Weak<Holds>, id: Uuid, mut at: Instant) {
    loop {
        sleep_until(at).await;
        let Some(holds) = holds.upgrade() else { return };
        let open = &mut holds.state().open;
        match open.get(&id) {
            None => return,
            Some(hold) if Instant::now() < hold.expires => at = hold.expires,
            Some(_) => {
                tracing::debug!(hold = %id, "a hold has expired");
                open.remove(&id);
                return;
            }
        }
    }
}

/// Returns the term of a hold, which is that of its shortest lease.
fn span(claims: &[Claim], now: Instant) -> Duration {
    let alive = claims.iter().map(Claim::lease).filter(|lease| lease.is_alive(now));
    alive.map(|lease| lease.hold_term(now)).min().unwrap_or_default().max(MIN_TERM)
}

fn term(id: Uuid, span: Duration, wall: Timestamp) -> HoldTerm {
    HoldTerm { id, expires: saturating_add(wall, span), renew_at: saturating_add(wall, span * 2 / 3) }
}

fn expired() -> VaultError {
    VaultError::new(VaultErrorKind::LeaseGone, "the hold has expired, or belongs to another actor")
        .remedy("read the secret again for a new one")
}

fn some_expired(expired: usize, all: usize) -> VaultError {
    VaultError::new(
        VaultErrorKind::LeaseGone,
        format!("{expired} of the {all} leases of this hold have expired; the hold continues for the others"),
    )
    .remedy("read the secrets again for new ones")
}
