//! HTTP to one Vault: one client, no redirects, answers of bounded size.
//!
//! It knows how to send and to receive; it knows nothing of what the answers mean. Of what the libraries say about a
//! failed connection only the kind gets out, because their texts hold URLs and bits of answers.

use std::{error::Error as StdError, io, path::PathBuf, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use bytes::Bytes;
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
    settings::{Checked, TlsFiles},
    token::Token,
};
use crate::{Fault, VaultError};

/// The largest answer that is read: the largest secret in base64, and what Vault puts around it.
pub(super) const MAX_ANSWER_BYTES: usize = MAX_SECRET_BYTES / 3 * 4 + 64 * 1024;

/// How much of an answer that tells of an error is looked at.
const MAX_ERROR_BYTES: usize = 256 * 1024;

/// How long a connection may take to be made. How long an answer may take is the caller's matter.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest that a vault is left alone because it said so.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(1);

const TOKEN: HeaderName = HeaderName::from_static("x-vault-token");
const NAMESPACE: HeaderName = HeaderName::from_static("x-vault-namespace");
/// Proxies in front of Vault may insist on it, as a protection against forged requests of browsers.
const REQUEST: HeaderName = HeaderName::from_static("x-vault-request");

/// One request, below `/v1/`.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: Method,
    /// Encoded, with its query.
    pub(super) path: String,
    /// JSON.
    pub(super) body: Option<Bytes>,
    /// Whether it is meant for the configured namespace, not for the whole server.
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

/// The way to one Vault.
pub(super) struct Transport {
    pub(super) vault: VaultName,
    base: String,
    namespace: Option<HeaderValue>,
    files: TlsFiles,
    client: ArcSwap<Made>,
}

/// A client, and what its files held when it was made.
struct Made {
    client: Client,
    digest: [u8; 32],
}

impl Transport {
    pub(super) fn new(vault: VaultName, settings: &Checked) -> Result<Self, String> {
        let made = make(&settings.files, &settings.address)?;
        Ok(Self {
            vault,
            base: format!("{}/v1/", settings.address.as_str().trim_end_matches('/')),
            namespace: settings.namespace.clone(),
            files: settings.files.clone(),
            client: ArcSwap::from_pointee(made),
        })
    }

    /// The address, for people.
    pub(super) fn address(&self) -> &str {
        self.base.trim_end_matches("/v1/")
    }

    /// The files of the daemon's own certificate.
    pub(super) fn identity_files(&self) -> Vec<&PathBuf> {
        self.files.identity.iter().flat_map(|(certificate, key)| [certificate, key]).collect()
    }

    /// Reads the TLS files again, and makes a new client where they changed: certificates are renewed while the daemon runs.
    /// Where they cannot be used, the old client stays.
    pub(super) fn reload(&self) -> bool {
        if self.files.ca.is_none() && self.files.identity.is_none() {
            return false;
        }
        let made =
            Url::parse(&self.base).map_err(|error| error.to_string()).and_then(|url| make(&self.files, &url));
        match made {
            Ok(made) if made.digest == self.client.load().digest => false,
            Ok(made) => {
                self.client.store(Arc::new(made));
                true
            }
            Err(problem) => {
                tracing::warn!(vault = %self.vault, %problem, "the old TLS files are used further");
                false
            }
        }
    }

