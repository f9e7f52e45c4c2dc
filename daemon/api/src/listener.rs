//! Where connections come from: a list of listeners, and one stream of the connections of all of them.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{UnixListener, UnixStream},
};
use tokio_stream::{Stream, StreamExt as _, StreamMap, wrappers::UnixListenerStream};
use tonic::transport::server::Connected;

/// How long to wait after a connection that could not be accepted.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// A bound listener.
#[derive(Debug)]
pub enum Listener {
    /// The unix socket.
    Unix(UnixListener),
}

type Connections = Pin<Box<dyn Stream<Item = io::Result<Connection>> + Send>>;

impl Listener {
    /// Returns the connections as they come. Where none can be accepted (mostly because no file descriptors are left) the
    /// next attempt waits: the reason stays until something else is closed.
    fn connections(self) -> Connections {
        let accepted = match self {
            Self::Unix(listener) => {
                UnixListenerStream::new(listener).map(|stream| stream.map(Connection::Unix))
            }
        };
        Box::pin(accepted.then(|connection| async {
            if let Err(error) = &connection {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_RETRY).await;
            }
            connection
        }))
    }
}

/// Returns the connections of all listeners.
pub(crate) fn connections(listeners: Vec<Listener>) -> impl Stream<Item = io::Result<Connection>> {
    let all: StreamMap<usize, Connections> =
        listeners.into_iter().map(Listener::connections).enumerate().collect();
    all.map(|(_, connection)| connection)
}

/// One accepted connection.
#[derive(Debug)]
pub(crate) enum Connection {
    Unix(UnixStream),
}

/// Who is at the other end of a connection, as far as the system knows. It is an extension of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// A process of this machine.
    Unix {
        /// The user that it runs as.
        uid: Option<u32>,
        /// Its process id.
        pid: Option<i32>,
    },
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        match self {
            Self::Unix(stream) => {
                let peer = stream.peer_cred().ok();
                Peer::Unix { uid: peer.map(|peer| peer.uid()), pid: peer.and_then(|peer| peer.pid()) }
            }
        }
    }
}

impl Connection {
    fn stream(self: Pin<&mut Self>) -> Pin<&mut UnixStream> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream),
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream().poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream().poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream().poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Unix(stream) => stream.is_write_vectored(),
        }
    }
}
