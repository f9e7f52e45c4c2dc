//! go-plugin's AutoMTLS, strictly: the host's certificate is pinned, and nobody without its key gets a connection.
//!
//! The host sends a self-signed P-521 certificate that calls itself a CA. The usual verifier refuses such a certificate
//! as an end entity, so this one does not judge the certificate at all: it must be, byte for byte, the one that the host
//! put into the environment, and the peer must prove to hold its key.

use std::{fmt, io, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use rcgen::{CertificateParams, KeyPair};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, PeerIncompatible, ServerConfig,
    SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls13_signature},
    pki_types::{CertificateDer, PrivatePkcs8KeyDer, UnixTime, pem::PemObject as _},
    server::{
        NoServerSessionStorage, ParsedCertificate,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{ServeError, connection::Connection};

/// What a plugin needs to accept its host and nobody else.
#[derive(Clone)]
pub(super) struct Tls {
    acceptor: TlsAcceptor,
    /// For the handshake: DER in base64, without padding because go-plugin decodes it so.
    certificate: Arc<str>,
}

impl Tls {
    /// Makes the plugin's own certificate, and pins the host's, given in PEM.
    pub(super) fn pinned_to(host_pem: &str) -> Result<Self, ServeError> {
        let host = parse_host(host_pem).map_err(|reason| ServeError::ClientCertificate { reason })?;
        Self::new(host).map_err(|reason| ServeError::OwnCertificate { reason })
    }

    fn new(host: CertificateDer<'static>) -> Result<Self, String> {
        // P-256 is what every host takes and what is made fastest. The host looks for the name localhost.
        let key = KeyPair::generate().map_err(|e| e.to_string())?;
        let own =
            CertificateParams::new(["localhost".to_owned()]).and_then(|params| params.self_signed(&key));
        let own = own.map_err(|e| e.to_string())?.der().clone();
        let certificate = STANDARD_NO_PAD.encode(&own).into();

        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = PinnedHost { host, algorithms: provider.signature_verification_algorithms };
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|e| e.to_string())?
            .with_client_cert_verifier(Arc::new(verifier))
            .with_single_cert(vec![own], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
            .map_err(|e| e.to_string())?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        // Every connection proves the host's key anew: no resumption.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), certificate })
    }

    /// The plugin's certificate as the handshake line carries it.
    pub(super) fn certificate(&self) -> &str {
        &self.certificate
    }

    pub(super) async fn accept(&self, connection: Connection) -> io::Result<TlsStream<Connection>> {
        self.acceptor.accept(connection).await
    }
}

fn parse_host(pem: &str) -> Result<CertificateDer<'static>, String> {
    let mut found = CertificateDer::pem_slice_iter(pem.as_bytes());
    let host = match found.next() {
        Some(Ok(host)) => host,
        Some(Err(error)) => return Err(format!("it is no valid PEM ({error})")),
        None => return Err("it holds no certificate".to_owned()),
    };
    if found.next().is_some() {
        return Err("it holds more than one certificate".to_owned());
    }
    ParsedCertificate::try_from(&host).map_err(|e| format!("it holds no valid certificate ({e})"))?;
    Ok(host)
}

/// Accepts the one certificate, with proof of its key.
struct PinnedHost {
    host: CertificateDer<'static>,
    /// Those of aws-lc-rs, with P-521 among them. A Go host to which P-521 is not offered sends no certificate at all.
    algorithms: WebPkiSupportedAlgorithms,
}

impl fmt::Debug for PinnedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PinnedHost").finish_non_exhaustive()
    }
}

impl ClientCertVerifier for PinnedHost {
    fn client_auth_mandatory(&self) -> bool {
        true
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if *end_entity == self.host {
            Ok(ClientCertVerified::assertion())
        } else {
            Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::PeerIncompatible(PeerIncompatible::Tls12NotOffered))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
