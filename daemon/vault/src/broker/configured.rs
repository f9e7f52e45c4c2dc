//! A vault as the operator configured it.

use std::sync::Arc;

use jiff::Timestamp;
use kontraktor_model::names::VaultName;

use super::limits::Limits;
use crate::{
    Grants,
    error::{VaultError, VaultErrorKind},
    vault::Vault,
};

/// Tells the time for people.
pub(super) type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// A vault as the operator configured it.
pub struct ConfiguredVault {
    /// Its name.
    pub name: VaultName,
    /// The name of its kind, which is the scheme of references to it.
    pub kind: &'static str,
    /// Its address; `None` where its platform decides.
    pub address: Option<String>,
    /// How it is treated.
    pub limits: Limits,
    /// What it grants to environments.
    pub grants: Grants,
    /// The SHA-256 of its `ca_file`, where it has one: a vault trusts what was in the file when it was built.
    pub ca_digest: Option<[u8; 32]>,
    /// The vault itself.
    pub vault: Arc<dyn Vault>,
}

impl ConfiguredVault {
    /// Returns a remark where the vault grants nothing to environments.
    pub fn without_grants(&self) -> Option<String> {
        self.grants.is_empty().then(|| {
            format!(
                "vault \"{}\" has no `allow`: it serves the daemon's own user over the socket, and owners of * with the scope admin; add \
                 grants such as `allow = [{{ env = \"infra-demo/*\", path = \"secret/app/*\" }}]` to serve others",
                self.name
            )
        })
    }

    /// Returns the error of a call that was not answered within the configured timeout.
    pub fn timed_out(&self) -> VaultError {
        timed_out(&self.name, &self.limits)
    }
}

pub(super) fn timed_out(name: &VaultName, limits: &Limits) -> VaultError {
    let timeout = humantime::format_duration(limits.timeout);
    VaultError::new(VaultErrorKind::Unavailable, format!("vault \"{name}\" did not answer within {timeout}"))
        .remedy(format!("run `kontraktord vault check {name}`, or raise `timeout` in its [[vault]] table"))
}
