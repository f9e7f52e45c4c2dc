//! One HashiCorp Vault: its parts. What it can do is in the other modules.

use std::sync::Arc;

use kontraktor_model::names::VaultName;

use super::{
    mounts::Mounts,
    session::Session,
    settings::{CheckedSettings, HashicorpSettings},
    token_leases::TokenLeases,
    transport::Transport,
};

/// One HashiCorp Vault.
///
/// Its calls need a tokio runtime. A call that is dropped is cancelled, except for a sign-in that it started; a dynamic secret
/// that it made expires.
pub struct HashicorpVault {
    pub(super) name: VaultName,
    pub(super) transport: Arc<Transport>,
    pub(super) session: Session,
    pub(super) mounts: Mounts,
    pub(super) leases: TokenLeases,
}

impl HashicorpVault {
    /// Makes a vault. Reads `ca_file`, `cert_file` and `key_file`, and sends nothing.
    ///
    /// # Errors
    /// The setting that is wrong, and why.
    pub fn new(name: &VaultName, settings: HashicorpSettings) -> Result<Self, String> {
        let checked = CheckedSettings::try_from(settings)?;
        let transport = Arc::new(Transport::new(name.clone(), &checked)?);
        let session = Session::new(Arc::clone(&transport), checked.method);
        Ok(Self {
            name: name.clone(),
            transport,
            session,
            mounts: Mounts::default(),
            leases: TokenLeases::default(),
        })
    }
}
