//! Signing in: the request and the credentials of each method, and what a refusal means. It keeps nothing.

use kontraktor_hardening::file::Rule;
use kontraktor_model::names::VaultName;
use reqwest::StatusCode;
use serde::{Deserialize, Serialize};
use vaultrs::api::token::requests::LookupTokenSelfRequest;
use zeroize::Zeroizing;

use super::{
    answer::{Answer, Envelope, SignedIn, invalid_answer, parse_data},
    credentials::{self, Stamp},
    method::{Method, RoleId, TokenSource},
    path::encode_path,
    request::Request,
    token::{Token, seconds},
    transport::Transport,
};
use crate::error::{VaultError, VaultErrorKind};

/// What Vault reports about a token.
#[derive(Deserialize)]
pub(super) struct TokenInfo {
    #[serde(default)]
    pub(super) ttl: u64,
    #[serde(default)]
    pub(super) renewable: bool,
    #[serde(default)]
    pub(super) policies: Vec<String>,
    /// Null where there are none.
    #[serde(default)]
    pub(super) identity_policies: Option<Vec<String>>,
}

/// The request for the [`TokenInfo`] of the token that it carries.
pub(super) fn look_up() -> Request {
    Request::of(&LookupTokenSelfRequest {})
}

/// Returns the state of the files that the next sign-in reads.
pub(super) fn stamps(method: &Method, transport: &Transport) -> Vec<Stamp> {
    let files = match method {
        Method::Token(TokenSource::File(file)) => vec![file],
        Method::Token(TokenSource::Variable(_)) => Vec::new(),
        Method::AppRole { role_id, secret_id_file, .. } => {
            let role_id_file = match role_id {
                RoleId::File(file) => Some(file),
                RoleId::Known(_) => None,
            };
            role_id_file.into_iter().chain(secret_id_file).collect()
        }
        Method::Kubernetes { jwt_file, .. } => vec![jwt_file],
        Method::Cert { .. } => transport.identity_files(),
    };
    files.into_iter().map(|file| Stamp::of(file)).collect()
}

/// Signs in and returns the token.
pub(super) async fn sign_in(method: &Method, transport: &Transport) -> Result<Token, VaultError> {
    // Certificates are read again, like the other files: they are replaced while the daemon runs.
    transport.reload();
    let vault = &transport.vault;
    let unusable =
        |problem: String| VaultError::new(VaultErrorKind::SignIn, format!("vault \"{vault}\": {problem}"));
    match method {
        Method::Token(source) => {
            let text = match source {
                TokenSource::File(path) => credentials::line("auth.token_file", path, Rule::Secret),
                TokenSource::Variable(name) => credentials::variable("auth.token_env", name),
            };
            adopt(transport, &text.map_err(unusable)?).await
        }
        Method::AppRole { mount, role_id, secret_id_file } => {
            let role_id = match role_id {
                RoleId::Known(id) => Zeroizing::new(id.clone()),
                RoleId::File(path) => {
                    credentials::line("auth.role_id_file", path, Rule::Trusted).map_err(unusable)?
                }
            };
            let secret_id = secret_id_file
                .as_ref()
                .map(|path| credentials::line("auth.secret_id_file", path, Rule::Secret))
                .transpose()
                .map_err(unusable)?;
            let login =
                AppRoleLogin { role_id: &role_id, secret_id: secret_id.as_deref().map(String::as_str) };
            let remedy = "check that the role id is right, that the secret id has neither expired nor been used \
                          up, and that AppRole is enabled at this mount (and in this namespace)";
            log_in(transport, method, mount, &login, remedy).await
        }
        Method::Kubernetes { mount, role, jwt_file } => {
            // Kubernetes mounts it so that every user of the container can read it.
            let jwt = credentials::line("auth.jwt_file", jwt_file, Rule::Trusted).map_err(unusable)?;
            let remedy = "check that the role in Vault names the daemon's service account and namespace, that \
                          Vault reaches the cluster's API, and that the method is enabled at this mount";
            log_in(transport, method, mount, &KubernetesLogin { role, jwt: &jwt }, remedy).await
        }
        Method::Cert { mount, role } => {
            let remedy = "check that a role of the method trusts the certificate in `cert_file`, that this has not \
                          expired, and that nothing between the daemon and Vault ends TLS";
            log_in(transport, method, mount, &CertLogin { name: role.as_deref() }, remedy).await
        }
    }
}

