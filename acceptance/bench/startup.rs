//! From exec to the handshake line, and to the schema over mTLS, as Terraform does both.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use hyper_util::rt::TokioIo;
use rustls::{
    DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{aws_lc_rs, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime},
};
use testkit::binary;
use tfplugin_proto::wire;
use tokio::net::UnixStream;
use tonic::transport::Endpoint;

use crate::report;

const ROUNDS: usize = 20;

/// One start.
struct Start {
    handshake: f64,
    schema: f64,
    resident: f64,
}

pub(crate) fn run(peer: Option<&Path>) {
    report::line(&format!("\nstartup, {ROUNDS} rounds in turn, medians"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let host = Host::new();
    let ours = binary("terraform-provider-kontraktor");
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let start = runtime.block_on(host.start(&ours));
        let rival = peer.map(|peer| runtime.block_on(host.start(peer)));
        // The first round warms the page cache.
        if round > 0 {
            a.push(start);
            b.extend(rival);
        }
    }
    let figures = |starts: &[Start], of: fn(&Start) -> f64| starts.iter().map(of).collect::<Vec<_>>();
    for (what, unit, of) in [
        ("exec to handshake", "ms", (|s: &Start| s.handshake) as fn(&Start) -> f64),
        ("exec to schema", "ms", |s| s.schema),
        ("resident after the schema", "MB", |s| s.resident),
    ] {
        let rival = figures(&b, of);
        report::row(what, unit, &figures(&a, of), peer.map(|_| ("Go framework", &rival[..])));
    }
}

/// Terraform's side: a P-521 certificate, created once here because it costs the same for all.
struct Host {
    certificate: rcgen::Certificate,
    key: rcgen::KeyPair,
    sockets: tempfile::TempDir,
}

impl Host {
    fn new() -> Self {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P521_SHA512).expect("a P-521 key");
        let mut parameters = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        parameters.distinguished_name.push(rcgen::DnType::CommonName, "localhost");
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let certificate = parameters.self_signed(&key).expect("a certificate");
        Self { certificate, key, sockets: tempfile::tempdir().expect("a directory") }
    }

    async fn start(&self, provider: &Path) -> Start {
        let began = Instant::now();
        let mut child = Command::new(provider)
            .env("TF_PLUGIN_MAGIC_COOKIE", "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2")
            .env("PLUGIN_PROTOCOL_VERSIONS", "6,5")
            .env("PLUGIN_CLIENT_CERT", self.certificate.pem())
            .env("PLUGIN_UNIX_SOCKET_DIR", self.sockets.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the provider starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("stdout is piped"))
            .read_line(&mut line)
            .expect("a handshake line");
        let handshake = milliseconds(began.elapsed());
        let fields: Vec<&str> = line.trim().split('|').collect();
        let (address, certificate) = (PathBuf::from(fields[3]), fields[5]);
        let channel = self.connect(address, certificate).await;
        let mut client =
            wire::provider_client::ProviderClient::new(channel).max_decoding_message_size(64 << 20);
        client.get_provider_schema(wire::get_provider_schema::Request::default()).await.expect("a schema");
        let schema = milliseconds(began.elapsed());
        let resident = resident(&child);
        child.kill().expect("our own child");
        child.wait().expect("our own child");
        Start { handshake, schema, resident }
    }

    async fn connect(&self, socket: PathBuf, certificate: &str) -> tonic::transport::Channel {
        use base64::Engine as _;
        let server = base64::engine::general_purpose::STANDARD_NO_PAD.decode(certificate).expect("base64");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let mut tls = rustls::ClientConfig::builder()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Pinned(CertificateDer::from(server))))
            .with_client_auth_cert(vec![self.certificate.der().clone()], key)
            .expect("a client certificate");
        tls.alpn_protocols = vec![b"h2".to_vec()];
        let connector = tokio_rustls::TlsConnector::from(Arc::new(tls));
        let connect = tower::service_fn(move |_| {
            let (connector, socket) = (connector.clone(), socket.clone());
            async move {
                let stream = UnixStream::connect(socket).await?;
                let name = ServerName::try_from("localhost").expect("a name");
                connector.connect(name, stream).await.map(TokioIo::new)
            }
        });
        Endpoint::from_static("http://localhost").connect_with_connector(connect).await.expect("mTLS")
    }
}

/// Accepts the certificate of the handshake line, as Terraform does; the Go peer's calls itself a CA, which the usual
/// verifier refuses.
#[derive(Debug)]
struct Pinned(CertificateDer<'static>);

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if *end_entity == self.0 {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(rustls::Error::General("not the certificate of the handshake line".to_owned()))
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.3 only".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
        verify_tls13_signature(message, cert, signature, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// Resident memory in MB (10^6 bytes).
fn resident(child: &Child) -> f64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse().unwrap_or_default();
    kib * 1024.0 / 1e6
}
