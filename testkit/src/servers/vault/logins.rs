//! Login methods other than tokens.

use serde_json::{Value, json};

use super::{Vault, text};
use crate::servers::{Authority, Kubernetes};

/// What an application logs in with.
pub struct AppRole {
    /// The role id.
    pub role_id: String,
    /// The secret id.
    pub secret_id: String,
}

impl Vault {
    /// Creates a role for AppRole, at `auth/approle`, with these settings, such as `{"token_policies": ["app"], "token_ttl": "30s"}`,
    /// and a secret id for it.
    ///
    /// # Panics
    /// When Vault refuses.
    pub fn configure_approle(&self, role: &str, settings: &Value) -> AppRole {
        self.enable_auth("approle");
        self.put(&format!("auth/approle/role/{role}"), settings);
        let role_id = text(&self.get(&format!("auth/approle/role/{role}/role-id"))["data"]["role_id"]);
        let secret = self.put(&format!("auth/approle/role/{role}/secret-id"), &json!({}));
        AppRole { role_id, secret_id: text(&secret["data"]["secret_id"]) }
    }

    /// Creates a role, at `auth/kubernetes`, for one service account of this cluster, with these further settings, such as
    /// `{"token_policies": ["app"], "token_ttl": "30s"}`.
    ///
    /// # Panics
    /// When Vault refuses.
    pub fn configure_kubernetes(
        &self,
        cluster: &Kubernetes,
        role: &str,
        namespace: &str,
        account: &str,
        settings: &Value,
    ) {
        self.enable_auth("kubernetes");
        let api = json!({
            "kubernetes_host": cluster.address(),
            "kubernetes_ca_cert": cluster.authority().pem(),
            "token_reviewer_jwt": cluster.reviewer_token(),
            "disable_local_ca_jwt": true,
        });
        self.put("auth/kubernetes/config", &api);
        let mut role_settings = settings.clone();
        role_settings["bound_service_account_names"] = json!([account]);
        role_settings["bound_service_account_namespaces"] = json!([namespace]);
        self.put(&format!("auth/kubernetes/role/{role}"), &role_settings);
    }

    /// Creates a role, at `auth/cert`, for clients with a certificate of this authority, with these further settings, such as
    /// `{"allowed_common_names": ["app"], "token_policies": ["app"]}`. Clients log in on the TLS listener.
    ///
    /// # Panics
    /// When Vault refuses.
    pub fn configure_cert(&self, authority: &Authority, role: &str, settings: &Value) {
        self.enable_auth("cert");
        let mut role_settings = settings.clone();
        role_settings["certificate"] = json!(authority.pem());
        self.put(&format!("auth/cert/certs/{role}"), &role_settings);
    }

    fn enable_auth(&self, kind: &str) {
        if self.get("sys/auth")["data"][format!("{kind}/")].is_null() {
            self.put(&format!("sys/auth/{kind}"), &json!({ "type": kind }));
        }
    }
}
