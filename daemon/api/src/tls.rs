//! TLS of the daemon's listeners: certificates from files or of the daemon's own authority, client certificates, and their
//! replacement while connections stay open.
//!
//! It knows nothing of who a client certificate makes its owner: it verifies, and says what is in it.

mod certificate;
mod client_certificate;
mod error;
mod files;
mod held_certificate;
mod self_signed;

use std::{path::PathBuf, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use kontraktor_service::Clock;
use rustls::{
    RootCertStore, ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::UnixTime,
    server::{NoServerSessionStorage, WebPkiClientVerifier, danger::ClientCertVerifier},
    sign::CertifiedKey,
    time_provider::TimeProvider,
};
use tokio::sync::{Mutex, watch};

pub(crate) use self::{
    client_certificate::read as read_client_certificate,
    held_certificate::{HeldCertificate, Withdrawn},
};
pub use self::{error::TlsError, self_signed::is_host_name};
use self::{
    files::Fingerprint,
    self_signed::{Authority, Names},
};

/// How often the files are compared with those in use.
const POLL: Duration = Duration::from_secs(2);

/// How often a certificate of the daemon's own authority is looked at, which is renewed weeks before it ends.
const RENEWAL_CHECK: Duration = Duration::from_hours(1);

/// What is negotiated inside TLS (RFC 7301).
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Where certificates come from, and whose client certificates are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsOptions {
    /// The server's certificate.
    pub server: ServerCertificate,
    /// Client certificates; none are asked for without it.
    pub clients: Option<ClientCertificates>,
}

/// Where the server's certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerCertificate {
    /// Two files in PEM: the certificate with its chain, and its key.
    Files {
        /// The certificate, then those that lead to its authority.
        certificate: PathBuf,
        /// Its private key.
        key: PathBuf,
    },
    /// An authority of the daemon's own.
    SelfSigned {
        /// Where authority and certificate are kept. Created with mode 0700.
        directory: PathBuf,
        /// Names and addresses that the certificate is for, besides those of this host.
        names: Vec<String>,
    },
}

/// Whose client certificates are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificates {
    /// The authorities, in PEM.
    pub authorities: PathBuf,
    /// What they have revoked, in PEM: at least one list of every authority that has issued a certificate.
    pub revoked: Option<PathBuf>,
    /// Whether a client must present one.
    pub required: bool,
}

/// The TLS of the daemon's listeners. All of them share it.
pub struct Tls {
    options: ArcSwap<TlsOptions>,
    clock: Arc<dyn Clock>,
    provider: Arc<CryptoProvider>,
    current: ArcSwap<Current>,
    /// Counts how often the files were read again.
    reloads: watch::Sender<u64>,
    /// The files that are in use. Locked while they are read again.
    files: Mutex<Fingerprint>,
}