    /// Sends a request, with a token if there is one, and takes the answer in, whatever its status.
    pub(super) async fn send(&self, request: &Request, token: Option<&Token>) -> Result<Answer, VaultError> {
        let error = match self.try_send(request, token).await {
            Ok(response) => return self.take_in(response).await,
            Err(error) => error,
        };
        // Vault has not seen the request, so it may be sent once more.
        if (error.is_connect() || tls_trouble(&error).is_some()) && self.reload() {
            return match self.try_send(request, token).await {
                Ok(response) => self.take_in(response).await,
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

    async fn take_in(&self, response: Response) -> Result<Answer, VaultError> {
        let status = response.status();
        let json = is_json(response.headers());
        let retry_after = retry_after(response.headers());
        let body = if status.is_success() {
            read(response, MAX_ANSWER_BYTES).await.map_err(|failure| self.unread(failure))?
        } else {
            // The status says enough where the text about it cannot be had.
            read(response, MAX_ERROR_BYTES).await.unwrap_or_default()
        };
        Ok(Answer { status, json, retry_after, body })
    }

    fn unread(&self, failure: Unread) -> VaultError {
        let vault = &self.vault;
        match failure {
            Unread::TooLarge => VaultError::new(
                Fault::TooLarge,
                format!("vault \"{vault}\" answers with more than the {MAX_SECRET_BYTES} bytes that a secret may have"),
            )
            .remedy("keep something smaller in the vault, such as where the large thing is"),
            Unread::Broken => {
                VaultError::new(Fault::Answer, format!("vault \"{vault}\" broke off in the middle of its answer"))
            }
        }
    }

    /// Why no answer came.
    fn unreachable(&self, error: &reqwest::Error) -> VaultError {
        let vault = &self.vault;
        if let Some(trouble) = tls_trouble(error) {
            return tls_error(vault, trouble, self.files.identity.is_some());
        }
        if error.is_connect() {
            let kind = chain(error).find_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind);
            let reason = match kind {
                Some(io::ErrorKind::ConnectionRefused) => "nobody listens at its address",
                Some(io::ErrorKind::TimedOut) => "no connection came about in time",
                Some(io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable) => {
                    "there is no way to its host"
                }
                _ if error.is_timeout() => "no connection came about in time",
                _ => "no connection could be made to its address",
            };
            return VaultError::new(
                Fault::Unavailable,
                format!("vault \"{vault}\" cannot be reached: {reason}"),
            )
            .remedy("check that it runs, and the `address` in the daemon's configuration");
        }
        VaultError::new(
            Fault::Unavailable,
            format!("vault \"{vault}\" ended the connection before it had answered"),
        )
    }
}

fn make(files: &TlsFiles, address: &Url) -> Result<Made, String> {
    let mut digest = Sha256::new();
    let mut builder = Client::builder()
        .user_agent(concat!("kontraktord/", env!("CARGO_PKG_VERSION")))
        // The token would go where the redirect leads.
        .redirect(Policy::none())
        .no_proxy()
        .http1_only()
        .connect_timeout(CONNECT_TIMEOUT)
        // An answer has the size that it has: nothing is unpacked, whatever other crates switch on.
        .no_gzip()
        .no_deflate()
        .no_brotli()
        .no_zstd();
    if address.scheme() == "http" {
        // Spares the search for the system's roots, which may not be there.
        builder = builder.tls_certs_only([]);
    } else {
        builder = builder.https_only(true);
    }
    if let Some(path) = &files.ca {
        let pem = credentials::file("ca_file", path)?;
        digest.update(&*pem);
        let authorities = Certificate::from_pem_bundle(&pem).ok().filter(|all| !all.is_empty());
        let authorities =
            authorities.ok_or_else(|| format!("ca_file {} holds no certificates in PEM", path.display()))?;
        builder = builder.tls_certs_only(authorities);
    }
    if let Some((cert_path, key_path)) = &files.identity {
        let certificate = credentials::file("auth.cert_file", cert_path)?;
        let key = credentials::file("auth.key_file", key_path)?;
        digest.update(&*certificate);
        digest.update(&*key);
        let mut both = Zeroizing::new(Vec::with_capacity(certificate.len() + 1 + key.len()));
        both.extend_from_slice(&certificate);
        both.push(b'\n');
        both.extend_from_slice(&key);
        let identity = Identity::from_pem(&both).map_err(|_| {
            format!(
                "auth.cert_file {} and auth.key_file {} hold no certificate with its private key, in PEM and not \
                 encrypted",
                cert_path.display(),
                key_path.display()
            )
        })?;
        builder = builder.identity(identity);
    }
    let client = builder.build().map_err(|_| {
        let hint = if files.identity.is_some() {
            "; do cert_file and key_file belong together?"
        } else if files.ca.is_none() {
            "; has the system no trusted authorities? name some in ca_file"
        } else {
            ""
        };
        format!("TLS cannot be made with these settings{hint}")
    })?;
    Ok(Made { client, digest: digest.finalize().into() })
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// A number of seconds; the other form, a date, would need a clock that agrees with Vault's.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse::<u64>().ok()?;
    Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
}

enum Unread {
    TooLarge,
    Broken,
}

/// The body, in a buffer that is wiped. The pieces that the libraries hand over are out of reach.
async fn read(mut response: Response, limit: usize) -> Result<Zeroizing<Vec<u8>>, Unread> {
    let announced = response.content_length().map(usize::try_from);
    let capacity = match announced {
        Some(Ok(length)) if length <= limit => length,
        Some(_) => return Err(Unread::TooLarge),
        None => 4096,
    };
    let mut body = Zeroizing::new(Vec::with_capacity(capacity));
    while let Some(piece) = response.chunk().await.map_err(|_| Unread::Broken)? {
        let needed = body.len() + piece.len();
        if needed > limit {
            return Err(Unread::TooLarge);
        }
        if needed > body.capacity() {
            // A vector that grows by itself leaves its old self behind unwiped.
            let mut wider = Zeroizing::new(Vec::with_capacity(needed.max(body.capacity() * 2)));
            wider.extend_from_slice(&body);
            body = wider;
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

/// An error and what it comes from. An I/O error counts the source of what it wraps as its own, and leaves that out.
fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| {
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        wrapped.map(|wrapped| wrapped as &(dyn StdError + 'static)).or_else(|| error.source())
    })
}

fn tls_trouble(error: &reqwest::Error) -> Option<&rustls::Error> {
    chain(error).find_map(|cause| cause.downcast_ref())
}

fn tls_error(vault: &VaultName, trouble: &rustls::Error, has_identity: bool) -> VaultError {
    use rustls::{AlertDescription as Alert, CertificateError as Bad, Error};

    let untrusted = |what: &str, remedy: &str| {
        VaultError::new(Fault::Answer, format!("vault \"{vault}\" cannot be trusted: its certificate {what}"))
            .remedy(remedy)
    };
    match trouble {
        Error::InvalidCertificate(bad) => match bad {
            Bad::Expired | Bad::ExpiredContext { .. } => {
                untrusted("has expired", "renew Vault's certificate, or check this machine's clock")
            }
            Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
                untrusted("is not valid yet", "check the clocks of this machine and of Vault's")
            }
            Bad::UnknownIssuer => untrusted(
                "was signed by no authority that is trusted here",
                "name the file with the authority's certificate in `ca_file`",
            ),
            Bad::NotValidForName | Bad::NotValidForNameContext { .. } => untrusted(
                "is for another name than the address has",
                "write a name into `address` that the certificate is for",
            ),
            Bad::Revoked => untrusted("was revoked", "give Vault a new certificate"),
            _ => untrusted("cannot be accepted", "give Vault a certificate that TLS clients accept"),
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
                ("does not accept the daemon's certificate", "renew what `cert_file` and `key_file` hold")
            } else {
                (
                    "wants a certificate of the daemon",
                    "sign in with the method \"cert\", or let Vault's listener do without",
                )
            };
            VaultError::new(Fault::SignIn, format!("vault \"{vault}\" {what}")).remedy(remedy)
        }
        _ => {
            VaultError::new(Fault::Unavailable, format!("no TLS connection to vault \"{vault}\" can be made"))
                .remedy("check that `address` names a port of Vault's that speaks TLS 1.2 or 1.3")
        }
    }
}
