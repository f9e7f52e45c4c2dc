//! HTTP to one Vault: one client, no redirects, answers of bounded size.
//!
//! It knows how to send and to receive, not what the answers mean. Only the kinds of the libraries' errors are used, because
//! their texts contain URLs and parts of answers.

use std::{error::Error as StdError, io, path::PathBuf, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use bytes::Bytes;
use kontraktor_hardening::file::Rule;
use kontraktor_model::{limits::MAX_SECRET_BYTES, names::VaultName};
use reqwest::{
    Certificate, Client, Identity, Method, Response, Url,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER},
    redirect::Policy,
};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{
    answer::Answer,
    credentials,
    settings::{CheckedSettings, TlsFiles},
    token::Token,
};
use crate::error::{VaultError, VaultErrorKind};

/// The largest answer that is read: the largest secret in base64, and its envelope.
pub(super) const MAX_ANSWER_BYTES: usize = MAX_SECRET_BYTES / 3 * 4 + 64 * 1024;

/// The largest answer that is read for an error.
const MAX_ERROR_BYTES: usize = 256 * 1024;

/// The timeout of connecting. The deadline of the answer is the caller's.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest wait that a vault can ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(1);

const TOKEN: HeaderName = HeaderName::from_static("x-vault-token");
const NAMESPACE: HeaderName = HeaderName::from_static("x-vault-namespace");
/// Proxies in front of Vault may require it, as a protection against request forgery.
const REQUEST: HeaderName = HeaderName::from_static("x-vault-request");

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
    pub(super) fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), body: None, namespaced: true }
    }

    pub(super) fn post(path: impl Into<String>, body: &impl serde::Serialize) -> Self {
        let body = Some(credentials::json(body));
        Self { method: Method::POST, path: path.into(), body, namespaced: true }
    }

    pub(super) fn of_the_server(mut self) -> Self {
        self.namespaced = false;
        self
    }
}

/// The connection to one Vault.
pub(super) struct Transport {
    pub(super) vault: VaultName,
    base: String,
    namespace: Option<HeaderValue>,
    files: TlsFiles,
    client: ArcSwap<LoadedClient>,
}

/// A client, and the digest of the files that it was built from.
struct LoadedClient {
    client: Client,
    digest: [u8; 32],
}

impl Transport {
    pub(super) fn new(vault: VaultName, settings: &CheckedSettings) -> Result<Self, String> {
        let client = build_client(&settings.files, &settings.address)?;
        Ok(Self {
            vault,
            base: format!("{}/v1/", settings.address.as_str().trim_end_matches('/')),
            namespace: settings.namespace.clone(),
            files: settings.files.clone(),
            client: ArcSwap::from_pointee(client),
        })
    }

    /// Returns the address, for people.
    pub(super) fn address(&self) -> &str {
        self.base.trim_end_matches("/v1/")
    }

    /// Returns the files of the daemon's own certificate.
    pub(super) fn identity_files(&self) -> Vec<&PathBuf> {
        self.files.identity.iter().flat_map(|(certificate, key)| [certificate, key]).collect()
    }

    /// Reads the TLS files again, and builds a new client where they changed: certificates are renewed while the daemon runs.
    /// Where they are invalid, the old client stays. Returns whether the client is new.
    pub(super) fn reload(&self) -> bool {
        if self.files.ca.is_none() && self.files.identity.is_none() {
            return false;
        }
        let loaded = Url::parse(&self.base)
            .map_err(|error| error.to_string())
            .and_then(|url| build_client(&self.files, &url));
        match loaded {
            Ok(loaded) if loaded.digest == self.client.load().digest => false,
            Ok(loaded) => {
                self.client.store(Arc::new(loaded));
                true
            }
            Err(problem) => {
                tracing::warn!(vault = %self.vault, %problem, "invalid TLS files; the previous ones stay in use");
                false
            }
        }
    }

    /// Sends a request, with a token if there is one, and receives the answer, whatever its status.
    pub(super) async fn send(&self, request: &Request, token: Option<&Token>) -> Result<Answer, VaultError> {
        let error = match self.try_send(request, token).await {
            Ok(response) => return self.receive(response).await,
            Err(error) => error,
        };
        // Vault has not seen the request, so it may be sent once more.
        if (error.is_connect() || tls_cause(&error).is_some()) && self.reload() {
            return match self.try_send(request, token).await {
                Ok(response) => self.receive(response).await,
                Err(error) => Err(self.unreachable(&error)),
            };
        }
        Err(self.unreachable(&error))
    }

