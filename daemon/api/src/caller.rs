//! Who calls: the uid of the process at the other end of the socket, and the name that its client gives itself.
//!
//! The uid comes from the kernel (SO_PEERCRED of unix(7)), the client's name from metadata: the one is proof, the other
//! is a label for the log.

use std::sync::Arc;

use kontraktor_model::limits::{DEFAULT_VIA, MAX_VIA_CHARS, VIA_METADATA};
use nix::unistd::{Uid, User, geteuid};
use tonic::{Request, Status, service::Interceptor, transport::server::UdsConnectInfo};

use super::{calls, convert};
use kontraktor_access::{Caller, Scopes};
use kontraktor_domain::{Code, Refusal};

/// Lets the daemon's own user and root in, and puts the [`Caller`] into the request's extensions.
#[derive(Debug, Clone)]
pub(super) struct Gate {
    admitted: Arc<[(u32, String)]>,
}

impl Gate {
    /// Looks the names of the two admitted users up, once: a lookup may ask the network.
    pub(super) fn new() -> Self {
        let mut uids = vec![geteuid(), Uid::from_raw(0)];
        uids.dedup();
        Self { admitted: uids.into_iter().map(|uid| (uid.as_raw(), actor(uid))).collect() }
    }

    fn admit(&self, uid: Option<u32>, pid: Option<i32>, via: Option<&[u8]>) -> Result<Caller, Refusal> {
        let Some(uid) = uid else {
            return Err(unknown_caller());
        };
        let Some((_, actor)) = self.admitted.iter().find(|(admitted, _)| *admitted == uid) else {
            tracing::warn!(uid, "a call of another user was denied");
            return Err(Refusal::new(
                Code::Denied,
                format!("uid {uid} may not use this daemon; only its own user and root may"),
            )
            .remedy("start a daemon of your own, or ask as the user that this one runs as"));
        };
        // Both own the daemon.
        let caller = Caller::new(actor.as_str(), checked_via(via)?, Scopes::ALL);
        Ok(Caller { peer: pid.map(|pid| format!("pid:{pid}")).unwrap_or_default().into(), ..caller })
    }
}

impl Interceptor for Gate {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let peer = request.extensions().get::<UdsConnectInfo>().and_then(|peer| peer.peer_cred);
        let (uid, pid) = (peer.map(|peer| peer.uid()), peer.and_then(|peer| peer.pid()));
        let via = request.metadata().get(VIA_METADATA).map(|via| via.as_bytes().to_owned());
        let caller = self.admit(uid, pid, via.as_deref()).map_err(convert::status)?;
        calls::record_caller(&caller.actor, &caller.via);
        request.extensions_mut().insert(Arc::new(caller));
        Ok(request)
    }
}

/// Who calls, as the gate found out.
pub(super) fn caller<T>(request: &Request<T>) -> Result<Arc<Caller>, Status> {
    request.extensions().get::<Arc<Caller>>().cloned().ok_or_else(|| convert::status(unknown_caller()))
}

fn unknown_caller() -> Refusal {
    Refusal::new(Code::Denied, "the system does not say who calls")
}

fn actor(uid: Uid) -> String {
    match User::from_uid(uid) {
        Ok(Some(user)) => format!("unix:{}", user.name),
        Ok(None) => format!("unix:{uid}"),
        Err(error) => {
            tracing::warn!(%uid, %error, "the user's name could not be looked up; the log will hold the uid");
            format!("unix:{uid}")
        }
    }
}

fn checked_via(via: Option<&[u8]>) -> Result<&str, Refusal> {
    let Some(via) = via else { return Ok(DEFAULT_VIA) };
    let allowed = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
    let checked = std::str::from_utf8(via)
        .ok()
        .filter(|text| (1..=MAX_VIA_CHARS).contains(&text.len()) && text.as_bytes().iter().all(allowed));
    checked.ok_or_else(|| {
        Refusal::invalid(
            VIA_METADATA,
            format!("{VIA_METADATA} must be 1 to {MAX_VIA_CHARS} characters of a-z, 0-9 and -"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate() -> Gate {
        Gate { admitted: [(1000, "unix:ada".to_owned())].into() }
    }

    #[test]
    fn the_own_user_is_admitted_with_the_name_of_its_client() {
        let caller = gate().admit(Some(1000), Some(4711), Some(b"terraform")).unwrap();
        assert_eq!((&*caller.actor, &*caller.via), ("unix:ada", "terraform"));
        assert_eq!(&*gate().admit(Some(1000), Some(4711), None).unwrap().via, "api");
    }

    #[test]
    fn others_are_denied() {
        let denied = gate().admit(Some(1001), Some(4711), None).unwrap_err();
        assert_eq!(denied.code, Code::Denied);
        insta::assert_snapshot!(denied.message, @"uid 1001 may not use this daemon; only its own user and root may");
        assert_eq!(gate().admit(None, Some(4711), None).unwrap_err().code, Code::Denied);
    }

    #[test]
    fn a_client_name_against_the_rule_is_refused() {
        for via in [&b""[..], b"Terraform", b"a b", b"caf\xc3\xa9", &[b'a'; 33]] {
            let refused = gate().admit(Some(1000), Some(4711), Some(via)).unwrap_err();
            assert_eq!((refused.code, &*refused.field), (Code::Invalid, "kontraktor-via"));
        }
    }

    #[test]
    fn a_uid_without_a_name_stands_for_itself() {
        assert_eq!(actor(Uid::from_raw(3_999_999_999)), "unix:3999999999");
    }
}
