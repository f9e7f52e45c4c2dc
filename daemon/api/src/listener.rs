//! Where connections come from: a list of listeners, and one stream of the connections of all of them.

use std::{io, net::SocketAddr, pin::Pin, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
};
use tokio_stream::{
    Stream, StreamExt as _, StreamMap,
    wrappers::{TcpListenerStream, UnixListenerStream},
};

/// How long to wait after a connection that could not be accepted.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// A bound listener.
#[derive(Debug)]
pub enum Listener {
    /// The unix socket.
    Unix(UnixListener),
    /// A port on which connections are not encrypted.
    Tcp(TcpListener),
}

/// What carries the bytes of a connection.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Socket for S {}

/// A connection that was accepted.
pub(crate) struct Accepted {
    pub(crate) socket: Box<dyn Socket>,
    pub(crate) peer: Peer,
}

type Connections = Pin<Box<dyn Stream<Item = Accepted> + Send>>;

impl Listener {
    /// Returns the connections as they come. Where none can be accepted (mostly because no file descriptors are left) the
    /// next attempt waits: the reason stays until something else is closed.
    fn connections(self) -> Connections {
        match self {
            Self::Unix(listener) => Box::pin(retried(UnixListenerStream::new(listener)).map(accepted_unix)),
            Self::Tcp(listener) => {
                Box::pin(retried(TcpListenerStream::new(listener)).filter_map(accepted_tcp))
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

fn accepted_unix(stream: UnixStream) -> Accepted {
    let credentials = stream.peer_cred().ok();
    let peer = Peer::Unix {
        uid: credentials.map(|credentials| credentials.uid()),
        pid: credentials.and_then(|credentials| credentials.pid()),
    };
    Accepted { socket: Box::new(stream), peer }
}

/// Returns the connection, or nothing where its client has gone already.
fn accepted_tcp(stream: TcpStream) -> Option<Accepted> {
    // An answer that is complete is not held back for more.
    stream.set_nodelay(true).ok()?;
    let peer = Peer::Tcp { address: stream.peer_addr().ok()?, certificate: None };
    Some(Accepted { socket: Box::new(stream), peer })
}

/// Returns the connections of all listeners.
pub(crate) fn connections(listeners: Vec<Listener>) -> impl Stream<Item = Accepted> {
    let all: StreamMap<usize, Connections> =
        listeners.into_iter().map(Listener::connections).enumerate().collect();
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
