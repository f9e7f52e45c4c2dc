//! The identity of the vault's clients: one application, with every way to authenticate.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;
use uuid::Uuid;

/// An application in a tenant, with new ids and secrets each time.
#[derive(Clone)]
pub(super) struct Identity {
    pub(super) tenant: String,
    pub(super) client: String,
    pub(super) secret: String,
    /// The token that a Kubernetes service account has in its file.
    pub(super) assertion: String,
    /// The header that App Service gives only to its own workload.
    pub(super) header: String,
}

impl Identity {
    pub(super) fn new() -> Self {
        let part = |json: serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let header = part(json!({ "alg": "RS256", "typ": "JWT", "kid": "double" }));
        let claims = part(json!({
            "iss": "https://kubernetes.default.svc",
            "sub": "system:serviceaccount:default:workload",
            "aud": ["api://AzureADTokenExchange"],
        }));
        let signature = URL_SAFE_NO_PAD.encode(Uuid::new_v4().as_bytes());
        Self {
            tenant: Uuid::new_v4().to_string(),
            client: Uuid::new_v4().to_string(),
            secret: Uuid::new_v4().to_string(),
            assertion: format!("{header}.{claims}.{signature}"),
            header: Uuid::new_v4().to_string(),
        }
    }
}
