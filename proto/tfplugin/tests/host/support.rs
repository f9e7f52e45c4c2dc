//! A host for tests: starts a provider as Terraform does, and connects to it with its own certificate.

use std::{
    path::{Path, PathBuf},
    process::{Output, Stdio},
    sync::Arc,
    time::{Duration, SystemTime},
};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, PKCS_ECDSA_P521_SHA512};
use rustls::{
    ClientConfig, RootCertStore,
    client::ResolvesClientCert,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName},
    sign::{CertifiedKey, SingleCertAndKey},
};
use tempfile::TempDir;
use tfplugin_proto::goplugin::{Empty, grpc_controller_client::GrpcControllerClient};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, BufReader},
    net::{TcpStream, UnixStream},
    process::{Child, ChildStdout, Command},
};
use tonic::transport::{Channel, Endpoint};

pub(crate) const COOKIE: (&str, &str) =
    ("TF_PLUGIN_MAGIC_COOKIE", "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2");

/// When a test that hangs fails. No test depends on how long anything takes.
pub(crate) const DEADLINE: Duration = Duration::from_mins(2);

/// A host's certificate and key, as go-plugin makes them.
pub(crate) struct Identity {
    pub(crate) pem: String,
    pub(crate) der: CertificateDer<'static>,
    key: Vec<u8>,
}

impl Identity {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P521_SHA512).unwrap();
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        Self { pem: certificate.pem(), der: certificate.der().clone(), key: key.serialize_der() }
    }

    fn key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.clone()).into()
    }

    /// Returns this key under another's certificate. No library builds such a pair.
    pub(crate) fn posing_as(&self, other: &Self) -> Arc<dyn ResolvesClientCert> {
        let key = aws_lc_rs::default_provider().key_provider.load_private_key(self.key()).unwrap();
        Arc::new(SingleCertAndKey::from(CertifiedKey::new(vec![other.der.clone()], key)))
    }
}

/// A program of the crate's examples, as `cargo test` builds it. With a target or a test selected (`--test host`, a name) cargo leaves the
/// examples as they are, and one that is older than the sources would prove nothing.
pub(crate) fn example(name: &str) -> Command {
    let deps = std::env::current_exe().unwrap();
    let path = deps.parent().unwrap().parent().unwrap().join("examples").join(name);
    let remedy =
        "cargo build -p tfplugin-proto --examples builds it, as cargo test does when nothing is selected";
    assert!(path.exists(), "{} is missing: {remedy}", path.display());
    let sources = newest(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(modified(&path) >= sources, "{} is older than the sources: {remedy}", path.display());
    let mut command = Command::new(path);
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

fn modified(path: &Path) -> SystemTime {
    path.metadata().unwrap().modified().unwrap()
}

/// When a file in this folder or below was changed last.
fn newest(dir: &Path) -> SystemTime {
    let entries = files(dir).into_iter();
    entries.map(|path| if path.is_dir() { newest(&path) } else { modified(&path) }).max().unwrap()
}

/// Runs a program to its end.
pub(crate) async fn output(mut command: Command) -> Output {
    tokio::time::timeout(DEADLINE, command.output()).await.expect("it ends").unwrap()
}

/// A provider that a host started.
pub(crate) struct Plugin {
    pub(crate) child: Child,
    pub(crate) stdout: BufReader<ChildStdout>,
    pub(crate) dir: TempDir,
    /// The fields of the handshake line.
    pub(crate) fields: Vec<String>,
}

impl Plugin {
    /// Starts an example; with an identity, mutual TLS is asked for.
    pub(crate) async fn start(name: &str, identity: Option<&Identity>, variables: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut command = example(name);
        command
            .env(COOKIE.0, COOKIE.1)
            .env("PLUGIN_PROTOCOL_VERSIONS", "5,6")
            .env("PLUGIN_UNIX_SOCKET_DIR", dir.path());
        if let Some(identity) = identity {
            command.env("PLUGIN_CLIENT_CERT", &identity.pem);
        }
        command.envs(variables.iter().copied());
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        tokio::time::timeout(DEADLINE, stdout.read_line(&mut line))
            .await
            .expect("a handshake comes")
            .unwrap();
        let fields = line.trim_end_matches('\n').split('|').map(str::to_owned).collect();
        Self { child, stdout, dir, fields }
    }

    /// The provider's certificate, from the handshake.
    pub(crate) fn certificate(&self) -> CertificateDer<'static> {
        CertificateDer::from(STANDARD_NO_PAD.decode(&self.fields[5]).unwrap())
    }

    /// TLS as the true host does it.
    pub(crate) fn tls(&self, identity: &Identity) -> ClientConfig {
        self.tls_with(|builder| {
            builder.with_client_auth_cert(vec![identity.der.clone()], identity.key()).unwrap()
        })
    }

    /// TLS with another idea of the client's certificate.
    pub(crate) fn tls_with(
        &self,
        client: impl FnOnce(rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>) -> ClientConfig,
    ) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
        let mut config = client(builder);
        config.alpn_protocols = vec![b"h2".to_vec()];
        config
    }

    /// A channel as a host opens it.
    pub(crate) async fn channel(
        &self,
        tls: Option<ClientConfig>,
    ) -> Result<Channel, tonic::transport::Error> {
        channel(&self.fields[2], &self.fields[3], tls).await
    }

    /// Waits until the process has ended, and returns its exit code, the rest of stdout, and stderr.
    pub(crate) async fn end(mut self) -> Ended {
        let status = tokio::time::timeout(DEADLINE, self.child.wait()).await.expect("it ends").unwrap();
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.stdout.read_to_string(&mut stdout).await.unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut stderr).await.unwrap();
        let left = files(self.dir.path());
        Ended { code: status.code(), stdout, stderr, left }
    }
}

/// What a provider leaves when it has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    /// What came after the handshake line.
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// Files in the directory for sockets.
    pub(crate) left: Vec<PathBuf>,
}

impl Ended {
    pub(crate) fn assert_clean(&self) {
        assert_eq!(self.code, Some(0), "{self:?}");
        assert!(self.stdout.is_empty() && self.left.is_empty(), "{self:?}");
    }
}

pub(crate) fn files(dir: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// A channel to a provider, over TLS or plain.
pub(crate) async fn channel(
    network: &str,
    address: &str,
    tls: Option<ClientConfig>,
) -> Result<Channel, tonic::transport::Error> {
    let (network, address, tls) = (network.to_owned(), address.to_owned(), tls.map(Arc::new));
    let connector = tower::service_fn(move |_| {
        let (network, address, tls) = (network.clone(), address.clone(), tls.clone());
        async move {
            let stream: Box<dyn Stream> = match network.as_str() {
                "unix" => Box::new(UnixStream::connect(&address).await?),
                _ => Box::new(TcpStream::connect(&address).await?),
            };
            let stream = match tls {
                Some(tls) => {
                    let name = ServerName::try_from("localhost").unwrap();
                    Box::new(tokio_rustls::TlsConnector::from(tls).connect(name, stream).await?)
                }
                None => stream,
            };
            Ok::<_, std::io::Error>(TokioIo::new(stream))
        }
    });
    // The name is for the headers only: the connector knows where to go.
    let endpoint = Endpoint::from_static("http://localhost").connect_timeout(DEADLINE).timeout(DEADLINE);
    endpoint.connect_with_connector(connector).await
}

/// Shuts a provider down as a host does.
pub(crate) async fn shutdown(channel: Channel) {
    GrpcControllerClient::new(channel).shutdown(Empty {}).await.unwrap();
}

pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}
