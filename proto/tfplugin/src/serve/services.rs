//! The services beside the provider that go-plugin hosts expect: health, controller, broker, stdio, reflection.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
};

use tokio::sync::watch;
use tokio_stream::StreamExt as _;
use tonic::{
    Request, Response, Status, Streaming,
    body::Body,
    codegen::{BoxStream, Service},
    server::NamedService,
    service::Routes,
    transport::{Server, server::Router},
};

use super::MAX_MESSAGE_BYTES;
use crate::{
    FILE_DESCRIPTOR_SET,
    goplugin::{
        ConnInfo, Empty, StdioData,
        conn_info::Knock,
        grpc_broker_server::{GrpcBroker, GrpcBrokerServer},
        grpc_controller_server::{GrpcController, GrpcControllerServer},
        grpc_stdio_server::{GrpcStdio, GrpcStdioServer},
    },
    wire::provider_server::{Provider, ProviderServer},
};

/// The service name of go-plugin's health checks.
const HEALTH_NAME: &str = "plugin";

/// Returns all services. The controller sets `end` when the host shuts the plugin down; `ended` ends the open streams.
pub(super) async fn server(
    provider: impl Provider,
    end: watch::Sender<bool>,
    ended: &watch::Receiver<bool>,
) -> Router {
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_service_status(HEALTH_NAME, tonic_health::ServingStatus::Serving).await;
    let reflection = Arc::new(OnceLock::new());
    Server::builder()
        .add_service(ProviderServer::new(provider).max_decoding_message_size(MAX_MESSAGE_BYTES))
        .add_service(GrpcControllerServer::new(Controller { end }))
        .add_service(GrpcBrokerServer::new(Broker { ended: ended.clone() }))
        .add_service(GrpcStdioServer::new(Stdio { ended: ended.clone() }))
        .add_service(health_service)
        .add_service(ReflectionV1(Reflection(Arc::clone(&reflection))))
        .add_service(ReflectionV1Alpha(Reflection(reflection)))
}

struct Controller {
    end: watch::Sender<bool>,
}

#[tonic::async_trait]
impl GrpcController for Controller {
    async fn shutdown(&self, _request: Request<Empty>) -> Result<Response<Empty>, Status> {
        tracing::debug!("the host shuts the provider down");
        self.end.send_replace(true);
        Ok(Response::new(Empty {}))
    }
}

/// Completes when the plugin ends.
async fn end_of(mut ended: watch::Receiver<bool>) {
    // An error means that the sender was dropped, which ends the plugin as well.
    let _ = ended.wait_for(|ended| *ended).await;
}

/// Never sends any output: the host reads stderr directly, and nothing is printed to stdout.
struct Stdio {
    ended: watch::Receiver<bool>,
}

#[tonic::async_trait]
impl GrpcStdio for Stdio {
    async fn stream_stdio(&self, _request: Request<()>) -> Result<Response<BoxStream<StdioData>>, Status> {
        let (sender, receiver) = tokio::sync::mpsc::channel(1);
        let ended = self.ended.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = end_of(ended) => {}
                () = sender.closed() => {}
            }
        });
        Ok(Response::new(Box::pin(tokio_stream::wrappers::ReceiverStream::new(receiver))))
    }
}

/// Keeps the host's stream open, and declines requests for further services: a provider opens no other connections.
struct Broker {
    ended: watch::Receiver<bool>,
}

#[tonic::async_trait]
impl GrpcBroker for Broker {
    async fn start_stream(
        &self,
        request: Request<Streaming<ConnInfo>>,
    ) -> Result<Response<BoxStream<ConnInfo>>, Status> {
        let mut requests = request.into_inner();
        let (sender, receiver) = tokio::sync::mpsc::channel(1);
        let ended = self.ended.clone();
        tokio::spawn(async move {
            let answer = async {
                while let Some(Ok(request)) = requests.next().await {
                    if request.knock.is_some_and(|knock| knock.knock)
                        && sender.send(Ok(refusal(request.service_id))).await.is_err()
                    {
                        return;
                    }
                }
            };
            tokio::select! {
                () = answer => {}
                () = end_of(ended) => {}
                () = sender.closed() => {}
            }
        });
        Ok(Response::new(Box::pin(tokio_stream::wrappers::ReceiverStream::new(receiver))))
    }
}

fn refusal(service_id: u32) -> ConnInfo {
    let error = format!("unknown service id {service_id}");
    ConnInfo { service_id, knock: Some(Knock { knock: true, ack: false, error }), ..ConnInfo::default() }
}

/// The reflection service, built on first use: hosts never use it, and indexing the descriptors takes time and memory.
#[derive(Clone)]
struct Reflection(Arc<OnceLock<Routes>>);

impl Reflection {
    fn call(&self, request: http::Request<Body>) -> Answer {
        let mut routes = self.0.get_or_init(reflection).clone();
        Box::pin(async move { routes.call(request).await })
    }
}

type Answer = Pin<Box<dyn Future<Output = Result<http::Response<Body>, Infallible>> + Send>>;

fn reflection() -> Routes {
    let builder = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let valid = "the descriptors were compiled with this crate";
    Routes::new(builder().build_v1().expect(valid)).add_service(builder().build_v1alpha().expect(valid))
}

macro_rules! reflection_service {
    ($name:ident, $service:literal) => {
        #[derive(Clone)]
        struct $name(Reflection);

        impl NamedService for $name {
            const NAME: &'static str = $service;
        }

        impl Service<http::Request<Body>> for $name {
            type Response = http::Response<Body>;
            type Error = Infallible;
            type Future = Answer;

            fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
                Poll::Ready(Ok(()))
            }

            fn call(&mut self, request: http::Request<Body>) -> Answer {
                self.0.call(request)
            }
        }
    };
}

reflection_service!(ReflectionV1, "grpc.reflection.v1.ServerReflection");
reflection_service!(ReflectionV1Alpha, "grpc.reflection.v1alpha.ServerReflection");
