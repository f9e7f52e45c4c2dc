//! A request for one secret on its way through a backend.

use std::sync::Arc;

use kontraktor_model::reference::Secret;

use super::{
    answer::Resolved,
    cache::StoredSecret,
    lease::Claim,
    single_flight::{Follower, Leader},
};
use crate::{error::VaultError, secret::Bytes};

/// Who requests a secret.
#[derive(Clone, Copy)]
pub(super) enum Requester<'a> {
    /// An actor who gets the value.
    Reader(&'a Arc<str>),
    /// A check whether it can be read.
    Checker,
}

impl Requester<'_> {
    /// Returns who gets a secret that is made for this request.
    pub(super) fn owner(self) -> Option<Arc<str>> {
        match self {
            Self::Reader(actor) => Some(Arc::clone(actor)),
            Self::Checker => None,
        }
    }
}

/// A secret as a request gets it.
#[derive(Clone)]
pub(super) enum Granted {
    Shared { secret: Arc<StoredSecret>, stale: bool },
    Leased(Arc<Claim>),
}

impl Granted {
    pub(super) fn secret(&self) -> &StoredSecret {
        match self {
            Self::Shared { secret, .. } => secret,
            Self::Leased(claim) => &claim.lease().secret,
        }
    }

    /// Returns the answer with this value, which is the secret or a field of it.
    pub(super) fn resolved(&self, value: Bytes) -> Resolved {
        let StoredSecret { version, fetched, .. } = self.secret();
        let (stale, lease) = match self {
            Self::Shared { stale, .. } => (*stale, None),
            Self::Leased(claim) => (false, Some(claim.lease().term())),
        };
        Resolved { value, version: version.clone(), stale, fetched: *fetched, lease }
    }
}

/// What is left to do for a request.
pub(super) enum NextStep {
    /// Nothing.
    Done(Result<Granted, VaultError>),
    /// To wait for the flight of another request.
    Follow(Follower),
    /// To start a flight, and to wait for it.
    Lead(Leader, Follower),
}

/// What a request got out of a flight.
pub(super) enum Outcome {
    Done(Result<Granted, VaultError>),
    /// The result was not for this request, which has to begin again.
    Retry,
}

/// A fetch that a leader has to start.
pub(super) struct FetchJob {
    pub(super) leader: Leader,
    pub(super) secret: Secret,
    /// Who gets the secret, where it is made for this call; `None` for a check.
    pub(super) owner: Option<Arc<str>>,
}
