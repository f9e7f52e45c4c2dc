//! Leases of dynamic secrets: prolonged, ended, and never said to last longer than the token that they hang on. Vault ends
//! them with it, and says nothing of that when it grants them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use reqwest::StatusCode;
use serde::Serialize;
use tokio::time::Instant;

use super::{
    HashicorpVault,
    answer::{Envelope, plain},
    session::Session,
    token::{Token, seconds},
    transport::Request,
};
use crate::{Fault, Lease, LeaseId, VaultError};

/// The tokens of the leases that are out. Those that never end need no place here.
#[derive(Default)]
pub(super) struct Leases(Mutex<HashMap<LeaseId, Held>>);

struct Held {
    token: Arc<Token>,
    /// When the lease ends by itself.
    ends: Instant,
}

#[derive(Serialize)]
struct ById<'a> {
    lease_id: &'a str,
    /// In seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    increment: Option<u64>,
}

#[derive(serde::Deserialize)]
struct Looked {
    #[serde(default)]
    renewable: bool,
    #[serde(default)]
    ttl: i64,
}

impl Leases {
    /// A lease as Vault granted it under a token, with as much of it as the token lets it have.
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
        held.retain(|_, lease| lease.ends > now && !lease.token.is_over());
        held.insert(id.clone(), Held { token: Arc::clone(token), ends: now + duration });
        if duration <= left {
            return Lease { id, duration, renewable };
        }
        // A token that was replaced is not prolonged any more.
        let goes_on = token.is_renewable() && session.is_current(token);
        Lease { id, duration: left, renewable: renewable && goes_on }
    }

    fn token(&self, id: &LeaseId) -> Option<Arc<Token>> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.get(id).map(|lease| Arc::clone(&lease.token))
    }

    fn forget(&self, id: &LeaseId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}

impl HashicorpVault {
    pub(super) async fn renew_lease(&self, id: &LeaseId, increment: Duration) -> Result<Lease, VaultError> {
        let vault = &self.name;
        let asked = ById { lease_id: &id.0, increment: Some(increment.as_secs().max(1)) };
        let answer = self.session.call(&Request::post("sys/leases/renew", &asked)).await?.0;
        match answer.status {
            StatusCode::OK => {}
            // The same for a lease that is over and for a database that does not answer Vault.
            StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND => return Err(self.not_renewed(id).await),
            _ => {
                return Err(answer.refusal(
                    vault,
                    "prolong leases",
                    "give the daemon's token a policy that may update sys/leases/renew, such as \"default\"",
                ));
            }
        }
        let renewed: Envelope<'_> = answer.read(vault)?;
        let duration = seconds(renewed.lease_duration);
        Ok(match self.leases.token(id) {
            Some(token) => {
                self.leases.granted(&self.session, &token, id.clone(), duration, renewed.renewable)
            }
            None => Lease { id: id.clone(), duration, renewable: renewed.renewable },
        })
    }

    /// Why Vault did not prolong a lease.
    async fn not_renewed(&self, id: &LeaseId) -> VaultError {
        let vault = &self.name;
        match self.lease_is_there(id).await {
            Ok(Some(lease)) if lease.renewable && lease.ttl > 0 => {}
            Ok(_) => {
                self.leases.forget(id);
                return VaultError::new(
                    Fault::LeaseGone,
                    format!("the lease in vault \"{vault}\" is over, or cannot be prolonged"),
                )
                .remedy("read the secret again: that makes a new one");
            }
            // The outage that this tells of is the reason.
            Err(error) if error.is_outage() => return error,
            // It may not look.
            Err(_) => {}
        }
        VaultError::new(Fault::Unavailable, format!("vault \"{vault}\" cannot prolong the lease now"))
            .remedy("check that Vault reaches what the secret is for, such as the database")
    }

    /// What Vault knows of a lease; `None`: nothing any more.
    async fn lease_is_there(&self, id: &LeaseId) -> Result<Option<Looked>, VaultError> {
        let asked = ById { lease_id: &id.0, increment: None };
        let answer = self.session.call(&Request::post("sys/leases/lookup", &asked)).await?.0;
        match answer.status {
            StatusCode::OK => plain(answer.read::<Envelope<'_>>(&self.name)?.data, &self.name).map(Some),
            StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND => Ok(None),
            _ => Err(answer.refusal(&self.name, "look leases up", "")),
        }
    }

    /// Vault takes the lease in hand, and tries again by itself where the database does not answer it.
    pub(super) async fn revoke_lease(&self, id: &LeaseId) -> Result<(), VaultError> {
        let vault = &self.name;
        let asked = ById { lease_id: &id.0, increment: None };
        let answer = self.session.call(&Request::post("sys/leases/revoke", &asked)).await?.0;
        match answer.status {
            status if status.is_success() => {}
            StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND => {
                if self.lease_is_there(id).await?.is_some() {
                    return Err(VaultError::new(
                        Fault::Unavailable,
                        format!("vault \"{vault}\" cannot end the lease now"),
                    )
                    .remedy("see Vault's own log for the reason; the lease ends by its time"));
                }
            }
            _ => {
                return Err(answer.refusal(
                    vault,
                    "end leases",
                    "give the daemon's token a policy that may update sys/leases/revoke; until then leases end by their time",
                ));
            }
        }
        self.leases.forget(id);
        Ok(())
    }
}
