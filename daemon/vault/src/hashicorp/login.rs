//! Signing in, by each method: which request is made of which credentials, and what a refusal means. It keeps nothing.

use std::path::PathBuf;

use kontraktor_model::names::VaultName;
use reqwest::StatusCode;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{
    answer::{Answer, Envelope, SignedIn, misunderstood, plain},
    credentials::{self, Stamp},
    settings::encoded,
    token::{Token, seconds},
    transport::{Request, Transport},
};
use crate::{Fault, VaultError};

/// How the daemon signs in. Mounts are below `auth/`.
#[derive(Debug)]
pub(super) enum Method {
    Token(TokenSource),
    AppRole { mount: String, role_id: RoleId, secret_id_file: Option<PathBuf> },
    Kubernetes { mount: String, role: String, jwt_file: PathBuf },
    Cert { mount: String, role: Option<String> },
}

#[derive(Debug)]
pub(super) enum TokenSource {
    File(PathBuf),
    Variable(String),
}

#[derive(Debug)]
pub(super) enum RoleId {
    Known(String),
    File(PathBuf),
}

/// What a look at the token itself tells.
#[derive(Deserialize)]
pub(super) struct Looked {
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

/// Asks Vault about the token that is shown.
pub(super) fn look_up() -> Request {
    Request::get("auth/token/lookup-self")
}

impl Method {
    /// Which method, and where, for people.
    pub(super) fn described(&self) -> String {
        match self {
            Self::Token(_) => "token".to_owned(),
            Self::AppRole { mount, .. } => format!("approle at auth/{mount}"),
            Self::Kubernetes { mount, .. } => format!("kubernetes at auth/{mount}"),
            Self::Cert { mount, .. } => format!("cert at auth/{mount}"),
        }
    }

    /// Whether tokens are made by signing in, so that there can always be a new one.
    pub(super) fn makes_tokens(&self) -> bool {
        !matches!(self, Self::Token(_))
    }

    /// The state of the files that the next sign-in reads.
    pub(super) fn stamps(&self, transport: &Transport) -> Vec<Stamp> {
        let files = match self {
            Self::Token(TokenSource::File(file)) => vec![file],
            Self::Token(TokenSource::Variable(_)) => Vec::new(),
            Self::AppRole { role_id, secret_id_file, .. } => {
                let role_id_file = match role_id {
                    RoleId::File(file) => Some(file),
                    RoleId::Known(_) => None,
                };
                role_id_file.into_iter().chain(secret_id_file).collect()
            }
            Self::Kubernetes { jwt_file, .. } => vec![jwt_file],
            Self::Cert { .. } => transport.identity_files(),
        };
        files.into_iter().map(|file| Stamp::of(file)).collect()
    }