/// What the files contained when they were read last.
struct Current {
    config: Arc<ServerConfig>,
    /// Verifies client certificates, where there are any.
    clients: Option<Arc<dyn ClientCertVerifier>>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("options", &self.options.load()).finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads the files, or creates them where they are the daemon's own. Blocks.
    ///
    /// # Errors
    /// The file and the reason: one that cannot be used now must not be found out by the first client.
    pub fn load(options: TlsOptions, clock: Arc<dyn Clock>) -> Result<Arc<Self>, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let fingerprint = Fingerprint::of(&options);
        let current = read(&options, &provider, &clock)?;
        Ok(Arc::new(Self {
            options: ArcSwap::from_pointee(options),
            clock,
            provider,
            current: ArcSwap::from_pointee(current),
            reloads: watch::Sender::default(),
            files: Mutex::new(fingerprint),
        }))
    }

    /// Returns what new connections use.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.load().config)
    }

    /// Returns the number of times that the files were read again, as it changes.
    pub(crate) fn reloads(&self) -> watch::Receiver<u64> {
        self.reloads.subscribe()
    }

    /// Returns the certificate of the daemon's own authority, which clients have to trust.
    pub fn own_authority(&self) -> Option<PathBuf> {
        match &self.options.load().server {
            ServerCertificate::SelfSigned { directory, .. } => Some(Authority::certificate_in(directory)),
            ServerCertificate::Files { .. } => None,
        }
    }

    /// Reads the files again. New connections use what they contain; the open ones stay, but those whose client certificate is
    /// not accepted any more. Where they cannot be used, those in
    /// use stay, and the log gets a warning.
    pub async fn reload(self: &Arc<Self>) {
        let mut files = self.files.lock().await;
        self.reload_locked(&mut files).await;
    }

    /// Uses other options from now on: new connections use what their files contain; the open ones stay, as after a reload.
    ///
    /// # Errors
    /// The file and the reason. The options in use stay, with what was read of their files.
    pub async fn replace(self: &Arc<Self>, options: TlsOptions) -> Result<(), TlsError> {
        let mut files = self.files.lock().await;
        let options = Arc::new(options);
        let (fingerprint, current) = self.read(Arc::clone(&options)).await;
        self.replace_current(current?);
        self.options.store(options);
        *files = fingerprint;
        Ok(())
    }

    /// Watches the files for as long as it is polled: whatever replaces them, in whatever order, is used once it is complete.
    pub async fn watch(self: &Arc<Self>) {
        let mut seen: Option<Fingerprint> = None;
        let mut renewal_due = tokio::time::Instant::now() + RENEWAL_CHECK;
        loop {
            tokio::time::sleep(POLL).await;
            let found = self.offload(|tls| Fingerprint::of(&tls.options.load())).await;
            let mut files = self.files.lock().await;
            if *files == found {
                seen = None;
            } else if seen.as_ref() == Some(&found) {
                self.reload_locked(&mut files).await;
                seen = None;
            } else {
                // Certificate and key are two files: nothing is read while they change.
                seen = Some(found);
            }
            if tokio::time::Instant::now() >= renewal_due {
                renewal_due = tokio::time::Instant::now() + RENEWAL_CHECK;
                let renewed = self.offload(|tls| tls.ensure_own(tls.clock.now())).await;
                match renewed {
                    Ok(true) => self.reload_locked(&mut files).await,
                    Ok(false) => {}
                    Err(error) => tracing::warn!(%error, "cannot renew the daemon's own certificate"),
                }
            }
        }
    }

    async fn reload_locked(self: &Arc<Self>, files: &mut Fingerprint) {
        let (fingerprint, current) = self.read(self.options.load_full()).await;
        match current {
            Ok(current) => {
                self.replace_current(current);
                tracing::info!("reloaded the TLS certificates");
            }
            Err(error) => {
                tracing::warn!(%error, "the TLS certificates were not reloaded; those in use stay in use");
            }
        }
        // A file that cannot be used is reported once.
        *files = fingerprint;
    }

    /// Reads the files of these options, which may change meanwhile: the fingerprint is that of before.
    async fn read(self: &Arc<Self>, options: Arc<TlsOptions>) -> (Fingerprint, Result<Current, TlsError>) {
        self.offload(move |tls| {
            let fingerprint = Fingerprint::of(&options);
            (fingerprint, self::read(&options, &tls.provider, &tls.clock))
        })
        .await
    }

    fn replace_current(&self, current: Current) {
        self.current.store(Arc::new(current));
        self.reloads.send_modify(|count| *count += 1);
    }

    async fn offload<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> T {
        let tls = Arc::clone(self);
        match tokio::task::spawn_blocking(move || work(&tls)).await {
            Ok(done) => done,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    /// Renews the daemon's own certificate where that is due. Returns whether it did.
    fn ensure_own(&self, now: Timestamp) -> Result<bool, TlsError> {
        match &self.options.load().server {
            ServerCertificate::SelfSigned { directory, names } => {
                self_signed::ensure(directory, &Names::of_this_host(names), now)
            }
            ServerCertificate::Files { .. } => Ok(false),
        }
    }
}

/// Reads the files and makes the configuration of new connections.
fn read(
    options: &TlsOptions,
    provider: &Arc<CryptoProvider>,
    clock: &Arc<dyn Clock>,
) -> Result<Current, TlsError> {
    let now = clock.now();
    let key = match &options.server {
        ServerCertificate::Files { certificate, key } => certificate::load(certificate, key, provider, now)?,
        ServerCertificate::SelfSigned { directory, names } => {
            self_signed::ensure(directory, &Names::of_this_host(names), now)?;
            let (certificate, key) = Authority::server_in(directory);
            certificate::load(&certificate, &key, provider, now)?
        }
    };
    let builder = ServerConfig::builder_with_details(Arc::clone(provider), Arc::new(Time(Arc::clone(clock))))
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::Unsupported(error.to_string()))?;
    let clients = options.clients.as_ref().map(|clients| client_verifier(clients, provider)).transpose()?;
    let builder = match &clients {
        None => builder.with_no_client_auth(),
        Some(verifier) => builder.with_client_cert_verifier(Arc::clone(verifier)),
    };
    let mut config = builder.with_cert_resolver(Arc::new(OneCertificate(Arc::new(key))));
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
    if clients.is_some() {
        // A resumed session is not verified again, although a certificate or a list of revoked ones may have ended meanwhile.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    Ok(Current { config: Arc::new(config), clients })
}

fn client_verifier(
    clients: &ClientCertificates,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let path = &clients.authorities;
    let mut roots = RootCertStore::empty();
    for authority in files::certificates(path)? {
        roots
            .add(authority)
            .map_err(|error| TlsError::unusable(path, format!("is not usable as an authority: {error}")))?;
    }
    let mut verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    if let Some(revoked) = &clients.revoked {
        // A list that has not been updated in time says nothing about what was revoked since.
        verifier = verifier.with_crls(files::revocation_lists(revoked)?).enforce_revocation_expiration();
    }
    if !clients.required {
        verifier = verifier.allow_unauthenticated();
    }
    let culprit = clients.revoked.as_ref().unwrap_or(path);
    verifier.build().map_err(|error| TlsError::unusable(culprit, format!("cannot be used: {error}")))
}

/// The only certificate, whatever name the client asks for.
#[derive(Debug)]
struct OneCertificate(Arc<CertifiedKey>);

impl rustls::server::ResolvesServerCert for OneCertificate {
    fn resolve(&self, _: rustls::server::ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// The daemon's clock, as the library asks for it.
struct Time(Arc<dyn Clock>);

impl std::fmt::Debug for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Time")
    }
}

impl TimeProvider for Time {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.now().as_second()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}