    async fn try_send(&self, request: &Request, token: Option<&Token>) -> reqwest::Result<Response> {
        let url = format!("{}{}", self.base, request.path);
        let client = self.client.load().client.clone();
        let mut builder = client.request(request.method.clone(), url).header(REQUEST, "true");
        if let Some(namespace) = self.namespace.as_ref().filter(|_| request.namespaced) {
            builder = builder.header(NAMESPACE, namespace);
        }
        if let Some(token) = token {
            builder = builder.header(TOKEN, token.header());
        }
        if let Some(body) = &request.body {
            builder = builder.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        builder.send().await
    }

    async fn receive(&self, response: Response) -> Result<Answer, VaultError> {
        let status = response.status();
        let json = is_json(response.headers());
        let retry_after = retry_after(response.headers());
        let body = if status.is_success() {
            read(response, MAX_ANSWER_BYTES).await.map_err(|failure| self.body_error(failure))?
        } else {
            // The status is enough where the text cannot be read.
            read(response, MAX_ERROR_BYTES).await.unwrap_or_default()
        };
        Ok(Answer { status, json, retry_after, body })
    }

    fn body_error(&self, failure: BodyError) -> VaultError {
        let vault = &self.vault;
        match failure {
            BodyError::TooLarge => VaultError::new(
                VaultErrorKind::TooLarge,
                format!("vault \"{vault}\" returned more than the limit of {MAX_SECRET_BYTES} bytes"),
            )
            .remedy("store something smaller, such as a reference to the large object"),
            BodyError::Interrupted => VaultError::new(
                VaultErrorKind::InvalidResponse,
                format!("vault \"{vault}\" closed the connection in the middle of its answer"),
            ),
        }
    }

    /// Returns why no answer was received.
    fn unreachable(&self, error: &reqwest::Error) -> VaultError {
        let vault = &self.vault;
        if let Some(cause) = tls_cause(error) {
            return tls_error(vault, cause, self.files.identity.is_some());
        }
        if error.is_connect() {
            let kind = chain(error).find_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind);
            let reason = match kind {
                Some(io::ErrorKind::ConnectionRefused) => "the connection was refused",
                Some(io::ErrorKind::TimedOut) => "connecting timed out",
                Some(io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable) => {
                    "its host is unreachable"
                }
                _ if error.is_timeout() => "connecting timed out",
                _ => "connecting to its address failed",
            };
            return VaultError::new(
                VaultErrorKind::Unavailable,
                format!("vault \"{vault}\" cannot be reached: {reason}"),
            )
            .remedy("check that it runs, and `address` in its [[vault]] table");
        }
        VaultError::new(
            VaultErrorKind::Unavailable,
            format!("vault \"{vault}\" closed the connection without an answer"),
        )
    }
}

fn build_client(files: &TlsFiles, address: &Url) -> Result<LoadedClient, String> {
    let mut digest = Sha256::new();
    let mut builder = Client::builder()
        .user_agent(concat!("kontraktord/", env!("CARGO_PKG_VERSION")))
        // A redirect would receive the token.
        .redirect(Policy::none())
        .no_proxy()
        .http1_only()
        .connect_timeout(CONNECT_TIMEOUT)
        // Nothing is decompressed, whatever features other crates enable: the limits are of the real size.
        .no_gzip()
        .no_deflate()
        .no_brotli()
        .no_zstd();
    if address.scheme() == "http" {
        // The system's roots are not needed, and may be missing.
        builder = builder.tls_certs_only([]);
    } else {
        builder = builder.https_only(true);
    }
    if let Some(path) = &files.ca {
        let pem = credentials::file("ca_file", path, Rule::Trusted)?;
        digest.update(&*pem);
        let authorities = Certificate::from_pem_bundle(&pem).ok().filter(|all| !all.is_empty());
        let authorities =
            authorities.ok_or_else(|| format!("`ca_file` {} has no certificate in PEM", path.display()))?;
        builder = builder.tls_certs_only(authorities);
    }
    if let Some((cert_path, key_path)) = &files.identity {
        let certificate = credentials::file("auth.cert_file", cert_path, Rule::Trusted)?;
        let key = credentials::file("auth.key_file", key_path, Rule::Secret)?;
        digest.update(&*certificate);
        digest.update(&*key);
        let mut both = Zeroizing::new(Vec::with_capacity(certificate.len() + 1 + key.len()));
        both.extend_from_slice(&certificate);
        both.push(b'\n');
        both.extend_from_slice(&key);
        let identity = Identity::from_pem(&both).map_err(|_| {
            format!(
                "`auth.cert_file` {} and `auth.key_file` {} must contain a certificate and its unencrypted private key, \
                 in PEM",
                cert_path.display(),
                key_path.display()
            )
        })?;
        builder = builder.identity(identity);
    }
    let client = builder.build().map_err(|_| {
        let hint = if files.identity.is_some() {
            "; check that `auth.cert_file` and `auth.key_file` belong together"
        } else if files.ca.is_none() {
            "; install certificates of authorities in the system, or set `ca_file`"
        } else {
            ""
        };
        format!("TLS cannot be set up with these settings{hint}")
    })?;
    Ok(LoadedClient { client, digest: digest.finalize().into() })
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// Parses a number of seconds; a date would need a clock that agrees with Vault's.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse::<u64>().ok()?;
    Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
}

