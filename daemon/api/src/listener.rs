//! Where connections come from: a list of listeners, and one stream of the connections of all of them.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{UnixListener, UnixStream},
};
use tokio_stream::{Stream, StreamExt as _, StreamMap, wrappers::UnixListenerStream};
use tonic::transport::server::Connected;

use super::running::{Counted, Running};

/// How long to wait after a connection that could not be accepted.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// A bound listener.
#[derive(Debug)]
pub enum Listener {
    /// The unix socket.
    Unix(UnixListener),
}

type Connections = Pin<Box<dyn Stream<Item = io::Result<Socket>> + Send>>;

impl Listener {
    /// Returns the connections as they come. Where none can be accepted (mostly because no file descriptors are left) the
    /// next attempt waits: the reason stays until something else is closed.
    fn connections(self) -> Connections {
        let accepted = match self {
            Self::Unix(listener) => UnixListenerStream::new(listener).map(|stream| stream.map(Socket::Unix)),
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

/// Returns the connections of all listeners. One on which something waits to be written is counted in `running`.
pub(crate) fn connections(
    listeners: Vec<Listener>,
    running: Running,
) -> impl Stream<Item = io::Result<Connection>> {
    let all: StreamMap<usize, Connections> =
        listeners.into_iter().map(Listener::connections).enumerate().collect();
    all.map(move |(_, stream)| stream.map(|stream| Connection::new(stream, running.clone())))
}

/// One accepted connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: Socket,
    running: Running,
    /// Present while the peer does not read what is to be written.
    blocked: Option<Counted>,
}

#[derive(Debug)]
enum Socket {
    Unix(UnixStream),
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

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        match &self.stream {
            Socket::Unix(stream) => {
                let peer = stream.peer_cred().ok();
                Peer::Unix { uid: peer.map(|peer| peer.uid()), pid: peer.and_then(|peer| peer.pid()) }
            }
        }
    }
}

impl Connection {
    fn new(stream: Socket, running: Running) -> Self {
        Self { stream, running, blocked: None }
    }

    fn stream(self: Pin<&mut Self>) -> Pin<&mut UnixStream> {
        match &mut self.get_mut().stream {
            Socket::Unix(stream) => Pin::new(stream),
        }
    }

    /// Notes whether something waits to be written.
    fn noted<T>(mut self: Pin<&mut Self>, written: Poll<T>) -> Poll<T> {
        if written.is_ready() {
            self.blocked = None;
        } else if self.blocked.is_none() {
            self.blocked = Some(self.running.begin());
        }
        written
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
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = self.as_mut().stream().poll_write(context, bytes);
        self.noted(written)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.as_mut().stream().poll_write_vectored(context, slices);
        self.noted(written)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Socket::Unix(stream) => stream.is_write_vectored(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        time::timeout,
    };

    use super::*;

    /// Waits until so many calls run.
    async fn assert_running(running: &Running, expected: usize) {
        let mut count = running.count();
        let reached = timeout(Duration::from_mins(2), count.wait_for(|count| *count == expected)).await;
        assert!(reached.is_ok(), "{expected} should run, and {} do", *running.count().borrow());
    }

    /// Waits until no call has been running for a short while.
    async fn assert_quiet(running: &Running) {
        let quiet = timeout(Duration::from_mins(2), running.quiet()).await;
        assert!(quiet.is_ok(), "{} calls still run", *running.count().borrow());
    }

    #[tokio::test]
    async fn a_connection_whose_peer_does_not_read_counts_as_running_and_an_idle_one_does_not() {
        let running = Running::default();
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let mut connection = Connection::new(Socket::Unix(ours), running.clone());
        connection.write_all(b"a few bytes").await.unwrap();
        assert_quiet(&running).await;

        let written = tokio::spawn(async move {
            connection.write_all(&vec![0; 8 * 1024 * 1024]).await.unwrap();
            connection
        });
        assert_running(&running, 1).await;
        theirs.read_exact(&mut vec![0; 8 * 1024 * 1024 + 11]).await.unwrap();
        let _connection = written.await.unwrap();
        assert_quiet(&running).await;
    }

    #[tokio::test]
    async fn a_connection_that_is_gone_does_not_count() {
        let running = Running::default();
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let mut connection = Connection::new(Socket::Unix(ours), running.clone());
        let written = tokio::spawn(async move { connection.write_all(&vec![0; 8 * 1024 * 1024]).await });
        assert_running(&running, 1).await;
        written.abort();
        assert_quiet(&running).await;
    }
}
