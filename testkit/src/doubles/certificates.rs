//! A certificate authority for one test, and the certificates that its servers show. Only clients that were given its
//! file trust it.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::{ServerConfig, crypto::aws_lc_rs, pki_types::PrivatePkcs8KeyDer};
use tempfile::TempDir;

/// Whether a server's certificate is valid today.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Validity {
    /// It is valid.
    #[default]
    Current,
    /// It expired long ago. The authority itself is still valid.
    Expired,
}

/// A certificate authority. Its file is removed when it is dropped.
#[derive(Debug)]
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    directory: TempDir,
    pem: PathBuf,
}

impl Authority {
    /// Creates an authority with a new key.
    ///
    /// # Panics
    /// When there is no temporary directory.
    pub fn new() -> Self {
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name.push(DnType::CommonName, "Authority of a test double");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // OpenSSL's strict checks, which Python enables from 3.13 on, require these.
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(parameters, key).expect("parameters of our own");
        let directory = tempfile::Builder::new().prefix("ca-").tempdir().expect("a temporary directory");
        let pem = directory.path().join("ca.pem");
        fs::write(&pem, issuer.pem()).expect("the directory takes a file");
        Self { issuer, directory, pem }
    }

    /// Returns the file with the authority's certificate, in PEM, which clients must trust.
    pub fn pem_path(&self) -> &Path {
        &self.pem
    }

    /// Returns the directory of that file. Files that a test puts there are removed with the authority.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Returns the TLS configuration of a server on 127.0.0.1 (or localhost), with a new key each time.
    ///
    /// # Panics
    /// When no key can be created.
    pub fn server(&self, validity: Validity) -> Arc<ServerConfig> {
        let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
        let mut parameters = CertificateParams::new(names).expect("names of our own");
        parameters.distinguished_name.push(DnType::CommonName, "localhost");
        parameters.use_authority_key_identifier_extension = true;
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        if validity == Validity::Expired {
            parameters.not_before = date_time_ymd(2020, 1, 1);
            parameters.not_after = date_time_ymd(2020, 12, 31);
        }
        let key = KeyPair::generate().expect("a key");
        let certificate = parameters.signed_by(&key, &self.issuer).expect("parameters of our own");
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has the versions that are compiled in")
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )
            .expect("the key fits the certificate");
        Arc::new(config)
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}
