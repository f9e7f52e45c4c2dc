//! Leases of dynamic secrets: renewed and revoked.

use std::time::Duration;

use reqwest::StatusCode;
use serde::Deserialize;

use super::{
    answer::{Envelope, parse_data},
    endpoints::{LookUpLease, RenewLease, RevokeLease},
    request::Request,
    token::seconds,
    vault::HashicorpVault,
};
use crate::{
    error::{VaultError, VaultErrorKind},
    secret::{Lease, LeaseId},
};

#[derive(Deserialize)]
struct LeaseInfo {
    #[serde(default)]
    renewable: bool,
    #[serde(default)]
    ttl: i64,
}

impl HashicorpVault {
    pub(super) async fn renew_lease(&self, id: &LeaseId, increment: Duration) -> Result<Lease, VaultError> {
        let vault = &self.name;
        let renew = RenewLease { lease_id: &id.0, increment: increment.as_secs().max(1) };
        let answer = self.session.call(&Request::of(&renew)).await?.0;
        match answer.status {
            StatusCode::OK => {}
            // The same status is for a lease that has ended and for a database that does not answer Vault.
            StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND => return Err(self.renewal_error(id).await),
            _ => {
                return Err(answer.error(
                    vault,
                    "renew leases",
                    "grant the daemon's token a policy that may update sys/leases/renew, such as \"default\"",
                ));
            }
        }
        let renewed: Envelope<'_> = answer.parse(vault)?;
        let duration = seconds(renewed.lease_duration);
        Ok(match self.leases.token(id) {
            Some(token) => {
                self.leases.granted(&self.session, &token, id.clone(), duration, renewed.renewable)
            }
            None => Lease { id: id.clone(), duration, renewable: renewed.renewable },
        })
    }

    /// Returns why Vault did not renew a lease.
    async fn renewal_error(&self, id: &LeaseId) -> VaultError {
        let vault = &self.name;
        match self.lease_info(id).await {
            Ok(Some(lease)) if lease.renewable && lease.ttl > 0 => {}
            Ok(_) => {
                self.leases.forget(id);
                return VaultError::new(
                    VaultErrorKind::LeaseGone,
                    format!("the lease in vault \"{vault}\" has expired or is not renewable"),
                )
                .remedy("read the secret again for a new one");
            }
            // This outage is the reason.
            Err(error) if error.is_outage() => return error,
            // The daemon may not look up leases.
            Err(_) => {}
        }
        VaultError::new(VaultErrorKind::Unavailable, format!("vault \"{vault}\" cannot renew the lease now"))
            .remedy("check that Vault reaches the secret's system, such as the database")
    }

    /// Returns what Vault knows of a lease; `None` where it has ended.
    async fn lease_info(&self, id: &LeaseId) -> Result<Option<LeaseInfo>, VaultError> {
        let answer = self.session.call(&Request::of(&LookUpLease { lease_id: &id.0 })).await?.0;
        match answer.status {
            StatusCode::OK => {
                parse_data(answer.parse::<Envelope<'_>>(&self.name)?.data, &self.name).map(Some)
            }
            StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND => Ok(None),
            _ => Err(answer.error(&self.name, "look up leases", "")),
        }
    }

    /// Revokes a lease. Vault retries where the database does not answer.
    pub(super) async fn revoke_lease(&self, id: &LeaseId) -> Result<(), VaultError> {
        let vault = &self.name;
        let answer = self.session.call(&Request::of(&RevokeLease { lease_id: &id.0 })).await?.0;
        match answer.status {
            status if status.is_success() => {}
            StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND => {
                if self.lease_info(id).await?.is_some() {
                    return Err(VaultError::new(
                        VaultErrorKind::Unavailable,
                        format!("vault \"{vault}\" cannot revoke the lease now"),
                    )
                    .remedy("see Vault's log for the reason; the lease expires anyway"));
                }
            }
            _ => {
                return Err(answer.error(
                    vault,
                    "revoke leases",
                    "grant the daemon's token a policy that may update sys/leases/revoke; until then leases expire",
                ));
            }
        }
        self.leases.forget(id);
        Ok(())
    }
}
