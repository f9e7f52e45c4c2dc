//! Where connections come from: a list of listeners, and one stream of the connections of all of them.

use std::{io, net::SocketAddr, pin::Pin, sync::Arc, time::Duration};

use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
};
use tokio_rustls::TlsAcceptor;
use tokio_stream::{
    Stream, StreamExt as _, StreamMap,
    wrappers::{TcpListenerStream, UnixListenerStream},
};

use super::{
    connection_limits::{Admission, Admitted},
    tls::{HeldCertificate, Tls, read_client_certificate},
};

/// How long to wait after a connection that could not be accepted.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// When the system asks the other end of a silent connection whether it is still there, how often, and how many times.
const KEEPALIVE: (Duration, Duration, u32) = (Duration::from_mins(1), Duration::from_secs(15), 4);

/// A bound listener.
#[derive(Debug)]
pub enum Listener {
    /// The unix socket.
    Unix(UnixListener),
    /// A port of this machine. Without TLS, nothing that travels is encrypted.
    Tcp(TcpListener, Option<Arc<Tls>>),
}

/// What carries the bytes of a connection.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Socket for S {}

/// A connection that was accepted. Nothing was read from it.
pub(crate) enum Accepted {
    Unix(UnixStream),
    Tcp { stream: TcpStream, address: SocketAddr, tls: Option<Arc<Tls>>, admitted: Admitted },
}

/// A connection that requests can come over.
pub(crate) struct Established {
    pub(crate) socket: Box<dyn Socket>,
    pub(crate) peer: Peer,
    pub(crate) is_encrypted: IsEncrypted,
    /// The client's certificate, with which the connection ends.
    pub(crate) certificate: Option<HeldCertificate>,
    /// Its place among the connections from the network; none for one of this machine.
    pub(crate) admitted: Option<Admitted>,
}

/// Whether a request came over TLS. It is an extension of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IsEncrypted(pub(crate) bool);

/// Why a TLS handshake failed.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub(crate) struct HandshakeError {
    pub(crate) address: SocketAddr,
    pub(crate) error: io::Error,
}

impl HandshakeError {
    /// Returns whether the client's certificate is the reason.
    pub(crate) fn concerns_certificate(&self) -> bool {
        use rustls::Error;

        let error = self.error.get_ref().and_then(|error| error.downcast_ref::<Error>());
        matches!(
            error,
            Some(
                Error::InvalidCertificate(_)
                    | Error::InvalidCertRevocationList(_)
                    | Error::NoCertificatesPresented
            )
        )
    }
}

type Connections = Pin<Box<dyn Stream<Item = Accepted> + Send>>;

impl Listener {
    /// Returns the connections as they come. Where none can be accepted (mostly because no file descriptors are left) the
    /// next attempt waits: the reason stays until something else is closed.
    fn connections(self, admission: Admission) -> Connections {
        match self {
            Self::Unix(listener) => Box::pin(retried(UnixListenerStream::new(listener)).map(Accepted::Unix)),
            Self::Tcp(listener, tls) => {
                let accepted = retried(TcpListenerStream::new(listener));
                // One that is not admitted is closed at once, before anything is read or computed for it.
                Box::pin(accepted.filter_map(move |stream| accepted_tcp(stream, tls.clone(), &admission)))
            }
        }
    }
}

fn retried<S>(accepted: impl Stream<Item = io::Result<S>>) -> impl Stream<Item = S> {
    accepted
        .then(async |connection| {
            if let Err(error) = &connection {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_RETRY).await;
            }
            connection
        })
        .filter_map(Result::ok)
}

/// Returns the connection, or nothing where its client has gone already or there are too many.
fn accepted_tcp(stream: TcpStream, tls: Option<Arc<Tls>>, admission: &Admission) -> Option<Accepted> {
    let address = stream.peer_addr().ok()?;
    let admitted = admission.admit(address.ip())?;
    // An answer that is complete is not held back for more.
    stream.set_nodelay(true).ok()?;
    let (idle, interval, retries) = KEEPALIVE;
    let keepalive = TcpKeepalive::new().with_time(idle).with_interval(interval).with_retries(retries);
    SockRef::from(&stream).set_tcp_keepalive(&keepalive).ok()?;
    Some(Accepted::Tcp { stream, address, tls, admitted })
}