#[derive(Serialize)]
struct AppRoleLogin<'a> {
    role_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_id: Option<&'a str>,
}

#[derive(Serialize)]
struct KubernetesLogin<'a> {
    role: &'a str,
    jwt: &'a str,
}

#[derive(Serialize)]
struct CertLogin<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

async fn log_in(
    transport: &Transport,
    method: &Method,
    mount: &str,
    credentials: &(impl Serialize + Sync),
    remedy: &str,
) -> Result<Token, VaultError> {
    let vault = &transport.vault;
    // Checked with the settings.
    let path = format!("auth/{}/login", encode_path(mount).unwrap_or_default());
    let answer = transport.send(&Request::sign_in(path, credentials), None).await?;
    match answer.status {
        StatusCode::OK => {}
        StatusCode::BAD_REQUEST
        | StatusCode::UNAUTHORIZED
        | StatusCode::FORBIDDEN
        | StatusCode::NOT_FOUND
        | StatusCode::METHOD_NOT_ALLOWED => {
            let status = answer.status.as_u16();
            return Err(VaultError::new(
                VaultErrorKind::SignIn,
                format!("vault \"{vault}\" rejects the sign-in by {} ({status})", method.describe()),
            )
            .remedy(remedy));
        }
        _ => return Err(answer.error(vault, "sign in", remedy)),
    }
    let auth = answer.parse::<SignedIn<'_>>(vault)?.auth;
    let auth = auth.ok_or_else(|| invalid_answer(vault, "to the sign-in without a token"))?;
    let text = auth.token().ok_or_else(|| {
        VaultError::new(
            VaultErrorKind::SignIn,
            format!("vault \"{vault}\" requires multi-factor authentication for this sign-in"),
        )
        .remedy("exempt the daemon's role from Vault's multi-factor enforcement")
    })?;
    Token::new(text, true, true, Some(seconds(auth.lease_duration)), auth.renewable)
        .ok_or_else(|| invalid_answer(vault, "to the sign-in with an invalid token"))
}

/// Adopts a token that the operator supplied, and asks how long it lasts.
async fn adopt(transport: &Transport, text: &str) -> Result<Token, VaultError> {
    let vault = &transport.vault;
    let token = |proven, granted, renewable| {
        Token::new(Zeroizing::new(text.as_bytes().to_vec()), false, proven, granted, renewable)
            .ok_or_else(|| invalid_answer(vault, "for an invalid token"))
    };
    let unproven = token(false, None, false)?;
    let answer = transport.send(&look_up(), Some(&unproven)).await?;
    match answer.status {
        StatusCode::OK => {
            let info: TokenInfo = parse_data(answer.parse::<Envelope<'_>>(vault)?.data, vault)?;
            token(true, Some(seconds(info.ttl)), info.renewable)
        }
        // A valid token may lack the permission to look itself up.
        StatusCode::FORBIDDEN if !answer.rejects_token() => Ok(unproven),
        StatusCode::FORBIDDEN => Err(unknown_token(vault, &answer)),
        _ => Err(answer.error(vault, "look up its token", "")),
    }
}

/// Vault does not know the token.
pub(super) fn unknown_token(vault: &VaultName, answer: &Answer) -> VaultError {
    let status = answer.status.as_u16();
    VaultError::new(
        VaultErrorKind::SignIn,
        format!("vault \"{vault}\" rejects the daemon's token ({status})"),
    )
    .remedy("replace the token in `auth`, which has expired or was revoked")
}

/// Vault rejected a request with a token that may not look itself up.
pub(super) fn doubtful_token(vault: &VaultName, answer: &Answer) -> VaultError {
    let status = answer.status.as_u16();
    VaultError::new(
        VaultErrorKind::SignIn,
        format!("vault \"{vault}\" rejects the request, and does not tell whether it knows the daemon's token ({status})"),
    )
    .remedy(
        "allow the token to read auth/token/lookup-self, as the policy \"default\" does; then supply a new token, or a \
         policy that may read the secret",
    )
}
