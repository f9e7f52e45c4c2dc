//! TLS: whom the client trusts, and the certificate that it shows.
//!
//! It knows how certificates and keys are written down. It does not know what is sent over a connection.

mod failure;
mod pem;

use std::sync::{Arc, Mutex, PoisonError};

use rustls::{
    ClientConfig, RootCertStore,
    client::WantsClientCert,
    crypto::{CryptoProvider, aws_lc_rs},
};
use rustls_platform_verifier::BuilderVerifierExt as _;

pub(super) use self::failure::handshake_failure;
use super::settings::{Level, Setting, SettingError};

/// What the client trusts, and the certificate that it shows. Each is PEM, or the path of a file in PEM.
#[derive(Debug, Clone, Default)]
pub struct TlsOptions {
    /// The certificates of the authorities that are trusted. Without it, those of the system are.
    pub ca_certificate: Option<Setting>,
    /// The client certificate, with the certificates of its chain after it.
    pub client_certificate: Option<Setting>,
    /// The key of the client certificate.
    pub client_key: Option<Setting>,
}

impl TlsOptions {
    /// Reads the files, and checks that a connection can be made with them.
    ///
    /// # Errors
    /// The setting that is wrong.
    pub fn check(&self) -> Result<(), SettingError> {
        self.load().map(|_| ())
    }

    /// Returns whether files are involved, which may change while the program runs.
    fn has_files(&self) -> bool {
        [&self.ca_certificate, &self.client_certificate, &self.client_key]
            .into_iter()
            .flatten()
            .any(|setting| !pem::is_pem(setting.text()))
    }

    fn load(&self) -> Result<ClientConfig, SettingError> {
        let crypto = Arc::new(aws_lc_rs::default_provider());
        let identity = match (&self.client_certificate, &self.client_key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            (Some(certificate), None) => {
                return Err(certificate.invalid("the setting client_key is missing; set both, or neither"));
            }
            (None, Some(key)) => {
                return Err(key.invalid("the setting client_certificate is missing; set both, or neither"));
            }
        };
        let builder = self.trusting(crypto)?;
        let Some((certificate, key)) = identity else { return Ok(builder.with_no_client_auth()) };
        let (chain, private_key) = (pem::certificates(certificate)?, pem::private_key(key)?);
        builder.with_client_auth_cert(chain, private_key).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => {
                key.invalid(format!("the key does not belong to the certificate in {}", certificate.name()))
            }
            _ => key.invalid("the key is of a kind that is not supported; use ECDSA, RSA or Ed25519"),
        })
    }

    fn trusting(
        &self,
        crypto: Arc<CryptoProvider>,
    ) -> Result<rustls::ConfigBuilder<ClientConfig, WantsClientCert>, SettingError> {
        let missing = |error: &dyn std::fmt::Display| SettingError {
            name: "ca_certificate",
            level: Level::Environment,
            message: format!(
                "it is not set, and the system's certificates of authorities cannot be used ({error}). Set it, or \
                 install them: on Debian, the package ca-certificates"
            ),
        };
        let builder = ClientConfig::builder_with_provider(crypto)
            .with_safe_default_protocol_versions()
            .map_err(|error| missing(&error))?;
        let Some(setting) = &self.ca_certificate else {
            return builder.with_platform_verifier().map_err(|error| missing(&error));
        };
        let mut roots = RootCertStore::empty();
        for certificate in pem::certificates(setting)? {
            roots.add(certificate).map_err(|_| setting.invalid("it contains an invalid certificate"))?;
        }
        Ok(builder.with_root_certificates(roots))
    }
}

/// The TLS configuration of a client.
pub(super) struct Tls {
    options: TlsOptions,
    current: Mutex<Arc<ClientConfig>>,
}

impl Tls {
    pub(super) fn new(options: &TlsOptions) -> Result<Self, SettingError> {
        let current = Mutex::new(Arc::new(options.load()?));
        Ok(Self { options: options.clone(), current })
    }

    /// Returns the configuration for a new connection that speaks `protocol` (ALPN). Files are read again, because
    /// certificates are renewed while a long apply runs; while they are invalid, the configuration before stays.
    pub(super) fn config(&self, protocol: &[u8]) -> ClientConfig {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if self.options.has_files() {
            match self.options.load() {
                Ok(loaded) => *current = Arc::new(loaded),
                Err(error) => tracing::warn!(%error, "the certificates read before stay in use"),
            }
        }
        let mut config = ClientConfig::clone(&current);
        config.alpn_protocols = vec![protocol.to_vec()];
        config
    }

    /// Returns whether authorities were named in place of the system's.
    pub(super) fn has_authorities(&self) -> bool {
        self.options.ca_certificate.is_some()
    }

    /// Returns whether the client certificate is in a file, which is read again for each connection.
    pub(super) fn has_identity_in_file(&self) -> bool {
        self.options.client_certificate.as_ref().is_some_and(|setting| !pem::is_pem(setting.text()))
    }

    /// Returns whether a client certificate is shown.
    pub(super) fn has_identity(&self) -> bool {
        self.options.client_certificate.is_some()
    }
}
