//! The caller of one request.

use std::sync::Arc;

use kontraktor_domain::Author;

use super::Scopes;

/// Who calls, through what, from where, and what they may do. Cloning it copies no text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Who: `unix:NAME` or `unix:UID` for a local peer.
    pub actor: Arc<str>,
    /// The groups that the authenticator vouches for.
    pub groups: Arc<[Arc<str>]>,
    /// What the caller may do.
    pub scopes: Scopes,
    /// Through what, in the client's own word: `terraform`, `ktr`, `api`.
    pub via: Arc<str>,
    /// From where: `pid:4711` for a local peer; empty where it is not known.
    pub peer: Arc<str>,
    /// The id of the request, which log lines carry; empty outside of one.
    pub request_id: Arc<str>,
}

impl Caller {
    /// Returns a caller of no group, from an unknown place, outside of any request.
    pub fn new(actor: impl Into<Arc<str>>, via: impl Into<Arc<str>>, scopes: Scopes) -> Self {
        Self {
            actor: actor.into(),
            groups: Arc::default(),
            scopes,
            via: via.into(),
            peer: Arc::default(),
            request_id: Arc::default(),
        }
    }

    /// Returns what the log keeps of the caller in every row.
    pub fn author(&self) -> Author {
        Author { actor: Arc::clone(&self.actor), via: Arc::clone(&self.via) }
    }
}
