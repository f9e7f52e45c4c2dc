//! The channel to the daemon, which refuses answers that are not gRPC's.

use std::{
    error::Error,
    pin::Pin,
    task::{Context, Poll},
};

use http::{HeaderMap, Request, Response, StatusCode, header::CONTENT_TYPE};
use tonic::{body::Body, transport::Channel};
use tower::Service;

use super::connect::ConnectError;

/// The longest content type that an error repeats.
const MAX_TYPE_CHARS: usize = 64;

/// A channel. Its responses are those of a server of gRPC, or of a proxy that reports why it has no server.
#[derive(Clone)]
pub(super) struct GrpcChannel(Channel);

impl GrpcChannel {
    pub(super) fn new(channel: Channel) -> Self {
        Self(channel)
    }
}

/// Refuses what is no response of gRPC's, and neither that of a proxy to which gRPC gives a meaning.
fn check(status: StatusCode, headers: &HeaderMap) -> Result<(), ConnectError> {
    let remedy = "check host and port, and that kontraktord, and nothing else, listens there";
    if status.is_redirection() {
        let reason =
            format!("it responded with HTTP status {}, a redirect, which is not followed", status.as_u16());
        return Err(ConnectError::never(reason, remedy));
    }
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if status != StatusCode::OK || content_type.starts_with("application/grpc") {
        return Ok(());
    }
    let content_type: String =
        content_type.chars().filter(char::is_ascii_graphic).take(MAX_TYPE_CHARS).collect();
    let reason = if content_type.is_empty() {
        "its response is not gRPC".to_owned()
    } else {
        format!("its response is {content_type}, and not gRPC")
    };
    Err(ConnectError::never(reason, remedy))
}

impl Service<Request<Body>> for GrpcChannel {
    type Response = Response<Body>;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let response = self.0.call(request);
        Box::pin(async move {
            let response = response.await?;
            check(response.status(), response.headers())?;
            Ok(response)
        })
    }
}
