//! The peer of the unix socket: the uid of the process at its other end, and the name that the client gives itself.
//!
//! The uid comes from the kernel (SO_PEERCRED of unix(7)), the client's name from metadata: the one is proof, the other
//! is a label for the log.

use kontraktor_access::{Caller, Scopes};
use kontraktor_domain::{Code, Refusal};
use nix::unistd::{Uid, User, geteuid};
use tonic::{async_trait, codegen::http};

use super::{AuthenticationError, Authenticator, via::via};
use crate::listener::Peer;

/// Admits the daemon's own user and root, who may do everything.
#[derive(Debug)]
pub(crate) struct PeerAuthenticator {
    owners: Vec<(u32, String)>,
}

impl PeerAuthenticator {
    /// Looks up the names of the two owners, once: a lookup may ask the network.
    pub(crate) fn new() -> Self {
        let mut uids = vec![geteuid(), Uid::from_raw(0)];
        uids.dedup();
        Self { owners: uids.into_iter().map(|uid| (uid.as_raw(), actor(uid))).collect() }
    }

    fn admit(&self, uid: u32, pid: Option<i32>, via: &str) -> Result<Caller, Refusal> {
        let Some((_, actor)) = self.owners.iter().find(|(owner, _)| *owner == uid) else {
            tracing::warn!(uid, "rejected a call of another user");
            return Err(Refusal::new(
                Code::Denied,
                format!("uid {uid} may not use this daemon; only its own user and root may"),
            )
            .remedy("start your own daemon, or connect as the user that this daemon runs as"));
        };
        let caller = Caller::new(actor.as_str(), via, Scopes::ALL);
        Ok(Caller { peer: pid.map(|pid| format!("pid:{pid}").into()), ..caller })
    }
}

#[async_trait]
impl Authenticator for PeerAuthenticator {
    async fn authenticate(
        &self,
        parts: &http::request::Parts,
    ) -> Result<Option<Caller>, AuthenticationError> {
        let Some(Peer::Unix { uid: Some(uid), pid }) = parts.extensions.get::<Peer>() else {
            return Ok(None);
        };
        Ok(Some(self.admit(*uid, *pid, via(&parts.headers)?)?))
    }
}

fn actor(uid: Uid) -> String {
    match User::from_uid(uid) {
        Ok(Some(user)) => format!("unix:{}", user.name),
        Ok(None) => format!("unix:{uid}"),
        Err(error) => {
            tracing::warn!(%uid, %error, "cannot look up the user's name; the log shows the uid instead");
            format!("unix:{uid}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authenticator() -> PeerAuthenticator {
        PeerAuthenticator { owners: [(1000, "unix:ada".to_owned())].into() }
    }

    #[test]
    fn the_own_user_is_admitted_with_the_name_of_its_client() {
        let caller = authenticator().admit(1000, Some(4711), "terraform").unwrap();
        assert_eq!(
            (&*caller.actor, &*caller.via, caller.peer.as_deref()),
            ("unix:ada", "terraform", Some("pid:4711"))
        );
    }

    #[test]
    fn others_are_denied() {
        let denied = authenticator().admit(1001, Some(4711), "api").unwrap_err();
        assert_eq!(denied.code, Code::Denied);
        insta::assert_snapshot!(denied.message, @"uid 1001 may not use this daemon; only its own user and root may");
    }

    #[test]
    fn a_uid_without_a_name_is_shown_as_a_number() {
        assert_eq!(actor(Uid::from_raw(3_999_999_999)), "unix:3999999999");
    }
}
