//! Who may call from the network, and how often: opened with the data, and replaced when the configuration is read again.

use std::sync::Arc;

use kontraktor_api::{Identity, RateLimits};
use kontraktor_identity::{KeyStoreError, SigningKeys, TokenIssuer};

use crate::{
    clock,
    config::Config,
    exit::{Exit, Failure},
};

/// Who may call, and how often.
#[derive(Debug, Clone)]
pub(super) struct Callers {
    pub(super) identity: Arc<Identity>,
    pub(super) limits: Arc<RateLimits>,
}

impl Callers {
    /// Opens the keys that sign tokens, which are in the data directory, and reads who may call.
    pub(super) async fn open(config: &Config) -> Result<Self, Failure> {
        let data_dir = config.data_dir.value.clone();
        let opening = tokio::task::spawn_blocking(move || SigningKeys::open(&data_dir, clock::now()));
        let keys = opening.await.map_err(|error| {
            Failure::new(Exit::Failure, format!("opening the keys that sign tokens failed: {error}"))
        })??;
        let identities = &config.identities;
        let lifetime = identities.token_lifetime.value;
        let tokens = TokenIssuer::new(identities.public_url.value.as_str(), keys, lifetime);
        Ok(Self {
            identity: Arc::new(Identity::new(tokens, identities.issuers()?, identities.certificates()?)),
            limits: Arc::new(RateLimits::new(identities.limits.value)),
        })
    }
}

impl From<KeyStoreError> for Failure {
    fn from(error: KeyStoreError) -> Self {
        Self::new(Exit::Data, error)
    }
}
