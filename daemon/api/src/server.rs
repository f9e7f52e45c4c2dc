//! Puts router, layers and listeners together, and serves until it is stopped.

mod connection;
mod io;
mod request_body;

use std::{future::Future, sync::Arc};

use kontraktor_service::Service;
use tokio_stream::StreamExt as _;
use tokio_util::task::TaskTracker;
use tower::ServiceBuilder;

use self::connection::ConnectionServer;
use super::{
    auth::{AuthLayer, Authenticator, BearerAuthenticator, CertificateAuthenticator, PeerAuthenticator},
    calls::CallLayer,
    connection_limits::Admission,
    grpc::{Api, Health},
    http_rules::HttpRules,
    limits::AddressLimitLayer,
    listener::{Listener, connections},
    options::ApiOptions,
    rest::Cursors,
    router,
    running::Running,
    stopping::Stopping,
};

/// Why serving could not begin.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The descriptors that reflection serves are damaged.
    #[error("cannot read the API's own description: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The system gives no random numbers.
    #[error("cannot make a key: the system's random numbers are not available")]
    Random,
}

/// Serves the API on all `listeners` until `stop` is done, then answers the calls that run and returns when the last
/// connection has gone. A client may hold its connection as long as it likes: how long to wait for that is the caller's
/// matter, and `running` tells when no call is left to wait for.
pub async fn serve(
    listeners: Vec<Listener>,
    service: Service,
    options: ApiOptions,
    running: Running,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let mut health = Health::serving().await;
    let clock = service.clone();
    let (begin_to_stop, stopping) = Stopping::channel();
    let watches = service.clone();
    let ApiOptions { data_dir, connections: connection_limits, cors_origins, identity, limits } = options;
    let cursors = Cursors::of_data_dir(&data_dir).map_err(|_| ServeError::Random)?;
    let api = Api { service, data_dir: data_dir.into(), stopping: stopping.clone() };
    let authenticators: Vec<Box<dyn Authenticator>> = vec![
        // A request with a token and another identity is the token's.
        Box::new(BearerAuthenticator::new(Arc::clone(&identity), clock.clone())),
        Box::new(CertificateAuthenticator::new(Arc::clone(&identity), clock.clone())),
        Box::new(PeerAuthenticator::new()),
    ];
    let router = ServiceBuilder::new()
        .layer(CallLayer::new(running.clone(), move || clock.now()))
        .layer(HttpRules::new(cors_origins))
        .layer(AddressLimitLayer::new(Arc::clone(&limits)))
        .layer(AuthLayer::new(authenticators, limits))
        .service(router::router(&api, &health, cursors, identity)?);
    let server = Arc::new(ConnectionServer::new(router, connection_limits.clone(), running, stopping));
    let open = TaskTracker::new();

    let mut stop = std::pin::pin!(stop);
    let mut connections = connections(listeners, &Admission::new(&connection_limits));
    loop {
        tokio::select! {
            () = &mut stop => break,
            connection = connections.next() => match connection {
                Some(connection) => {
                    open.spawn(Arc::clone(&server).serve(connection));
                }
                None => break,
            },
        }
    }
    // Closes the listeners: who connects from here on is refused at once and does not wait.
    drop(connections);
    health.end().await;
    begin_to_stop.send_replace(true);
    watches.end_watches();
    open.close();
    open.wait().await;
    Ok(())
}
