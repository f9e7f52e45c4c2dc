//! go-plugin's AutoMTLS, strictly: the host's certificate is pinned, and only the holder of its key can connect.
//!
//! The host uses a self-signed P-521 certificate that is marked as a CA. The usual verifier refuses such a certificate as an
//! end entity, so this one does not validate it: it must be, byte for byte, the one in the environment, and the peer must prove
//! that it holds the key.

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

/// Accepts connections from the host, and from no other peer.
#[derive(Clone)]
pub(super) struct Tls {
    acceptor: TlsAcceptor,
    /// For the handshake: DER in base64, without padding, as go-plugin decodes it.
    certificate: Arc<str>,
}

impl Tls {
    /// Creates the plugin's own certificate, and pins the host's, given in PEM.
    pub(super) fn pinned_to(host_pem: &str) -> Result<Self, ServeError> {
        let host = parse_host(host_pem).map_err(|reason| ServeError::ClientCertificate { reason })?;
        Self::new(host).map_err(|reason| ServeError::OwnCertificate { reason })
    }

    fn new(host: CertificateDer<'static>) -> Result<Self, String> {
        // Every host accepts P-256, and it is the fastest to create. The host expects the name localhost.
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
        // No resumption: the host proves its key on every connection.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), certificate })
    }

    /// Returns the plugin's certificate for the handshake line.
    pub(super) fn certificate(&self) -> &str {
        &self.certificate
    }

    pub(super) async fn accept(&self, connection: Connection) -> io::Result<TlsStream<Connection>> {
        self.acceptor.accept(connection).await
    }
}

fn parse_host(pem: &str) -> Result<CertificateDer<'static>, String> {
    let mut certificates = CertificateDer::pem_slice_iter(pem.as_bytes());
    let host = match certificates.next() {
        Some(Ok(host)) => host,
        Some(Err(error)) => return Err(format!("it is not valid PEM ({error})")),
        None => return Err("it contains no certificate".to_owned()),
    };
    if certificates.next().is_some() {
        return Err("it contains more than one certificate".to_owned());
    }
    ParsedCertificate::try_from(&host).map_err(|e| format!("it contains no valid certificate ({e})"))?;
    Ok(host)
}

/// Accepts only the pinned certificate, with proof of its key.
struct PinnedHost {
    host: CertificateDer<'static>,
    /// Those of aws-lc-rs, which include P-521. If P-521 is not offered, a Go host sends no certificate at all.
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
