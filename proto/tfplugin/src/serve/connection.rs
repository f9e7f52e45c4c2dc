//! From a listener to connections that the gRPC server may trust: each has passed the TLS handshake, if there is one.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::mpsc,
    task::JoinSet,
};
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::transport::server::Connected;

use super::{listener::Bound, scope::ConnectionScope, tls::Tls};

/// How long a peer may take for the TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How many peers may be in the middle of a TLS handshake at once. A host needs one.
const MAX_HANDSHAKES: usize = 64;

/// How long to wait after the system refused to accept, which is mostly for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(50);

trait Io: AsyncRead + AsyncWrite + Send {}

impl<T: AsyncRead + AsyncWrite + Send> Io for T {}

/// A connection to a host, over whatever it came.
pub(super) struct Connection {
    io: Pin<Box<dyn Io>>,
    scope: ConnectionScope,
}

impl Connection {
    pub(super) fn new(io: impl AsyncRead + AsyncWrite + Send + 'static) -> Self {
        Self { io: Box::pin(io), scope: ConnectionScope::default() }
    }
}

/// Accepts connections and lets them through the TLS handshake beside one another: one that stalls holds up nobody.
pub(super) struct Acceptor {
    listener: Bound,
    tls: Option<Tls>,
}

impl Acceptor {
    pub(super) fn new(listener: Bound, tls: Option<Tls>) -> Self {
        Self { listener, tls }
    }

    /// The connections that were let through. Accepting ends when the stream is dropped.
    pub(super) fn run(self) -> impl Stream<Item = io::Result<Connection>> {
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            let mut handshakes = JoinSet::new();
            loop {
                tokio::select! {
                    () = sender.closed() => return,
                    Some(_) = handshakes.join_next() => {}
                    accepted = self.listener.accept(), if handshakes.len() < MAX_HANDSHAKES => match accepted {
                        Ok(connection) => {
                            let (tls, sender) = (self.tls.clone(), sender.clone());
                            handshakes.spawn(async move {
                                if let Some(connection) = secure(connection, tls).await {
                                    // The receiver is gone only when serving has ended.
                                    let _ = sender.send(Ok(connection)).await;
                                }
                            });
                        }
                        Err(error) => {
                            tracing::warn!(%error, "cannot accept a connection");
                            tokio::time::sleep(PAUSE).await;
                        }
                    }
                }
            }
        });
        ReceiverStream::new(receiver)
    }
}

async fn secure(connection: Connection, tls: Option<Tls>) -> Option<Connection> {
    let Some(tls) = tls else { return Some(connection) };
    match tokio::time::timeout(HANDSHAKE, tls.accept(connection)).await {
        Ok(Ok(stream)) => Some(Connection::new(stream)),
        Ok(Err(error)) => {
            tracing::warn!(%error, "refused a connection");
            None
        }
        Err(_) => {
            tracing::warn!("refused a connection that did not finish the TLS handshake in time");
            None
        }
    }
}

impl Connected for Connection {
    type ConnectInfo = ConnectionScope;

    fn connect_info(&self) -> ConnectionScope {
        self.scope.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.io.as_mut().poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.io.as_mut().poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io.as_mut().poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.io.as_mut().poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}
