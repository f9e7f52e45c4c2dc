//! The limit of addresses, around everything that is answered on the network, and how a request that came too early is answered.

use std::{
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Request, Response, header::RETRY_AFTER},
};
use kontraktor_proto::problem::{from_status, http_status};
use tower::{Layer, Service};

use super::{Exceeded, RateLimits, refusal, whole_seconds};
use crate::{
    grpc::status,
    http_problem::{self, is_grpc},
    listener::Peer,
};

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// An extension of an answer: the request's credentials were wrong.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FailedAuthentication;

/// Limits the requests of each address.
#[derive(Clone)]
pub(crate) struct AddressLimitLayer(Arc<RateLimits>);

impl AddressLimitLayer {
    pub(crate) fn new(limits: Arc<RateLimits>) -> Self {
        Self(limits)
    }
}

impl<S> Layer<S> for AddressLimitLayer {
    type Service = AddressLimited<S>;

    fn layer(&self, inner: S) -> AddressLimited<S> {
        AddressLimited { inner, limits: Arc::clone(&self.0) }
    }
}

/// A service whose requests are limited by address.
#[derive(Clone)]
pub(crate) struct AddressLimited<S> {
    inner: S,
    limits: Arc<RateLimits>,
}

impl<S, B> Service<Request<B>> for AddressLimited<S>
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
        let Some(address) = address(&request) else { return Box::pin(self.inner.call(request)) };
        if let Err(exceeded) = self.limits.check_address(address) {
            let answer = too_many(request.headers(), &exceeded);
            return Box::pin(async move { Ok(answer) });
        }
        let limits = Arc::clone(&self.limits);
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await?;
            if answer.extensions().get::<FailedAuthentication>().is_some() {
                limits.charge_failure(address);
            }
            Ok(answer)
        })
    }
}

/// Returns where a request comes from, where that is the network.
fn address<B>(request: &Request<B>) -> Option<IpAddr> {
    match request.extensions().get::<Peer>()? {
        Peer::Unix { .. } => None,
        Peer::Tcp { address, .. } => Some(address.ip()),
    }
}

/// Answers a request with these headers that came too early (RFC 6585 §4; the fields of draft-ietf-httpapi-ratelimit-headers).
pub(crate) fn too_many(headers: &HeaderMap, exceeded: &Exceeded) -> Response<Body> {
    let status = status(refusal(exceeded));
    let mut answer = if is_grpc(headers) {
        status.into_http()
    } else {
        let problem = from_status(&status).unwrap_or_default();
        http_problem::response(http_status(problem.code()), &problem)
    };
    let Exceeded { policy, wait, quota, window } = *exceeded;
    let seconds = whole_seconds(wait).max(1);
    let fields = [
        (RETRY_AFTER, seconds.to_string()),
        (RATE_LIMIT, format!("\"{policy}\";r=0;t={seconds}")),
        (RATE_LIMIT_POLICY, format!("\"{policy}\";q={quota};w={window}")),
    ];
    for (name, value) in fields {
        // Digits and a word of ours are always valid.
        if let Ok(value) = HeaderValue::try_from(value) {
            answer.headers_mut().insert(name, value);
        }
    }
    answer
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use tower::ServiceExt as _;

    use super::*;
    use crate::limits::{RateLimitSettings, settings::at_least_one};

    async fn answers(peer: Peer, count: usize, fails: bool) -> Vec<Response<Body>> {
        let settings = RateLimitSettings {
            address_burst: at_least_one(10),
            failure_cost: at_least_one(20),
            address_requests_per_second: Some(at_least_one(1)),
            ..Default::default()
        };
        let inner = tower::service_fn(move |_: Request<()>| async move {
            let mut answer = Response::new(Body::empty());
            if fails {
                answer.extensions_mut().insert(FailedAuthentication);
            }
            Ok::<_, Infallible>(answer)
        });
        let service = AddressLimitLayer::new(Arc::new(RateLimits::new(settings))).layer(inner);
        let mut answers = Vec::new();
        for _ in 0..count {
            let request = Request::post("/oauth/token").extension(peer.clone()).body(()).unwrap();
            answers.push(service.clone().oneshot(request).await.unwrap());
        }
        answers
    }

    fn tcp() -> Peer {
        Peer::Tcp { address: "203.0.113.7:4711".parse().unwrap(), certificate: None }
    }

    #[tokio::test]
    async fn too_many_requests_are_refused_with_the_time_to_wait() {
        let answers = answers(tcp(), 11, false).await;
        assert!(answers[..10].iter().all(|answer| answer.status() == 200));
        let refused = &answers[10];
        assert_eq!(refused.status(), 429);
        for (name, expected) in [
            ("retry-after", "1"),
            ("ratelimit", "\"address\";r=0;t=1"),
            ("ratelimit-policy", "\"address\";q=10;w=10"),
            ("content-type", "application/problem+json"),
        ] {
            assert_eq!(refused.headers()[name], expected);
        }
    }

    #[tokio::test]
    async fn a_few_failures_are_as_many_requests() {
        let answers = answers(tcp(), 20, true).await;
        let admitted = answers.iter().filter(|answer| answer.status() == 200).count();
        assert!((1..=4).contains(&admitted), "{admitted}");
    }

    #[tokio::test]
    async fn the_socket_is_not_limited() {
        let answers = answers(Peer::Unix { uid: Some(0), pid: None }, 30, true).await;
        assert!(answers.iter().all(|answer| answer.status() == 200));
    }

    #[test]
    fn a_grpc_call_gets_a_status_of_its_protocol() {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("application/grpc+proto"));
        let exceeded =
            Exceeded { policy: "actor", wait: std::time::Duration::from_millis(1_500), quota: 10, window: 5 };
        let answer = too_many(&headers, &exceeded);
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["retry-after"]),
            (200, &HeaderValue::from_static("2"))
        );
        let status = tonic::Status::from_header_map(answer.headers()).unwrap();
        let problem = from_status(&status).unwrap();
        assert_eq!((status.code(), problem.retry_after_ms), (tonic::Code::ResourceExhausted, 1_500));
    }
}
