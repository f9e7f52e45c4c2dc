//! What holds for every HTTP answer, of every handler: headers that protect browsers, and which web pages may use the API.
//!
//! A browser sends what it knows about the server with the requests of any page: a client certificate, too. So a request that
//! a page of another origin makes is refused, and not only kept from being read, unless the operator has named its origin.

mod cors;
mod security_headers;

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    body::Body,
    http::{
        Request, Response, StatusCode, Version,
        header::{CONTENT_LENGTH, HOST},
    },
};
use kontraktor_model::limits::MAX_MESSAGE_BYTES;
use kontraktor_proto::v1::{Problem, ProblemCode};
use tower::{Layer, Service};

use self::cors::{Cors, Origin};
use crate::http_problem::{self, is_grpc};

/// Applies the rules to every request and its answer.
#[derive(Clone)]
pub(crate) struct HttpRules {
    cors: Cors,
}

impl HttpRules {
    /// The pages of these origins may use the API, and those of the daemon itself.
    pub(crate) fn new(origins: Arc<[String]>) -> Self {
        Self { cors: Cors::new(origins) }
    }
}

impl<S> Layer<S> for HttpRules {
    type Service = Ruled<S>;

    fn layer(&self, inner: S) -> Ruled<S> {
        Ruled { inner, cors: self.cors.clone() }
    }
}

/// A service whose answers follow the rules.
#[derive(Clone)]
pub(crate) struct Ruled<S> {
    inner: S,
    cors: Cors,
}

impl<S, B> Service<Request<B>> for Ruled<S>
where
    S: Service<Request<B>, Response = Response<Body>>,
    S::Future: Send + 'static,
    S::Error: Send,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if !names_one_host(&request) {
            let answer = unclear_host();
            return Box::pin(async move { Ok(answer) });
        }
        let origin = self.cors.origin(&request);
        if is_grpc(request.headers()) && origin == Origin::None {
            return Box::pin(self.inner.call(request));
        }
        let security = security_headers::of(&request);
        let answer = match origin {
            Origin::Foreign => Err(foreign_origin()),
            Origin::Allowed(ref allowed) if cors::is_preflight(&request) => Err(cors::preflight(allowed)),
            _ if announces_too_much(&request) => Err(too_large()),
            _ => Ok(self.inner.call(request)),
        };
        Box::pin(async move {
            let mut answer = match answer {
                Ok(answer) => answer.await?,
                Err(refused) => refused,
            };
            if let Origin::Allowed(origin) = origin {
                cors::expose(&origin, answer.headers_mut());
            }
            security.add_to(answer.headers_mut());
            Ok(answer)
        })
    }
}

/// Returns whether it is clear to which host the request was sent (RFC 9112 §3.2): proxies choose different ones of several.
fn names_one_host<B>(request: &Request<B>) -> bool {
    match request.headers().get_all(HOST).iter().count() {
        0 => request.version() < Version::HTTP_11 || request.uri().authority().is_some(),
        1 => true,
        _ => false,
    }
}

fn unclear_host() -> Response<Body> {
    let problem = Problem::new(ProblemCode::Invalid, "the request has no header Host, or several")
        .with_field("host")
        .with_remedy("send one header Host");
    http_problem::response(StatusCode::BAD_REQUEST, &problem)
}

/// Returns whether the request says that its body is longer than any may be. The message of a gRPC call is limited where it is
/// read.
fn announces_too_much<B>(request: &Request<B>) -> bool {
    let length = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    !is_grpc(request.headers()) && length.is_some_and(|length: u64| length > MAX_MESSAGE_BYTES as u64)
}

fn too_large() -> Response<Body> {
    let problem = Problem::new(
        ProblemCode::Invalid,
        format!("the request's body is larger than {MAX_MESSAGE_BYTES} bytes (64 MiB), the maximum"),
    )
    .with_remedy("send it in several smaller batches");
    http_problem::response(StatusCode::PAYLOAD_TOO_LARGE, &problem)
}

fn foreign_origin() -> Response<Body> {
    let problem = Problem::new(ProblemCode::Denied, "web pages of this origin may not use the API")
        .with_field("origin")
        .with_remedy(
            "add the origin to `cors-origins` in the daemon's configuration, if its pages are trusted",
        );
    http_problem::response(StatusCode::FORBIDDEN, &problem)
}

#[cfg(test)]
mod tests;
