//! One connection: HTTP/1.1 or HTTP/2, as its client chooses, until it closes, expires, or the daemon stops.

use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{Request, Response},
};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use kontraktor_model::limits::MAX_MESSAGE_BYTES;
use tokio::time::{sleep_until, timeout};
use tower::{Service, ServiceExt as _};

use super::{io::Connection, request_body::RequestBody};
use crate::{
    activity::{Activity, Expired},
    connection_limits::ConnectionLimits,
    listener::{Accepted, Established, Peer},
    running::Running,
    stopping::Stopping,
    tls::{HeldCertificate, Withdrawn},
};

/// Calls that one connection may have open at a time; more wait at the client.
const CALLS_PER_CONNECTION: u32 = 256;

/// What a client may send on one stream and on one connection before it has to wait, in bytes. The defaults of HTTP/2
/// (64 KiB) would make a large batch stop and go.
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;

/// The longest head of a request, in bytes: room for a token with many groups.
const MAX_HEAD_BYTES: u32 = 32 * 1024;

/// The longest body: a message, and what gRPC puts before it.
const MAX_BODY_BYTES: u64 = MAX_MESSAGE_BYTES as u64 + 5;

/// How often the other end of a connection from the network is asked whether it is still there, and how long it may take.
const PING_INTERVAL: Duration = Duration::from_mins(1);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a client has to close a connection that has expired, once it has been asked to.
const CLOSED_WITHIN: Duration = Duration::from_secs(5);

/// Serves connections with one service.
pub(super) struct ConnectionServer<S> {
    service: S,
    limits: ConnectionLimits,
    /// For connections of this machine, and for those from the network.
    local: Builder<TokioExecutor>,
    remote: Builder<TokioExecutor>,
    running: Running,
    stopping: Stopping,
}

impl<S, B> ConnectionServer<S>
where
    S: Service<Request<Body>, Response = Response<B>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    pub(super) fn new(service: S, limits: ConnectionLimits, running: Running, stopping: Stopping) -> Self {
        let mut remote = builder();
        remote.http2().keep_alive_interval(PING_INTERVAL).keep_alive_timeout(PING_TIMEOUT);
        Self { service, limits, local: builder(), remote, running, stopping }
    }

    /// Serves one connection to its end. When the daemon stops, the requests that run are answered, and the client is asked to
    /// send no more (HTTP/2: GOAWAY).
    pub(super) async fn serve(self: Arc<Self>, accepted: Accepted) {
        let mut stopping = self.stopping.clone();
        let established = tokio::select! {
            established = timeout(self.limits.handshake_timeout, accepted.establish()) => established,
            () = stopping.begun() => return,
        };
        match established {
            Ok(Ok(established)) => self.serve_established(established).await,
            // A client can cause any number of these: only what concerns the operator is at `info`.
            Ok(Err(failed)) if failed.concerns_certificate() => {
                tracing::info!(address = %failed.address, error = %failed, "refused a client certificate");
            }
            Ok(Err(failed)) => {
                tracing::debug!(address = %failed.address, error = %failed, "a TLS handshake failed");
            }
            Err(_) => tracing::debug!("a TLS handshake took too long"),
        }
    }

    async fn serve_established(&self, established: Established) {
        let Established { socket, peer, is_encrypted, certificate, admitted } = established;
        let has_certificate = certificate.is_some();
        let address = match &peer {
            Peer::Tcp { address, .. } => Some(*address),
            Peer::Unix { .. } => None,
        };
        let is_remote = admitted.is_some();
        let activity = Activity::new();
        let io = TokioIo::new(Connection::new(socket, self.running.clone(), activity.clone()));
        let service = self.service.clone();
        let stall_timeout = is_remote.then_some(self.limits.stall_timeout);
        let service = hyper::service::service_fn({
            let activity = activity.clone();
            move |mut request: Request<Incoming>| {
                let extensions = request.extensions_mut();
                extensions.insert(activity.request());
                extensions.insert(peer.clone());
                extensions.insert(is_encrypted);
                // Reflection is a stream in both directions that lasts as long as its client likes.
                let body = if request.uri().path().starts_with("/grpc.") {
                    request.map(Body::new)
                } else {
                    request.map(|body| Body::new(RequestBody::new(body, MAX_BODY_BYTES, stall_timeout)))
                };
                service.clone().oneshot(body)
            }
        });
        let builder = if is_remote { &self.remote } else { &self.local };
        let mut connection = pin!(builder.serve_connection(io, service));
        let mut stopping = self.stopping.clone();
        let ended = tokio::select! {
            ended = &mut connection => ended,
            () = stopping.begun() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
            withdrawn = withdrawn(certificate), if has_certificate => {
                let address = address.map(tracing::field::display);
                tracing::info!(address, cause = %withdrawn, "closing a connection whose client certificate is not accepted any more");
                connection.as_mut().graceful_shutdown();
                timeout(CLOSED_WITHIN, connection).await.unwrap_or(Ok(()))
            }
            expired = self.expired(&activity), if is_remote => {
                tracing::debug!(?expired, "a connection expired");
                if expired != Expired::Idle {
                    return;
                }
                connection.as_mut().graceful_shutdown();
                timeout(CLOSED_WITHIN, connection).await.unwrap_or(Ok(()))
            }
        };
        if let Err(error) = ended {
            tracing::debug!(error, "a connection failed");
        }
    }

    /// Waits until the connection has to end.
    async fn expired(&self, activity: &Activity) -> Expired {
        loop {
            match activity.check(&self.limits) {
                Ok(next) => sleep_until(next).await,
                Err(expired) => return expired,
            }
        }
    }
}

