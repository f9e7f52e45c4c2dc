//! Puts routes, layers and listeners together, and serves until it is stopped.

use std::{future::Future, path::Path};

use kontraktor_service::Service;
use tonic::transport::Server;

use super::{
    auth::{AuthLayer, PeerAuthenticator},
    calls::CallLayer,
    grpc::{self, Api, Health},
    listener::{Listener, connections},
    running::Running,
};

/// Calls that one connection may have open at a time; more wait at the client.
const CALLS_PER_CONNECTION: u32 = 256;

/// What a client may send on one stream and on one connection before it has to wait, in bytes. The defaults of HTTP/2
/// (64 KiB) would make a large batch stop and go.
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;

/// Why serving ended early, or could not begin.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A listener or the protocol failed.
    #[error("the API failed: {0}")]
    Transport(#[from] tonic::transport::Error),
    /// The descriptors that reflection serves are damaged.
    #[error("cannot read the API's own description: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
}

/// Serves the API on all `listeners` until `stop` is done, then answers the calls that run and returns when the last
/// connection has gone. A client may hold its connection as long as it likes: how long to wait for that is the caller's
/// matter, and `running` tells when no call is left to wait for.
pub async fn serve(
    listeners: Vec<Listener>,
    service: Service,
    data_dir: &Path,
    running: Running,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let mut health = Health::serving().await;
    let clock = service.clone();
    let routes = grpc::routes(&Api { service, data_dir: data_dir.into() }, &health)?;
    let stop = async move {
        stop.await;
        health.end().await;
    };
    Server::builder()
        .max_concurrent_streams(CALLS_PER_CONNECTION)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .layer(CallLayer::new(running.clone(), move || clock.now()))
        .layer(AuthLayer::new(vec![Box::new(PeerAuthenticator::new())]))
        .serve_with_incoming_shutdown(routes.prepare(), connections(listeners, running), stop)
        .await?;
    Ok(())
}
