//! What is sent to Vault: requests as `vaultrs` and the [`endpoints`](super::endpoints) beside it describe them, and sign-ins.
//! It does not know how they are sent.

use bytes::Bytes;
use reqwest::Method;
use rustify::Endpoint;
use serde::Serialize;
use zeroize::Zeroizing;

use super::credentials;

/// One request, below `/v1/`.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: Method,
    /// Encoded, with its query.
    pub(super) path: String,
    /// JSON.
    pub(super) body: Option<Bytes>,
    /// Whether it is for the configured namespace, not for the whole server.
    pub(super) namespaced: bool,
}

impl Request {
    /// Builds the request that an endpoint describes. Mounts and paths in it must be encoded for URLs.
    ///
    /// Only the endpoint's parts are used, not the URL that it makes of them: tabs, newlines and segments of dots are missing
    /// there, so that a name with one would read another secret, and what is encoded is encoded again.
    pub(super) fn of(endpoint: &impl Endpoint) -> Self {
        const SIMPLE: &str = "numbers, flags and texts serialize in memory";
        let method: Method = endpoint.method().into();
        // Most of vaultrs' begin with a slash, two of them with a tab before it.
        let mut path = endpoint.path().trim_start_matches(['\t', '/']).to_owned();
        if let Some(query) = endpoint.query().expect(SIMPLE).filter(|query| !query.is_empty()) {
            path.push('?');
            path.push_str(&query);
        }
        let body = endpoint.body().expect(SIMPLE).filter(|body| !body.is_empty());
        // An endpoint without fields has no body at all.
        let body = body.or_else(|| (method == Method::POST).then(|| b"{}".to_vec()));
        let body = body.map(|body| Bytes::from_owner(Zeroizing::new(body)));
        Self { method, path, body, namespaced: true }
    }

    /// Builds a sign-in with credentials, which no buffer holds that is not wiped.
    pub(super) fn sign_in(path: String, credentials: &impl Serialize) -> Self {
        let body = Some(credentials::json(credentials));
        Self { method: Method::POST, path, body, namespaced: true }
    }

    pub(super) fn of_the_server(mut self) -> Self {
        self.namespaced = false;
        self
    }
}

#[cfg(test)]
mod tests {
    use vaultrs::api::{kv1, kv2, sys, token};

    use super::{
        super::endpoints::{LookUpCapabilities, LookUpLease, LookUpMount, RenewLease, RevokeLease},
        *,
    };

    fn line(endpoint: &impl Endpoint) -> String {
        let request = Request::of(endpoint);
        let body = request.body.as_deref().map(|body| std::str::from_utf8(body).unwrap());
        format!("{} {} {}", request.method, request.path, body.unwrap_or("-"))
    }

    #[test]
    fn an_endpoint_is_the_request_of_vaults_documentation() {
        // With a slash, a tab and a question mark in names.
        let (mount, path) = ("team%2Fkv".to_owned(), "a%09b/%3Fc".to_owned());
        let kv2 = |version| {
            let (mount, path) = (mount.clone(), path.clone());
            line(&kv2::requests::ReadSecretRequest { mount, path, version })
        };
        let lines = [
            line(&kv1::requests::GetSecretRequest { mount: mount.clone(), path: path.clone() }),
            kv2(None),
            kv2(Some(3)),
            line(&kv2::requests::ReadSecretMetadataRequest { mount: mount.clone(), path: path.clone() }),
            line(&LookUpMount { mount, path }),
            line(&RenewLease { lease_id: "db/creds/1", increment: 30 }),
            line(&LookUpLease { lease_id: "db/creds/1" }),
            line(&RevokeLease { lease_id: "db/creds/1" }),
            line(&token::requests::LookupTokenSelfRequest {}),
            line(&token::requests::RenewTokenSelfRequest::default()),
            line(&token::requests::RevokeTokenSelfRequest {}),
            line(&LookUpCapabilities { paths: &["sys/leases/renew"] }),
            line(&sys::requests::ReadHealthRequest { standbyok: Some(true), ..Default::default() }),
        ]
        .join("\n");
        insta::assert_snapshot!(lines, @r#"
        GET team%2Fkv/a%09b/%3Fc -
        GET team%2Fkv/data/a%09b/%3Fc -
        GET team%2Fkv/data/a%09b/%3Fc?version=3 -
        GET team%2Fkv/metadata/a%09b/%3Fc -
        GET sys/internal/ui/mounts/team%2Fkv/a%09b/%3Fc -
        POST sys/leases/renew {"lease_id":"db/creds/1","increment":30}
        POST sys/leases/lookup {"lease_id":"db/creds/1"}
        POST sys/leases/revoke {"lease_id":"db/creds/1"}
        GET auth/token/lookup-self -
        POST auth/token/renew-self {}
        POST auth/token/revoke-self {}
        POST sys/capabilities-self {"paths":["sys/leases/renew"]}
        GET sys/health?standbyok=true -
        "#);
    }
}