/// Waits until the certificate, if there is one, is not accepted any more.
async fn withdrawn(certificate: Option<HeldCertificate>) -> Withdrawn {
    match certificate {
        Some(certificate) => certificate.withdrawn().await,
        None => std::future::pending().await,
    }
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    // The library's own clock panics before 1970; `calls/date.rs` adds the header. Heads are timed by `activity`, because the
    // library's limit would also end a connection that waits for its next request.
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .auto_date_header(false)
        .max_buf_size(MAX_HEAD_BYTES as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .auto_date_header(false)
        .max_header_list_size(MAX_HEAD_BYTES)
        .max_concurrent_streams(CALLS_PER_CONNECTION)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW);
    builder
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
        task::JoinHandle,
        time::Instant,
    };

    use super::*;
    use crate::{calls::CallLayer, connection_limits::Admission, listener::IsEncrypted};
    use tower::Layer as _;

    /// Serves one connection with a service that answers so many bytes, in pieces. Returns the client's end.
    fn connected(pieces: usize, is_remote: bool) -> (DuplexStream, JoinHandle<Duration>) {
        let answer = tower::service_fn(move |_: Request<Body>| async move {
            let pieces = (0..pieces).map(|_| Ok::<_, Infallible>(Bytes::from_static(&[b'x'; 16 * 1024])));
            Ok::<_, Infallible>(Response::new(Body::from_stream(tokio_stream::iter(pieces))))
        });
        let running = Running::default();
        let service = CallLayer::new(running.clone(), || jiff::Timestamp::UNIX_EPOCH).layer(answer);
        let limits = ConnectionLimits::default();
        let address = "127.0.0.1:1".parse().unwrap();
        let admitted = is_remote.then(|| Admission::new(&limits).admit([127, 0, 0, 1].into()).unwrap());
        let (begin_to_stop, stopping) = Stopping::channel();
        let server = ConnectionServer::new(service, limits, running, stopping);
        let (ours, theirs) = duplex(64 * 1024);
        let peer = Peer::Tcp { address, certificate: None };
        let (socket, is_encrypted) = (Box::new(ours), IsEncrypted(false));
        let established = Established { socket, peer, is_encrypted, certificate: None, admitted };
        let served = tokio::spawn(async move {
            let begun = Instant::now();
            server.serve_established(established).await;
            // Until here: without it the daemon would stop.
            drop(begin_to_stop);
            begun.elapsed()
        });
        (theirs, served)
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_its_client_does_not_read_ends_the_connection() {
        for request in [&b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"[..], b"GET / HTTP/1.1\r\nhost: a\r\n\r\nGET"] {
            let (mut client, served) = connected(1_000, true);
            client.write_all(request).await.unwrap();
            let lasted = served.await.unwrap();
            // The library may take another piece meanwhile, as long as it has room.
            let stall = ConnectionLimits::default().stall_timeout;
            assert!((stall..stall * 2).contains(&lasted), "{lasted:?}");
            drop(client);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_read_slowly_is_read_to_its_end() {
        let (mut client, served) = connected(200, true);
        client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
        let (mut read, mut buffer) = (0, vec![0; 16 * 1024]);
        loop {
            tokio::time::sleep(Duration::from_secs(10)).await;
            match client.read(&mut buffer).await.unwrap() {
                0 => break,
                length => read += length,
            }
        }
        assert!(read > 200 * 16 * 1024, "{read}");
        assert!(served.await.unwrap() > ConnectionLimits::default().stall_timeout);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_of_this_machine_has_no_limits() {
        let (mut client, served) = connected(1, false);
        client.write_all(b"GET / HT").await.unwrap();
        tokio::time::sleep(Duration::from_hours(10)).await;
        client.write_all(b"TP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        assert!(client.read(&mut [0; 1024]).await.unwrap() > 0);
        tokio::time::sleep(Duration::from_hours(10)).await;
        assert!(!served.is_finished());
    }
}
