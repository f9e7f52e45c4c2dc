//! `POST /oauth/token`: client credentials for an access token.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, Response, StatusCode},
};
use kontraktor_access::{Scope, Scopes};
use kontraktor_domain::{Author, ServiceAccount};
use kontraktor_identity::{Client, ClientSecret, PublicKey, scope_text};
use kontraktor_model::limits::DEFAULT_VIA;
use kontraktor_service::TokenOutcome;
use serde_json::json;
use tokio::time::timeout;

use super::{
    OAuth,
    credentials::ClaimedClient,
    error::{TokenEndpointError, answer},
    form::Form,
    reading::READ_WITHIN,
};
use crate::{auth, listener::Peer};

/// Who the log says that asked for a token, where no service account has the client id.
const UNKNOWN_CLIENT: &str = "unknown-client";

pub(super) async fn issue(State(oauth): State<OAuth>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    if parts.uri.query().is_some() {
        // The parameters of others' servers may be in there, with secrets.
        let _ = auth::refuse_token_in_url(&parts.uri);
        return TokenEndpointError::InvalidRequest("parameters belong in the body, not in the URL").answer();
    }
    let peer = parts.extensions.get::<Peer>();
    let form = match oauth.form(&parts.headers, body, peer).await {
        Ok(form) => form,
        Err(error) => return error.answer(),
    };
    let via = auth::via(&parts.headers).unwrap_or(DEFAULT_VIA);
    let peer = peer.map(peer_text);
    let claimed = match ClaimedClient::read(&parts.headers, &form) {
        Ok(claimed) => claimed,
        Err(error) => {
            tracing::info!(?error, "refused a token");
            return error.answer();
        }
    };
    let account = oauth.accounts.client(&claimed.client_id);
    let actor = account.as_ref().map_or_else(|| UNKNOWN_CLIENT.into(), |account| Arc::clone(&account.actor));
    let author = Author::new(actor, via);
    match oauth.token(account.as_deref(), &claimed, &form, &author, peer.as_ref()).await {
        Ok(answer) => answer,
        Err(error) => {
            if error == TokenEndpointError::InvalidClient {
                // The answer does not depend on whether the row can be written.
                let _ = oauth.accounts.record_token(author, peer.clone(), TokenOutcome::Refused).await;
            }
            error.answer()
        }
    }
}

impl OAuth {
    /// Reads the body, which anybody may send.
    async fn form(
        &self,
        headers: &HeaderMap,
        body: Body,
        peer: Option<&Peer>,
    ) -> Result<Form, TokenEndpointError> {
        let _reading = self.reading.begin(peer).ok_or(TokenEndpointError::Unavailable)?;
        let read = timeout(READ_WITHIN, Form::read(headers, body)).await;
        read.unwrap_or(Err(TokenEndpointError::InvalidRequest("the body did not come within 10 seconds")))
    }

    async fn token(
        &self,
        account: Option<&ServiceAccount>,
        claimed: &ClaimedClient,
        form: &Form,
        author: &Author,
        peer: Option<&Arc<str>>,
    ) -> Result<Response<Body>, TokenEndpointError> {
        let now = self.accounts.now();
        let client = account.map(client);
        let authenticated = self.identity.clients().authenticate(client.as_ref(), &claimed.presented, now);
        if let Err(error) = authenticated {
            tracing::info!(actor = &*author.actor, cause = %error, "refused a token");
            return Err(TokenEndpointError::InvalidClient);
        }
        let client = client.ok_or(TokenEndpointError::InvalidClient)?;
        match form.get("grant_type") {
            Some("client_credentials") => {}
            Some(_) => return Err(TokenEndpointError::UnsupportedGrantType),
            None => return Err(TokenEndpointError::InvalidRequest("grant_type is missing")),
        }
        let tokens = self.identity.tokens();
        if form.get("resource").is_some_and(|resource| resource != tokens.public_url()) {
            return Err(TokenEndpointError::InvalidTarget);
        }
        let scopes = narrowed(client.scopes, form.get("scope"))?;
        self.rotate_keys().await;
        let issued = tokens.issue(&client.client_id, scopes, now).map_err(|error| {
            tracing::error!(%error, "cannot issue a token");
            TokenEndpointError::Unavailable
        })?;
        let recorded = self.accounts.record_token(author.clone(), peer.cloned(), TokenOutcome::Issued).await;
        if let Err(refusal) = recorded {
            tracing::warn!(error = refusal.message, "a token is not issued, because that cannot be recorded");
            return Err(TokenEndpointError::Unavailable);
        }
        let body = json!({
            "access_token": issued.token.as_str(),
            "token_type": "Bearer",
            "expires_in": issued.expires_in,
            "scope": scope_text(scopes),
        });
        Ok(answer(StatusCode::OK, &body))
    }

    /// Replaces the key that signs where it is old. Where that fails, the old one signs on.
    async fn rotate_keys(&self) {
        let now = self.accounts.now();
        if !self.identity.tokens().keys().is_due(now) {
            return;
        }
        let tokens = Arc::clone(self.identity.tokens());
        let rotated = tokio::task::spawn_blocking(move || tokens.keys().rotate(now)).await;
        match rotated {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "cannot replace the key that signs tokens"),
            Err(error) => tracing::error!(%error, "replacing the key that signs tokens was aborted"),
        }
    }
}

/// Returns the scopes that a client asks for (RFC 6749 §3.3): all of its own where it names none.
fn narrowed(allowed: Scopes, requested: Option<&str>) -> Result<Scopes, TokenEndpointError> {
    let Some(requested) = requested else { return Ok(allowed) };
    let parsed: Result<Scopes, _> = requested.split(' ').map(str::parse::<Scope>).collect();
    let scopes = parsed.map_err(|_| {
        TokenEndpointError::InvalidScope(
            "expected some of env.read, env.write, secret.read and admin, separated by spaces",
        )
    })?;
    if !allowed.contains_all(scopes) {
        return Err(TokenEndpointError::InvalidScope(
            "the service account does not have all of these scopes",
        ));
    }
    Ok(scopes)
}

fn client(account: &ServiceAccount) -> Client {
    let secrets = account
        .secrets
        .iter()
        .map(|secret| ClientSecret { sha256: *secret.hash.as_bytes(), expires: secret.expires });
    let public_key = account.public_key.as_deref().and_then(|pem| {
        PublicKey::from_pem(pem)
            .inspect_err(|error| tracing::warn!(actor = &*account.actor, %error, "cannot use a public key"))
            .ok()
    });
    Client {
        client_id: Arc::clone(&account.client_id),
        scopes: account.scopes,
        secrets: secrets.collect(),
        public_key,
    }
}

fn peer_text(peer: &Peer) -> Arc<str> {
    match peer {
        Peer::Unix { pid: Some(pid), .. } => format!("pid:{pid}").into(),
        Peer::Unix { pid: None, .. } => Arc::default(),
        Peer::Tcp { address, .. } => address.ip().to_string().into(),
    }
}
