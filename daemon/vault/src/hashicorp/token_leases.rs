//! The tokens that leases depend on: Vault ends a lease with its token, and does not say so when it grants the lease.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{session::Session, token::Token};
use crate::secret::{Lease, LeaseId};

/// The tokens of the leases that have not ended. Tokens that never expire are left out.
#[derive(Default)]
pub(super) struct TokenLeases(Mutex<HashMap<LeaseId, LeaseToken>>);

struct LeaseToken {
    token: Arc<Token>,
    /// When the lease expires.
    expires: Instant,
}

impl TokenLeases {
    /// Returns a lease that Vault granted under a token, limited to the life of the token.
    pub(super) fn granted(
        &self,
        session: &Session,
        token: &Arc<Token>,
        id: LeaseId,
        duration: Duration,
        renewable: bool,
    ) -> Lease {
        let Some(left) = token.left() else { return Lease { id, duration, renewable } };
        let now = Instant::now();
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|_, lease| lease.expires > now && !lease.token.is_expired());
        held.insert(id.clone(), LeaseToken { token: Arc::clone(token), expires: now + duration });
        if duration <= left {
            return Lease { id, duration, renewable };
        }
        // A token that was replaced is not renewed any more.
        let is_kept = token.is_renewable() && session.is_current(token);
        Lease { id, duration: left, renewable: renewable && is_kept }
    }

    /// Returns the token of a lease.
    pub(super) fn token(&self, id: &LeaseId) -> Option<Arc<Token>> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.get(id).map(|lease| Arc::clone(&lease.token))
    }

    pub(super) fn forget(&self, id: &LeaseId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}
