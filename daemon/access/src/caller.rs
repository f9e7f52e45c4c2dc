//! The caller of one request.

use std::sync::Arc;

use jiff::Timestamp;
use kontraktor_domain::Author;

use super::Scopes;

/// What limits a caller beside their scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authority {
    /// Nothing: the daemon's own user and root, over the socket.
    Unrestricted,
    /// The roles that are bound to the actor and the groups.
    Roles,
}

/// Who calls, through what, from where, and what they may do. Cloning it copies no text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Who, by an identifier that never changes hands: `unix:NAME` or `unix:UID` for a local peer, `ISSUER:SUBJECT` for a
    /// token, `service-account:NAME`, `cert:NAME` for a client certificate.
    pub actor: Arc<str>,
    /// The actor's readable name, where the authenticator knows one. It proves nothing.
    pub display_name: Option<Arc<str>>,
    /// The groups that the authenticator vouches for, each with its origin: `ISSUER:GROUP`, `cert:GROUP`.
    pub groups: Arc<[Arc<str>]>,
    /// What the caller may do.
    pub scopes: Scopes,
    /// Whether they also need roles.
    pub authority: Authority,
    /// Through what, in the client's own word: `terraform`, `ktr`, `api`.
    pub via: Arc<str>,
    /// From where: `pid:4711` for a local peer, an address otherwise, with the client certificate's name where the request has
    /// a token too (`203.0.113.7 cert:ci`); `None` where it is not known.
    pub peer: Option<Arc<str>>,
    /// From when on the credentials are not accepted any more, which ends what outlives its request; `None` where they have no
    /// end of their own.
    pub expires: Option<Timestamp>,
    /// The id of the request, which log lines carry; `None` outside of one.
    pub request_id: Option<Arc<str>>,
}

impl Caller {
    /// Returns an unrestricted caller of no group, from an unknown place, outside of any request.
    pub fn new(actor: impl Into<Arc<str>>, via: impl Into<Arc<str>>, scopes: Scopes) -> Self {
        Self {
            actor: actor.into(),
            display_name: None,
            groups: Arc::default(),
            scopes,
            authority: Authority::Unrestricted,
            via: via.into(),
            peer: None,
            expires: None,
            request_id: None,
        }
    }

    /// Returns what the log keeps of the caller: who and through what in every row, and the readable name once.
    pub fn author(&self) -> Author {
        Author {
            actor: Arc::clone(&self.actor),
            via: Arc::clone(&self.via),
            display_name: self.display_name.clone(),
        }
    }
}
