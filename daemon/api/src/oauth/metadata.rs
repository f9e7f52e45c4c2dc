//! What anybody may know of the daemon as an authorization server: its metadata (RFC 8414 §2) and its public keys.

use axum::{
    extract::State,
    http::{
        HeaderValue,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    response::IntoResponse,
};
use kontraktor_access::{Scope, Scopes};
use serde_json::{Value, json};

use super::{OAuth, error::JSON};

/// How long others may keep it: short against the time that a new key has before the one before it ends.
const CACHED: HeaderValue = HeaderValue::from_static("public, max-age=300");

pub(super) async fn server(State(oauth): State<OAuth>) -> impl IntoResponse {
    let tokens = oauth.identity.tokens();
    let url = tokens.public_url();
    let scopes: Vec<&str> = Scopes::ALL.iter().map(Scope::as_str).collect();
    let document = json!({
        "issuer": url,
        "token_endpoint": tokens.token_endpoint(),
        "jwks_uri": format!("{}/.well-known/jwks.json", url.trim_end_matches('/')),
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": [],
        "scopes_supported": scopes,
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["ES256", "EdDSA", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
    });
    public(&document)
}

pub(super) async fn jwks(State(oauth): State<OAuth>) -> impl IntoResponse {
    public(&oauth.identity.tokens().keys().jwks())
}

fn public(document: &Value) -> impl IntoResponse + use<> {
    ([(CONTENT_TYPE, JSON), (CACHE_CONTROL, CACHED)], document.to_string())
}
