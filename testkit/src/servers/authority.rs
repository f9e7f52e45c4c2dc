//! Certificates: an authority for one test, and what it signs.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};

/// An authority that signs certificates for servers and clients.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: rcgen::Certificate,
}

/// A certificate and its key.
pub struct Identity {
    certificate: rcgen::Certificate,
    key: KeyPair,
    serial: SerialNumber,
}

impl Authority {
    /// Creates an authority.
    ///
    /// # Panics
    /// When no key can be created.
    pub fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut parameters = CertificateParams::default();
        // A unique name, as authorities have: a client that trusts another one finds this one unknown, and not its
        // signatures wrong.
        let name = format!("authority {}", uuid::Uuid::new_v4());
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = parameters.self_signed(&key).expect("a certificate");
        Self { issuer: Issuer::new(parameters, key), certificate }
    }

    /// Issues a server's certificate for 127.0.0.1 and localhost.
    ///
    /// # Panics
    /// When no key can be created.
    pub fn server(&self) -> Identity {
        self.sign("127.0.0.1", ExtendedKeyUsagePurpose::ServerAuth, false)
    }

    /// Issues a server's certificate that expired in 2021.
    ///
    /// # Panics
    /// When no key can be created.
    pub fn expired_server(&self) -> Identity {
        self.sign("127.0.0.1", ExtendedKeyUsagePurpose::ServerAuth, true)
    }

    /// Issues a client's certificate with this common name.
    ///
    /// # Panics
    /// When no key can be created.
    pub fn client(&self, common_name: &str) -> Identity {
        self.sign(common_name, ExtendedKeyUsagePurpose::ClientAuth, false)
    }

    /// Issues a client's certificate that is valid for so long.
    ///
    /// # Panics
    /// When no key can be created.
    pub fn client_for(&self, common_name: &str, lifetime: Duration) -> Identity {
        let end = UNIX_EPOCH.elapsed().expect("after 1970") + lifetime;
        let end = date_time_ymd(1970, 1, 1) + Duration::from_secs(end.as_secs());
        self.sign_with(common_name, ExtendedKeyUsagePurpose::ClientAuth, |parameters| {
            parameters.not_after = end;
        })
    }

    /// Issues a client's certificate that expired in 2021.
    ///
    /// # Panics
    /// When no key can be created.
    pub fn expired_client(&self, common_name: &str) -> Identity {
        self.sign(common_name, ExtendedKeyUsagePurpose::ClientAuth, true)
    }

    /// Returns the list of revoked certificates, in PEM.
    ///
    /// # Panics
    /// When it cannot be signed.
    pub fn revocation_list(&self, revoked: &[&Identity]) -> String {
        let revoked = revoked.iter().map(|identity| RevokedCertParams {
            serial_number: identity.serial.clone(),
            revocation_time: date_time_ymd(2024, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2024, 1, 1),
            next_update: date_time_ymd(4000, 1, 1),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).expect("a list").pem().expect("PEM")
    }

    fn sign(&self, common_name: &str, usage: ExtendedKeyUsagePurpose, expired: bool) -> Identity {
        self.sign_with(common_name, usage, |parameters| {
            if expired {
                parameters.not_before = date_time_ymd(2020, 1, 1);
                parameters.not_after = date_time_ymd(2021, 1, 1);
            }
        })
    }

    fn sign_with(
        &self,
        common_name: &str,
        usage: ExtendedKeyUsagePurpose,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let names = match usage {
            ExtendedKeyUsagePurpose::ServerAuth => vec!["127.0.0.1".to_owned(), "localhost".to_owned()],
            _ => Vec::new(),
        };
        let mut parameters = CertificateParams::new(names).expect("an address and a name");
        parameters.distinguished_name.push(DnType::CommonName, common_name);
        let serial = SerialNumber::from_slice(uuid::Uuid::new_v4().as_bytes());
        parameters.serial_number = Some(serial.clone());
        parameters.extended_key_usages = vec![usage];
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        change(&mut parameters);
        let certificate = parameters.signed_by(&key, &self.issuer).expect("a certificate");
        Identity { certificate, key, serial }
    }

    /// Returns the authority's certificate, in PEM.
    pub fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// Returns a client's TLS configuration that trusts only this authority, with a client certificate if given.
    ///
    /// # Panics
    /// When the certificate and its key do not belong together.
    pub fn client_config(&self, identity: Option<&Identity>) -> ClientConfig {
        let builder = trust(&[self]);
        match identity {
            None => builder.with_no_client_auth(),
            Some(identity) => builder
                .with_client_auth_cert(vec![identity.der()], identity.key_der())
                .expect("the key belongs to the certificate"),
        }
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Identity {
    /// Returns the certificate, in PEM.
    pub fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// Returns the key, in PEM.
    pub fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    /// Writes certificate and key, in PEM. Each file is replaced as a whole, and the key is its owner's alone.
    ///
    /// # Panics
    /// When a file cannot be written.
    pub fn write(&self, certificate: &Path, key: &Path) {
        replace(certificate, &self.pem());
        replace(key, &self.key_pem());
    }

    /// Returns a server's TLS configuration with this certificate and without client certificates.
    ///
    /// # Panics
    /// When the certificate and its key do not belong together.
    pub fn server_config(&self) -> ServerConfig {
        ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has TLS 1.3")
            .with_no_client_auth()
            .with_single_cert(vec![self.der()], self.key_der())
            .expect("the key belongs to the certificate")
    }

    fn der(&self) -> CertificateDer<'static> {
        self.certificate.der().clone()
    }

    fn key_der(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.serialize_der()).into()
    }
}

/// Replaces a file.
fn replace(path: &Path, text: &str) {
    let draft = path.with_extension("draft");
    fs::write(&draft, text).expect("a scratch directory can be written to");
    fs::set_permissions(&draft, fs::Permissions::from_mode(0o600)).expect("a file of our own");
    fs::rename(&draft, path).expect("both are in one directory");
}

/// Returns a client's TLS configuration that trusts only these roots.
pub(super) fn trusting(authorities: &[&Authority]) -> ClientConfig {
    trust(authorities).with_no_client_auth()
}

fn trust(authorities: &[&Authority]) -> rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert> {
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(authority.certificate.der().clone()).expect("an authority's certificate");
    }
    ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has TLS 1.3")
        .with_root_certificates(roots)
}