impl Accepted {
    /// Finds out who is at the other end; with TLS, by the handshake.
    pub(crate) async fn establish(self) -> Result<Established, HandshakeError> {
        match self {
            Self::Unix(stream) => {
                let credentials = stream.peer_cred().ok();
                let peer = Peer::Unix {
                    uid: credentials.map(|credentials| credentials.uid()),
                    pid: credentials.and_then(|credentials| credentials.pid()),
                };
                let is_encrypted = IsEncrypted(false);
                Ok(Established {
                    socket: Box::new(stream),
                    peer,
                    is_encrypted,
                    certificate: None,
                    admitted: None,
                })
            }
            Self::Tcp { stream, address, tls: None, admitted } => {
                let peer = Peer::Tcp { address, certificate: None };
                let is_encrypted = IsEncrypted(false);
                Ok(Established {
                    socket: Box::new(stream),
                    peer,
                    is_encrypted,
                    certificate: None,
                    admitted: Some(admitted),
                })
            }
            Self::Tcp { stream, address, tls: Some(tls), admitted } => {
                // Before the handshake, so that no reload is missed.
                let reloads = tls.reloads();
                let stream = TlsAcceptor::from(tls.config()).accept(stream).await;
                let stream = stream.map_err(|error| HandshakeError { address, error })?;
                let chain = stream.get_ref().1.peer_certificates().filter(|chain| !chain.is_empty());
                let chain: Option<Vec<_>> = chain
                    .map(|chain| chain.iter().map(|certificate| certificate.clone().into_owned()).collect());
                let (names, certificate) = chain
                    .map(|chain| {
                        // One that is verified and cannot be read makes its owner nobody, and not somebody without a certificate.
                        let names = chain.first().and_then(read_client_certificate).unwrap_or_default();
                        let held = HeldCertificate::new(chain, names.not_after, tls, reloads);
                        (Arc::new(names), held)
                    })
                    .unzip();
                let peer = Peer::Tcp { address, certificate: names };
                Ok(Established {
                    socket: Box::new(stream),
                    peer,
                    is_encrypted: IsEncrypted(true),
                    certificate,
                    admitted: Some(admitted),
                })
            }
        }
    }
}

/// Returns the connections of all listeners. Those from the network need to be admitted.
pub(crate) fn connections(
    listeners: Vec<Listener>,
    admission: &Admission,
) -> impl Stream<Item = Accepted> + use<> {
    let all: StreamMap<usize, Connections> =
        listeners.into_iter().map(|listener| listener.connections(admission.clone())).enumerate().collect();
    all.map(|(_, accepted)| accepted)
}

/// Who is at the other end of a connection, as far as the system knows. It is an extension of every request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Peer {
    /// A process of this machine.
    Unix {
        /// The user that it runs as.
        uid: Option<u32>,
        /// Its process id.
        pid: Option<i32>,
    },
    /// Somewhere on the network.
    Tcp {
        /// The address at the other end.
        address: SocketAddr,
        /// The certificate that the client proved to own, if it presented one.
        certificate: Option<Arc<ClientCertificate>>,
    },
}

/// What a verified client certificate says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ClientCertificate {
    /// The common name of the subject.
    pub(crate) common_name: Option<String>,
    /// The organizational units of the subject.
    pub(crate) organizational_units: Vec<String>,
    /// The DNS names of the subject's alternative names.
    pub(crate) dns_names: Vec<String>,
    /// The URIs of the subject's alternative names, such as `spiffe://example.com/ci`.
    pub(crate) uris: Vec<String>,
    /// The e-mail addresses of the subject's alternative names.
    pub(crate) emails: Vec<String>,
    /// When it ends: seconds since 1970. A connection may outlive it.
    pub(crate) not_after: i64,
}
