//! One connection: HTTP/1.1 or HTTP/2, as its client chooses, until it closes or the daemon stops.

use std::{convert::Infallible, pin::pin, sync::Arc};

use axum::{
    body::{Body, Bytes},
    http::{Request, Response},
};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use tower::{Service, ServiceExt as _};

use super::io::Connection;
use crate::{listener::Accepted, running::Running, stopping::Stopping};

/// Calls that one connection may have open at a time; more wait at the client.
const CALLS_PER_CONNECTION: u32 = 256;

/// What a client may send on one stream and on one connection before it has to wait, in bytes. The defaults of HTTP/2
/// (64 KiB) would make a large batch stop and go.
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;

/// Serves connections with one service.
pub(super) struct ConnectionServer<S> {
    service: S,
    builder: Builder<TokioExecutor>,
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
    pub(super) fn new(service: S, running: Running, stopping: Stopping) -> Self {
        Self { service, builder: builder(), running, stopping }
    }

    /// Serves one connection to its end. When the daemon stops, the requests that run are answered, and the client is asked to
    /// send no more (HTTP/2: GOAWAY).
    pub(super) async fn serve(self: Arc<Self>, accepted: Accepted) {
        let Accepted { socket, peer } = accepted;
        let io = TokioIo::new(Connection::new(socket, self.running.clone()));
        let service = self.service.clone();
        let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer.clone());
            service.clone().oneshot(request.map(Body::new))
        });
        let mut connection = pin!(self.builder.serve_connection(io, service));
        let mut stopping = self.stopping.clone();
        let ended = tokio::select! {
            ended = &mut connection => ended,
            () = stopping.begun() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(error, "a connection failed");
        }
    }
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    // The library's own clock panics before 1970; `calls/date.rs` adds the header.
    builder.http1().timer(TokioTimer::new()).auto_date_header(false);
    builder
        .http2()
        .timer(TokioTimer::new())
        .auto_date_header(false)
        .max_concurrent_streams(CALLS_PER_CONNECTION)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW);
    builder
}