    /// Gets a token.
    pub(super) async fn sign_in(&self, transport: &Transport) -> Result<Token, VaultError> {
        // Files are read here, and certificates with them: they are replaced while the daemon runs.
        transport.reload();
        let vault = &transport.vault;
        let unusable =
            |problem: String| VaultError::new(Fault::SignIn, format!("vault \"{vault}\": {problem}"));
        match self {
            Self::Token(source) => {
                let text = match source {
                    TokenSource::File(path) => credentials::line("auth.token_file", path),
                    TokenSource::Variable(name) => credentials::variable("auth.token_env", name),
                };
                take_over(transport, &text.map_err(unusable)?).await
            }
            Self::AppRole { mount, role_id, secret_id_file } => {
                let role_id = match role_id {
                    RoleId::Known(id) => Zeroizing::new(id.clone()),
                    RoleId::File(path) => credentials::line("auth.role_id_file", path).map_err(unusable)?,
                };
                let secret_id = secret_id_file
                    .as_ref()
                    .map(|path| credentials::line("auth.secret_id_file", path))
                    .transpose()
                    .map_err(unusable)?;
                let login =
                    AppRoleLogin { role_id: &role_id, secret_id: secret_id.as_deref().map(String::as_str) };
                let remedy = "check that the role's id is right, that the secret id has neither expired nor been used \
                              up, and that AppRole is enabled at this mount (and in this namespace)";
                log_in(transport, self, mount, &login, remedy).await
            }
            Self::Kubernetes { mount, role, jwt_file } => {
                let jwt = credentials::line("auth.jwt_file", jwt_file).map_err(unusable)?;
                let remedy = "check that the role in Vault names the daemon's service account and namespace, that \
                              Vault reaches the cluster's API, and that the method is enabled at this mount";
                log_in(transport, self, mount, &KubernetesLogin { role, jwt: &jwt }, remedy).await
            }
            Self::Cert { mount, role } => {
                let remedy = "check that a role of the method trusts the certificate in `cert_file`, that this has not \
                              expired, and that nothing between the daemon and Vault ends TLS";
                log_in(transport, self, mount, &CertLogin { name: role.as_deref() }, remedy).await
            }
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
    // Checked when the settings were.
    let path = format!("auth/{}/login", encoded(mount).unwrap_or_default());
    let answer = transport.send(&Request::post(path, credentials), None).await?;
    match answer.status {
        StatusCode::OK => {}
        StatusCode::BAD_REQUEST
        | StatusCode::UNAUTHORIZED
        | StatusCode::FORBIDDEN
        | StatusCode::NOT_FOUND
        | StatusCode::METHOD_NOT_ALLOWED => {
            let status = answer.status.as_u16();
            return Err(VaultError::new(
                Fault::SignIn,
                format!("vault \"{vault}\" refuses the sign-in by {} ({status})", method.described()),
            )
            .remedy(remedy));
        }
        _ => return Err(answer.refusal(vault, "sign in", remedy)),
    }
    let auth = answer.read::<SignedIn<'_>>(vault)?.auth;
    let auth = auth.ok_or_else(|| misunderstood(vault, "to a sign-in without a token"))?;
    let text = auth.token().filter(|text| !text.is_empty()).ok_or_else(|| {
        VaultError::new(
            Fault::SignIn,
            format!("vault \"{vault}\" wants more than one factor for this sign-in"),
        )
        .remedy("exempt the daemon's role from Vault's multi-factor enforcement")
    })?;
    Token::new(text, true, true, Some(seconds(auth.lease_duration)), auth.renewable)
        .ok_or_else(|| misunderstood(vault, "to a sign-in with what can be no token"))
}

/// Takes a token that somebody else made, and asks how long it lasts.
async fn take_over(transport: &Transport, text: &str) -> Result<Token, VaultError> {
    let vault = &transport.vault;
    let token = |proven, granted, renewable| {
        Token::new(Zeroizing::new(text.as_bytes().to_vec()), false, proven, granted, renewable)
            .ok_or_else(|| misunderstood(vault, "for a token that is none"))
    };
    let unproven = token(false, None, false)?;
    let answer = transport.send(&look_up(), Some(&unproven)).await?;
    match answer.status {
        StatusCode::OK => {
            let looked: Looked = plain(answer.read::<Envelope<'_>>(vault)?.data, vault)?;
            token(true, Some(seconds(looked.ttl)), looked.renewable)
        }
        // A token may be good and yet not be allowed to look at itself.
        StatusCode::FORBIDDEN if !answer.refuses_the_token() => Ok(unproven),
        StatusCode::FORBIDDEN => Err(unknown_token(vault, &answer)),
        _ => Err(answer.refusal(vault, "look its token up", "")),
    }
}

/// Vault does not know the token.
pub(super) fn unknown_token(vault: &VaultName, answer: &Answer) -> VaultError {
    let status = answer.status.as_u16();
    VaultError::new(Fault::SignIn, format!("vault \"{vault}\" does not accept the daemon's token ({status})"))
        .remedy("it has expired or was revoked: put a new one where `auth` says that it is")
}

/// Vault refused something with a token that may not even look at itself.
pub(super) fn doubtful_token(vault: &VaultName, answer: &Answer) -> VaultError {
    let status = answer.status.as_u16();
    VaultError::new(
        Fault::SignIn,
        format!("vault \"{vault}\" refuses, and does not say whether it knows the daemon's token ({status})"),
    )
    .remedy(
        "let the token read auth/token/lookup-self, as the policy \"default\" does; then either a new token or a policy \
         that lets it read the secret will help",
    )
}
