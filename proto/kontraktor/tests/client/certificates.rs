//! Certificates for the tests: an authority, and what it signs.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    date_time_ymd,
};
use rustls::{
    RootCertStore, ServerConfig, crypto::aws_lc_rs, pki_types::PrivatePkcs8KeyDer,
    server::WebPkiClientVerifier,
};

pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, in PEM.
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// What a server's certificate is like.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    Good,
    Expired,
    OtherName,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(parameters, key).expect("parameters of our own"))
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// Returns the TLS configuration of a server that requires client certificates of `clients`, if given.
    pub(crate) fn server(&self, kind: Server, clients: Option<&Self>) -> Arc<ServerConfig> {
        let names = match kind {
            Server::OtherName => vec!["config.example.com".to_owned()],
            Server::Good | Server::Expired => vec!["127.0.0.1".to_owned(), "localhost".to_owned()],
        };
        let mut parameters = CertificateParams::new(names).expect("names of our own");
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        if kind == Server::Expired {
            parameters.not_before = date_time_ymd(2020, 1, 1);
            parameters.not_after = date_time_ymd(2021, 1, 1);
        }
        let key = KeyPair::generate().expect("a key");
        let certificate = parameters.signed_by(&key, &self.0).expect("parameters of our own");
        let crypto = Arc::new(aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&crypto))
            .with_safe_default_protocol_versions()
            .expect("the provider has TLS 1.3");
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.0.der().clone()).expect("an authority's certificate");
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), crypto).build();
                builder.with_client_cert_verifier(verifier.expect("one root"))
            }
        };
        let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
        let mut config = builder.with_single_cert(vec![certificate.der().clone()], key).expect("a pair");
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Arc::new(config)
    }

    pub(crate) fn client(&self, expired: bool) -> Identity {
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name.push(DnType::CommonName, "pipeline");
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        if expired {
            parameters.not_before = date_time_ymd(2020, 1, 1);
            parameters.not_after = date_time_ymd(2021, 1, 1);
        }
        let key = KeyPair::generate().expect("a key");
        let certificate = parameters.signed_by(&key, &self.0).expect("parameters of our own");
        Identity { certificate: certificate.pem(), key: key.serialize_pem() }
    }
}
