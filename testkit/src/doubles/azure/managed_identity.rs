//! Where a machine in Azure gets its tokens: the instance metadata service of virtual machines, and the endpoint that App
//! Service puts into a program's environment. Both are plain HTTP, because they are on the machine itself.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{identity::Identity, now, tokens::Tokens};
use crate::doubles::http::{Answer, Request, Service};

/// The path of App Service's endpoint; the real one differs from machine to machine.
pub(super) const APP_SERVICE: &str = "/msi/token";

/// Both endpoints.
pub(super) struct ManagedIdentity {
    pub(super) identity: Identity,
    pub(super) tokens: Arc<Tokens>,
}

impl Service for ManagedIdentity {
    fn answer(&self, request: &Request) -> Answer {
        match (request.method(), &request.segments()[..]) {
            ("GET", ["metadata", "identity", "oauth2", "token"]) => self.instance_metadata(request),
            ("GET", ["msi", "token"]) => self.app_service(request),
            _ => Answer::json(404, &json!({ "error": "Not found" })),
        }
    }

    fn failure(&self, status: u16) -> Answer {
        Answer::json(status, &oauth("unknown", "a failure that will pass"))
    }
}

impl ManagedIdentity {
    fn instance_metadata(&self, request: &Request) -> Answer {
        let refuse = |message: &str| Answer::json(400, &oauth("invalid_request", message));
        // Only a program on the machine itself sets this header; a forwarded request comes from elsewhere.
        if !request.header("metadata").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return refuse("the header Metadata: true is missing");
        }
        if request.header("x-forwarded-for").is_some() {
            return refuse("the request was forwarded");
        }
        if request.query("api-version").is_none() {
            return refuse("the parameter api-version is missing");
        }
        let Some(resource) = request.query("resource") else {
            return refuse("the parameter resource is missing");
        };
        if self.is_another(request) {
            return refuse("Identity not found");
        }
        Answer::json(200, &self.token(&resource))
    }

    fn app_service(&self, request: &Request) -> Answer {
        let refuse = |status: u16, message: &str| {
            Answer::json(status, &json!({ "statusCode": status, "message": message }))
        };
        if request.header("x-identity-header") != Some(&self.identity.header) {
            return refuse(401, "the header X-IDENTITY-HEADER is missing or wrong");
        }
        if request.query("api-version").as_deref() != Some("2019-08-01") {
            return refuse(400, "the parameter api-version is missing or unknown");
        }
        let Some(resource) = request.query("resource") else {
            return refuse(400, "the parameter resource is missing");
        };
        if self.is_another(request) {
            return refuse(400, "no managed identity was found for the parameters given");
        }
        Answer::json(200, &self.token(&resource))
    }

    /// Returns whether the request names an identity that the machine does not have.
    fn is_another(&self, request: &Request) -> bool {
        let names = ["client_id", "object_id", "principal_id", "msi_res_id", "mi_res_id"];
        names.iter().filter_map(|name| request.query(name)).any(|id| id != self.identity.client)
    }

    /// Returns a token response. Its numbers are strings, unlike in the directory's responses.
    fn token(&self, resource: &str) -> Value {
        // Clients write the audience with or without a trailing slash.
        let resource = resource.trim_end_matches('/');
        let (token, lifetime) = self.tokens.issue(resource);
        let seconds = lifetime.as_secs();
        let now = now();
        json!({
            "access_token": token,
            "client_id": self.identity.client,
            "expires_in": seconds.to_string(),
            "expires_on": now.saturating_add_unsigned(seconds).to_string(),
            "not_before": now.to_string(),
            "resource": resource,
            "token_type": "Bearer",
        })
    }
}

fn oauth(error: &str, message: &str) -> Value {
    json!({ "error": error, "error_description": message })
}
