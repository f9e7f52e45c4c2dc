//! Accepts connections, and passes those that completed the TLS handshake (if there is TLS) to the gRPC server.

use std::{io, time::Duration};

use tokio::{sync::mpsc, task::JoinSet};
use tokio_stream::{Stream, wrappers::ReceiverStream};

use super::{connection::Connection, listener::BoundListener, tls::Tls};

/// The time limit for the TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// The maximum number of concurrent TLS handshakes. A host needs one.
const MAX_HANDSHAKES: usize = 64;

/// How long to wait after a failed accept, which is mostly due to a lack of file descriptors.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(50);

/// Accepts connections and runs their TLS handshakes concurrently, so that a stalled one does not block the others.
pub(super) struct Acceptor {
    listener: BoundListener,
    tls: Option<Tls>,
}

impl Acceptor {
    pub(super) fn new(listener: BoundListener, tls: Option<Tls>) -> Self {
        Self { listener, tls }
    }

    /// Returns the accepted connections. Accepting ends when the stream is dropped.
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
                                    // An error means that serving has ended.
                                    let _ = sender.send(Ok(connection)).await;
                                }
                            });
                        }
                        Err(error) => {
                            tracing::warn!(%error, "cannot accept a connection");
                            tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
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
    match tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(connection)).await {
        Ok(Ok(stream)) => Some(Connection::new(stream)),
        Ok(Err(error)) => {
            tracing::warn!(%error, "refused a connection");
            None
        }
        Err(_) => {
            tracing::warn!("refused a connection: the TLS handshake timed out");
            None
        }
    }
}
