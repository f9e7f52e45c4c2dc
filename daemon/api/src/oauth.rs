//! The token endpoint (RFC 6749 §4.4), what clients need to find it (RFC 8414), and the keys of the daemon's tokens.

mod credentials;
mod error;
mod form;
mod metadata;
mod reading;
#[cfg(test)]
mod tests;
mod token;

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post},
};
use jiff::Timestamp;
use kontraktor_domain::{Author, Refusal, ServiceAccount};
use kontraktor_service::{Service, TokenOutcome};
use tonic::async_trait;

use self::reading::Reading;
use super::auth::Identity;

/// What the token endpoint needs of the service.
#[async_trait]
pub(crate) trait Accounts: Send + Sync {
    /// Returns the service account of a client id.
    fn client(&self, client_id: &str) -> Option<Arc<ServiceAccount>>;

    /// Records what came of asking for a token; for one that is issued, on disk.
    async fn record_token(
        &self,
        author: Author,
        peer: Option<Arc<str>>,
        outcome: TokenOutcome,
    ) -> Result<(), Refusal>;

    /// Returns the time.
    fn now(&self) -> Timestamp;
}

#[async_trait]
impl Accounts for Service {
    fn client(&self, client_id: &str) -> Option<Arc<ServiceAccount>> {
        Service::client(self, client_id)
    }

    async fn record_token(
        &self,
        author: Author,
        peer: Option<Arc<str>>,
        outcome: TokenOutcome,
    ) -> Result<(), Refusal> {
        Service::record_token(self, author, peer, outcome).await
    }

    fn now(&self) -> Timestamp {
        Service::now(self)
    }
}

#[derive(Clone)]
struct OAuth {
    identity: Arc<Identity>,
    accounts: Arc<dyn Accounts>,
    reading: Reading,
}

/// Returns the routes, which need no credentials.
pub(crate) fn routes(identity: Arc<Identity>, accounts: Arc<dyn Accounts>) -> Router {
    Router::new()
        .route("/oauth/token", post(token::issue))
        .route("/oauth/jwks", get(metadata::jwks))
        .route("/.well-known/jwks.json", get(metadata::jwks))
        .route("/.well-known/oauth-authorization-server", get(metadata::server))
        .with_state(OAuth { identity, accounts, reading: Reading::default() })
}