enum BodyError {
    TooLarge,
    Interrupted,
}

/// Reads the body into a buffer that is wiped. The chunks of the libraries are not wiped.
async fn read(mut response: Response, limit: usize) -> Result<Zeroizing<Vec<u8>>, BodyError> {
    let announced = response.content_length().map(usize::try_from);
    let capacity = match announced {
        Some(Ok(length)) if length <= limit => length,
        Some(_) => return Err(BodyError::TooLarge),
        None => 4096,
    };
    let mut body = Zeroizing::new(Vec::with_capacity(capacity));
    while let Some(piece) = response.chunk().await.map_err(|_| BodyError::Interrupted)? {
        let needed = body.len() + piece.len();
        if needed > limit {
            return Err(BodyError::TooLarge);
        }
        if needed > body.capacity() {
            // A vector that grows leaves unwiped copies behind.
            let mut wider = Zeroizing::new(Vec::with_capacity(needed.max(body.capacity() * 2)));
            wider.extend_from_slice(&body);
            body = wider;
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

/// Returns an error and its causes. The source of an I/O error is that of the error it wraps, so that the wrapped error would
/// be skipped.
fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| {
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        wrapped.map(|wrapped| wrapped as &(dyn StdError + 'static)).or_else(|| error.source())
    })
}

fn tls_cause(error: &reqwest::Error) -> Option<&rustls::Error> {
    chain(error).find_map(|cause| cause.downcast_ref())
}

fn tls_error(vault: &VaultName, cause: &rustls::Error, has_identity: bool) -> VaultError {
    use rustls::{AlertDescription as Alert, CertificateError as Bad, Error};

    let untrusted = |what: &str, remedy: &str| {
        VaultError::new(
            VaultErrorKind::InvalidResponse,
            format!("vault \"{vault}\" cannot be trusted: its certificate {what}"),
        )
        .remedy(remedy)
    };
    match cause {
        Error::InvalidCertificate(bad) => match bad {
            Bad::Expired | Bad::ExpiredContext { .. } => {
                untrusted("has expired", "renew Vault's certificate, or check this machine's clock")
            }
            Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
                untrusted("is not valid yet", "check the clocks of this machine and of Vault's")
            }
            Bad::UnknownIssuer => {
                untrusted("is signed by an unknown authority", "set `ca_file` to the authority's certificate")
            }
            Bad::NotValidForName | Bad::NotValidForNameContext { .. } => {
                untrusted("is for another name", "set `address` to a name in the certificate")
            }
            Bad::Revoked => untrusted("was revoked", "give Vault a new certificate"),
            _ => untrusted("is invalid", "give Vault a valid certificate"),
        },
        Error::AlertReceived(
            Alert::CertificateRequired
            | Alert::BadCertificate
            | Alert::CertificateExpired
            | Alert::CertificateRevoked
            | Alert::CertificateUnknown
            | Alert::UnsupportedCertificate
            | Alert::UnknownCA
            | Alert::AccessDenied,
        ) => {
            let (what, remedy) = if has_identity {
                (
                    "rejects the daemon's certificate",
                    "renew the certificate in `auth.cert_file` and `auth.key_file`",
                )
            } else {
                (
                    "requires a client certificate",
                    "sign in with method \"cert\", or configure Vault's listener without client certificates",
                )
            };
            VaultError::new(VaultErrorKind::SignIn, format!("vault \"{vault}\" {what}")).remedy(remedy)
        }
        _ => VaultError::new(
            VaultErrorKind::Unavailable,
            format!("the TLS handshake with vault \"{vault}\" failed"),
        )
        .remedy("check that `address` names a port of Vault's that speaks TLS 1.2 or 1.3"),
    }
}
