//! The parts of Microsoft Entra that programs need to sign in: discovery, and the token endpoint for client credentials
//! with a secret or an assertion. The codes are those of the real directory; the sentences are not.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{identity::Identity, now, tokens::Tokens};
use crate::doubles::http::{Answer, Request, Service};

/// The only `client_assertion_type`.
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The directory of one tenant.
pub(super) struct Directory {
    /// The directory's URL.
    pub(super) url: String,
    /// The one resource that it knows.
    pub(super) resource: String,
    pub(super) identity: Identity,
    pub(super) tokens: Arc<Tokens>,
}

/// An OAuth error with a code of the directory.
struct Problem {
    status: u16,
    error: &'static str,
    code: u32,
    message: &'static str,
}

const fn problem(status: u16, error: &'static str, code: u32, message: &'static str) -> Problem {
    Problem { status, error, code, message }
}

impl Service for Directory {
    fn answer(&self, request: &Request) -> Answer {
        let answer = match (request.method(), &request.segments()[..]) {
            ("GET", ["common", "discovery", "instance"]) => Ok(Answer::json(200, &self.instance())),
            ("GET", [tenant, "v2.0", ".well-known", "openid-configuration"]) => {
                self.known(tenant).map(|()| Answer::json(200, &self.openid_configuration()))
            }
            ("POST", [tenant, "oauth2", "v2.0", "token"]) => {
                self.known(tenant).and_then(|()| self.token(request))
            }
            _ => Err(problem(404, "invalid_request", 900_561, "nothing answers to this method and path")),
        };
        let answer = answer.unwrap_or_else(|problem| self.refuse(&problem));
        answer.with("cache-control", "no-store, no-cache").with("pragma", "no-cache")
    }

    fn failure(&self, status: u16) -> Answer {
        let problem = match status {
            429 => problem(429, "temporarily_unavailable", 50_196, "too many requests were received"),
            status => problem(status, "temporarily_unavailable", 90_033, "a failure that will pass"),
        };
        self.refuse(&problem)
    }
}

impl Directory {
    fn known(&self, tenant: &str) -> Result<(), Problem> {
        if tenant.eq_ignore_ascii_case(&self.identity.tenant) {
            return Ok(());
        }
        Err(problem(400, "invalid_request", 90_002, "there is no such tenant"))
    }

    fn token(&self, request: &Request) -> Result<Answer, Problem> {
        let field = |name| request.form(name).filter(|value| !value.is_empty());
        match field("grant_type").as_deref() {
            Some("client_credentials") => {}
            None => return Err(problem(400, "invalid_request", 900_144, "grant_type is missing")),
            Some(_) => {
                return Err(problem(400, "unsupported_grant_type", 70_003, "the grant is not supported"));
            }
        }
        if field("client_id").as_deref() != Some(&self.identity.client) {
            return Err(problem(400, "unauthorized_client", 700_016, "the tenant has no such application"));
        }
        self.prove(field("client_secret"), field("client_assertion"), field("client_assertion_type"))?;
        let scope = field("scope").unwrap_or_default();
        let resource = scope.strip_suffix("/.default").ok_or(problem(
            400,
            "invalid_scope",
            1_002_012,
            "with client credentials the scope must end in /.default",
        ))?;
        if resource != self.resource {
            return Err(problem(400, "invalid_resource", 500_011, "the tenant has no such resource"));
        }
        let (token, lifetime) = self.tokens.issue(resource);
        let seconds = lifetime.as_secs();
        Ok(Answer::json(
            200,
            &json!({
                "token_type": "Bearer",
                "expires_in": seconds,
                "ext_expires_in": seconds,
                "access_token": token,
            }),
        ))
    }

    /// Authenticates the application by its secret, or by a token that a trusted issuer gave to its workload.
    fn prove(
        &self,
        secret: Option<String>,
        assertion: Option<String>,
        assertion_type: Option<String>,
    ) -> Result<(), Problem> {
        if let Some(secret) = secret {
            return if secret == self.identity.secret {
                Ok(())
            } else {
                Err(problem(401, "invalid_client", 7_000_215, "the client secret is not the application's"))
            };
        }
        let Some(assertion) = assertion else {
            return Err(problem(401, "invalid_client", 7_000_216, "a secret or an assertion is required"));
        };
        if assertion_type.as_deref() != Some(JWT_BEARER) {
            return Err(problem(400, "invalid_request", 50_027, "the client_assertion_type is unknown"));
        }
        // Issuer and signature of the assertion are not checked: this double knows the one that it created.
        if assertion == self.identity.assertion {
            Ok(())
        } else if is_jwt(&assertion) {
            Err(problem(401, "invalid_client", 700_213, "no federated identity fits the assertion"))
        } else {
            Err(problem(401, "invalid_client", 50_027, "the assertion is no JWT"))
        }
    }

    fn refuse(&self, problem: &Problem) -> Answer {
        let Problem { status, error, code, message } = problem;
        let (trace, correlation) = (Uuid::new_v4(), Uuid::new_v4());
        let timestamp = Timestamp::from_second(now())
            .map(|time| time.strftime("%Y-%m-%d %H:%M:%SZ").to_string())
            .unwrap_or_default();
        let description = format!(
            "AADSTS{code}: {message}. Trace ID: {trace} Correlation ID: {correlation} Timestamp: {timestamp}"
        );
        Answer::json(
            *status,
            &json!({
                "error": error,
                "error_description": description,
                "error_codes": [code],
                "timestamp": timestamp,
                "trace_id": trace.to_string(),
                "correlation_id": correlation.to_string(),
                "error_uri": format!("{}/error?code={code}", self.url),
            }),
        )
    }

    fn openid_configuration(&self) -> Value {
        let tenant = format!("{}/{}", self.url, self.identity.tenant);
        json!({
            "issuer": format!("{tenant}/v2.0"),
            "token_endpoint": format!("{tenant}/oauth2/v2.0/token"),
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
            "authorization_endpoint": format!("{tenant}/oauth2/v2.0/authorize"),
            "device_authorization_endpoint": format!("{tenant}/oauth2/v2.0/devicecode"),
            "jwks_uri": format!("{tenant}/discovery/v2.0/keys"),
            "response_modes_supported": ["query", "fragment", "form_post"],
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
        })
    }

    fn instance(&self) -> Value {
        let host = self.url.trim_start_matches("https://");
        json!({
            "tenant_discovery_endpoint":
                format!("{}/{}/v2.0/.well-known/openid-configuration", self.url, self.identity.tenant),
            "api-version": "1.1",
            "metadata": [{ "preferred_network": host, "preferred_cache": host, "aliases": [host] }],
        })
    }
}

fn is_jwt(text: &str) -> bool {
    let parts: Vec<&str> = text.trim().split('.').collect();
    parts.len() == 3
        && parts[..2].iter().all(|part| {
            URL_SAFE_NO_PAD
                .decode(part)
                .is_ok_and(|json| serde_json::from_slice::<serde_json::Map<String, Value>>(&json).is_ok())
        })
}
