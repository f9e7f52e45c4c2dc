//! Authentication: a layer that makes a [`Caller`] out of every request, whatever protocol it speaks.
//!
//! The layer asks its authenticators in order. The first that knows the request's credentials decides; a request that none
//! of them knows is rejected. What a caller may do is not decided here.

mod bearer;
mod certificate;
mod error;
mod identity;
mod peer;
mod public_paths;
mod rejection;
mod via;

use std::{
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::body::Body;
use kontraktor_access::Caller;
use tonic::{async_trait, codegen::http};
use tower::{Layer, Service};

pub use self::identity::Identity;
pub(crate) use self::{
    bearer::{BearerAuthenticator, refuse_token_in_url},
    certificate::CertificateAuthenticator,
    error::AuthenticationError,
    peer::PeerAuthenticator,
    via::via,
};
use self::{public_paths::is_public, rejection::reject};
use super::{
    calls,
    limits::{RateLimits, too_many},
    request_id::RequestId,
};

/// Knows one kind of credentials.
#[async_trait]
pub(crate) trait Authenticator: Send + Sync {
    /// Returns the caller, or `None` where the request carries no credentials of this kind.
    async fn authenticate(&self, parts: &http::request::Parts)
    -> Result<Option<Caller>, AuthenticationError>;
}

/// Puts an `Arc<Caller>` into the extensions of every request, and rejects those without a caller. Requests for what is public
/// pass without one.
#[derive(Clone)]
pub(crate) struct AuthLayer {
    authenticators: Arc<[Box<dyn Authenticator>]>,
    limits: Arc<RateLimits>,
}

impl AuthLayer {
    /// Asks the authenticators in this order, and limits how many requests a caller may send.
    pub(crate) fn new(authenticators: Vec<Box<dyn Authenticator>>, limits: Arc<RateLimits>) -> Self {
        Self { authenticators: authenticators.into(), limits }
    }

    async fn caller(&self, parts: &http::request::Parts) -> Result<Caller, AuthenticationError> {
        for authenticator in &*self.authenticators {
            if let Some(caller) = authenticator.authenticate(parts).await? {
                return Ok(caller);
            }
        }
        tracing::info!(cause = "the request carries no credentials", "unauthenticated");
        Err(AuthenticationError::unauthenticated())
    }
}

impl<S> Layer<S> for AuthLayer {
    type Service = Authenticated<S>;

    fn layer(&self, inner: S) -> Authenticated<S> {
        Authenticated { inner, layer: self.clone() }
    }
}

/// A service whose requests have a caller.
#[derive(Clone)]
pub(crate) struct Authenticated<S> {
    inner: S,
    layer: AuthLayer,
}

impl<S, B> Service<http::Request<B>> for Authenticated<S>
where
    S: Service<http::Request<B>, Response = http::Response<Body>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let layer = self.layer.clone();
        // The one that is ready is taken along; the clone stays.
        let clone = self.inner.clone();
        let mut inner = mem::replace(&mut self.inner, clone);
        if is_public(request.uri().path()) {
            return Box::pin(inner.call(request));
        }
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            let caller = match layer.caller(&parts).await {
                Ok(caller) => caller,
                Err(error) => return Ok(reject(&parts.headers, error)),
            };
            calls::record_caller(&caller.actor, &caller.via);
            if let Err(exceeded) = layer.limits.check_caller(&caller) {
                return Ok(too_many(&parts.headers, &exceeded));
            }
            let request_id = parts.extensions.get::<RequestId>().map(|id| Arc::clone(&id.0));
            parts.extensions.insert(Arc::new(Caller { request_id, ..caller }));
            inner.call(http::Request::from_parts(parts, body)).await
        })
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use kontraktor_access::Scopes;
    use kontraktor_domain::{Code, Refusal};
    use kontraktor_proto::{problem::from_status, v1::ProblemCode};
    use tonic::Status;
    use tower::ServiceExt as _;

    use super::*;

    /// Knows one header: its value is the actor, and `eve` is rejected.
    struct Named(&'static str);

    #[async_trait]
    impl Authenticator for Named {
        async fn authenticate(
            &self,
            parts: &http::request::Parts,
        ) -> Result<Option<Caller>, AuthenticationError> {
            match parts.headers.get(self.0).and_then(|name| name.to_str().ok()) {
                None => Ok(None),
                Some("eve") => Err(Refusal::new(Code::Denied, "eve is not welcome").into()),
                Some(name) => Ok(Some(Caller::new(name, self.0, Scopes::NONE))),
            }
        }
    }

    fn layer(authenticators: Vec<Box<dyn Authenticator>>) -> AuthLayer {
        AuthLayer::new(authenticators, Arc::new(RateLimits::new(Default::default())))
    }

    /// Answers with who the service behind the layer sees.
    async fn seen(headers: &[(&str, &str)]) -> http::Response<Body> {
        let inner = tower::service_fn(async |request: http::Request<()>| {
            let caller = request.extensions().get::<Arc<Caller>>().unwrap();
            let request_id = caller.request_id.as_deref().unwrap_or("no request");
            let seen = format!("{} by {} in {request_id}", caller.actor, caller.via);
            let answer = http::Response::builder().header("seen", seen).body(Body::empty()).unwrap();
            Ok::<_, Infallible>(answer)
        });
        let layer = layer(vec![Box::new(Named("first")), Box::new(Named("second"))]);
        let mut request = http::Request::builder()
            .header("content-type", "application/grpc")
            .extension(RequestId("r-1".into()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        layer.layer(inner).oneshot(request.body(()).unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn the_first_authenticator_that_knows_the_credentials_decides() {
        for (headers, expected) in [
            (&[("first", "ada")][..], "ada by first in r-1"),
            (&[("second", "bob")], "bob by second in r-1"),
            (&[("second", "bob"), ("first", "ada")], "ada by first in r-1"),
        ] {
            assert_eq!(seen(headers).await.headers()["seen"], expected);
        }
    }

    #[tokio::test]
    async fn a_rejection_is_a_status_with_a_problem() {
        for (headers, code) in [
            (&[][..], ProblemCode::Unauthenticated),
            (&[("first", "eve"), ("second", "bob")], ProblemCode::Denied),
        ] {
            let answer = seen(headers).await;
            assert!(!answer.headers().contains_key("seen"));
            let status = Status::from_header_map(answer.headers()).unwrap();
            let problem = from_status(&status).unwrap();
            assert_eq!(problem.code(), code, "{problem:?}");
        }
    }

    #[tokio::test]
    async fn a_rejection_has_the_form_of_the_requests_protocol() {
        let inner =
            tower::service_fn(async |_: http::Request<()>| -> Result<http::Response<Body>, Infallible> {
                panic!("nobody is known")
            });
        let request = http::Request::get("/api/v1/projects").body(()).unwrap();
        let answer = layer(Vec::new()).layer(inner).oneshot(request).await.unwrap();
        assert_eq!(answer.status(), 401);
        assert_eq!(answer.headers()["www-authenticate"], "Bearer");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        assert!(!answer.headers().contains_key("grpc-status"));
    }

    #[tokio::test]
    async fn what_is_public_needs_no_credentials() {
        let inner = tower::service_fn(async |request: http::Request<()>| {
            assert!(request.extensions().get::<Arc<Caller>>().is_none());
            Ok::<_, Infallible>(http::Response::new(Body::empty()))
        });
        let request = http::Request::get("/healthz").header("first", "eve").body(()).unwrap();
        let layer = layer(vec![Box::new(Named("first"))]);
        assert_eq!(layer.layer(inner).oneshot(request).await.unwrap().status(), 200);
    }
}
