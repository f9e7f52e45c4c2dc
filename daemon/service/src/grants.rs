//! Vault grants: which references an environment may hold and resolve, as the operator configured it.

use kontraktor_access::{Action, Authority, Caller, Resource, Rights};
use kontraktor_domain::{Code, Refusal, State};
use kontraktor_model::{
    access::{Pattern, Scope},
    names::EnvPath,
    reference::Reference,
};
use kontraktor_vault::VaultInfo;

use super::Service;

impl Service {
    /// Refuses a reference that an environment may not hold, or that nobody may resolve without an environment. The denial is
    /// counted. It is the same whether the vault exists or not.
    pub(super) fn authorize_reference(
        &self,
        state: &State,
        caller: &Caller,
        action: Action,
        environment: Option<&EnvPath>,
        reference: &Reference,
    ) -> Result<(), Refusal> {
        self.decide_reference(state, caller, environment, reference)
            .inspect_err(|_| self.count_denial(caller, action, Resource::Reference(reference)))
    }

    /// The same without counting the denial.
    pub(super) fn decide_reference(
        &self,
        state: &State,
        caller: &Caller,
        environment: Option<&EnvPath>,
        reference: &Reference,
    ) -> Result<(), Refusal> {
        if reaches_every_vault(Rights::new(caller, state.roles()))
            || self.inner.broker.grants(environment, reference)
        {
            return Ok(());
        }
        let vault = reference.vault();
        let (whom, example) = match environment {
            Some(path) => (format!("environment \"{path}\""), path.to_string()),
            None => ("a request without an environment".to_owned(), "*".to_owned()),
        };
        Err(Refusal::new(
            Code::Denied,
            format!("permission denied: vault \"{vault}\" does not grant this path to {whom}"),
        )
        .field("reference")
        .remedy(format!(
            "ask the daemon's operator for a grant such as `allow = [{{ env = \"{example}\", path = \"…\" }}]` in the vault's [[vault]] table"
        )))
    }

    /// Returns whether a caller may know of a vault: one of its grants is for an environment that they may read.
    pub(super) fn sees_vault(rights: Rights<'_>, patterns: Option<&[Pattern]>, vault: &VaultInfo) -> bool {
        let granted = |patterns: &[Pattern]| {
            vault.granted_to.iter().any(|granted| patterns.iter().any(|pattern| pattern.overlaps(granted)))
        };
        reaches_every_vault(rights) || patterns.is_none_or(granted)
    }
}

/// The socket's owner, and those who own everything and may use that: grants do not limit them.
fn reaches_every_vault(rights: Rights<'_>) -> bool {
    rights.caller().authority == Authority::Unrestricted || rights.on(Resource::Daemon).contains(Scope::Admin)
}
