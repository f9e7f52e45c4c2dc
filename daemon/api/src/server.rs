//! Puts the services together and serves them on a listener until it is told to stop.

use std::{future::Future, io, path::Path, time::Duration};

use kontraktor_model::limits::{MAX_ANSWER_BYTES, MAX_MESSAGE_BYTES};
use kontraktor_proto::{
    FILE_DESCRIPTOR_SET,
    v1::{
        audit_server::AuditServer, environments_server::EnvironmentsServer, projects_server::ProjectsServer,
        schemas_server::SchemasServer, secrets_server::SecretsServer, system_server::SystemServer,
        variables_server::VariablesServer,
    },
};
use tokio::net::{UnixListener, UnixStream};
use tokio_stream::{Stream, StreamExt as _, wrappers::UnixListenerStream};
use tonic::{
    server::NamedService,
    service::interceptor::InterceptorLayer,
    transport::{Server, server::Router},
};
use tonic_health::{ServingStatus, server::HealthReporter};

use super::{Api, caller::Gate, calls::CallLayer, running::Running};
use kontraktor_service::Service;

/// Calls that one connection may have open at a time; more wait at the client.
const CALLS_PER_CONNECTION: u32 = 256;

/// How long to wait when a connection could not be taken.
const AFTER_A_FAILED_ACCEPT: Duration = Duration::from_millis(100);

/// What a client may send on one stream and on one connection before it has to wait, in bytes. The defaults of HTTP/2
/// (64 KiB) would make a large batch stop and go.
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;

/// The names under which health is told; the empty one stands for the daemon as a whole.
const HEALTH_NAMES: [&str; 8] = [
    "",
    <ProjectsServer<Api> as NamedService>::NAME,
    <EnvironmentsServer<Api> as NamedService>::NAME,
    <VariablesServer<Api> as NamedService>::NAME,
    <SchemasServer<Api> as NamedService>::NAME,
    <SecretsServer<Api> as NamedService>::NAME,
    <AuditServer<Api> as NamedService>::NAME,
    <SystemServer<Api> as NamedService>::NAME,
];

/// Why serving ended before it was told to, or could not begin.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The listener or the protocol failed.
    #[error("the API can serve no longer: {0}")]
    Transport(#[from] tonic::transport::Error),
    /// The descriptors that reflection serves are damaged.
    #[error("the API's own description cannot be read: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
}

/// Serves the API on `listener` until `stop` is done, then answers the calls that run and returns when the last
/// connection has gone. A client may hold its connection as long as it likes: how long to wait for that is the caller's
/// matter, and `running` tells when there is nothing left to wait for.
pub async fn serve(
    listener: UnixListener,
    service: Service,
    data_dir: &Path,
    running: Running,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let (mut health, health_server) = tonic_health::server::health_reporter();
    for name in HEALTH_NAMES {
        health.set_service_status(name, ServingStatus::Serving).await;
    }
    let router = router(Api { service, data_dir: data_dir.into() }, running)?.add_service(health_server);
    let stop = async move {
        stop.await;
        end_health(&mut health).await;
    };
    router.serve_with_incoming_shutdown(connections(listener), stop).await?;
    Ok(())
}

/// The connections as they come. Where none can be taken (no file descriptors are left, mostly) the next attempt waits:
/// the reason stands until something else is closed.
fn connections(listener: UnixListener) -> impl Stream<Item = io::Result<UnixStream>> {
    UnixListenerStream::new(listener).then(|connection| async {
        if let Err(error) = &connection {
            tracing::warn!(%error, "a connection could not be taken");
            tokio::time::sleep(AFTER_A_FAILED_ACCEPT).await;
        }
        connection
    })
}

type Layers = tower::layer::util::Stack<
    InterceptorLayer<Gate>,
    tower::layer::util::Stack<CallLayer, tower::layer::util::Identity>,
>;

fn router(api: Api, running: Running) -> Result<Router<Layers>, ServeError> {
    macro_rules! limited {
        ($server:ident) => {
            $server::new(api.clone())
                .max_decoding_message_size(MAX_MESSAGE_BYTES)
                .max_encoding_message_size(MAX_ANSWER_BYTES)
        };
    }
    let described = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    Ok(Server::builder()
        .max_concurrent_streams(CALLS_PER_CONNECTION)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .layer(CallLayer::new(running))
        .layer(InterceptorLayer::new(Gate::new()))
        .add_service(limited!(ProjectsServer))
        .add_service(limited!(EnvironmentsServer))
        .add_service(limited!(VariablesServer))
        .add_service(limited!(SchemasServer))
        .add_service(limited!(SecretsServer))
        .add_service(limited!(AuditServer))
        .add_service(limited!(SystemServer))
        .add_service(described().build_v1()?)
        // Tools of some age know only this one.
        .add_service(described().build_v1alpha()?))
}

/// Tells those who watch that the end is near, and ends their streams: an open stream would hold the connection, and
/// the connection would hold the shutdown.
async fn end_health(health: &mut HealthReporter) {
    for name in HEALTH_NAMES {
        health.set_service_status(name, ServingStatus::NotServing).await;
        health.clear_service_status(name).await;
    }
}
