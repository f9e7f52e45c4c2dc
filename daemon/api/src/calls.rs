//! What is the same for every call: an id, a span, and one log line when it is answered.
//!
//! It knows the path and the status of a call, never its content: values do not belong in logs.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use http_body::{Body, Frame, SizeHint};
use kontraktor_model::limits::MAX_MESSAGE_BYTES;
use kontraktor_proto::{
    problem::to_status,
    v1::{Problem, ProblemCode},
};
use tonic::{Code, codegen::http};
use tower::{Layer, Service};
use tracing::{Instrument as _, Span};

use super::{
    request_id::{RequestId, RequestIds},
    running::{Counted, Running},
};

/// Wraps every call.
#[derive(Debug, Clone)]
pub(super) struct CallLayer {
    request_ids: RequestIds,
    running: Running,
}

impl CallLayer {
    pub(super) fn new(running: Running) -> Self {
        Self { request_ids: RequestIds::new(), running }
    }
}

impl<S> Layer<S> for CallLayer {
    type Service = Calls<S>;

    fn layer(&self, inner: S) -> Calls<S> {
        Calls { inner, request_ids: self.request_ids.clone(), running: self.running.clone() }
    }
}

/// A service whose calls are traced.
#[derive(Debug, Clone)]
pub(super) struct Calls<S> {
    inner: S,
    request_ids: RequestIds,
    running: Running,
}

impl<S, B, R> Service<http::Request<B>> for Calls<S>
where
    S: Service<http::Request<B>, Response = http::Response<R>>,
    S::Future: Send + 'static,
{
    type Response = http::Response<Answer<R>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: http::Request<B>) -> Self::Future {
        let request_id = self.request_ids.of(request.headers());
        let span = tracing::info_span!(
            "call",
            request_id = &*request_id,
            method = request.uri().path(),
            actor = tracing::field::Empty,
            via = tracing::field::Empty
        );
        request.extensions_mut().insert(RequestId(Arc::clone(&request_id)));
        let started = Instant::now();
        // Streams of health and reflection end when their client likes; nobody waits for those.
        let counted = request.uri().path().starts_with("/kontraktor.v1.").then(|| self.running.begin());
        let answer = span.in_scope(|| self.inner.call(request));
        let traced = async move {
            let mut answer = answer.await?;
            explain(answer.headers_mut());
            log(answer.headers(), &request_id, started);
            Ok(answer.map(|body| Answer { body, _counted: counted }))
        };
        Box::pin(traced.instrument(span))
    }
}

/// A body that counts as a running call until it is sent.
pub(super) struct Answer<R> {
    body: R,
    _counted: Option<Counted>,
}

impl<R: Body + Unpin> Body for Answer<R> {
    type Data = R::Data;
    type Error = R::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<R::Data>, R::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Records who calls in the span of the running call.
pub(super) fn record_caller(actor: &str, via: &str) {
    Span::current().record("actor", actor).record("via", via);
}

/// Rewrites the one refusal that does not come from us: a message above the limit is rejected before any of our code sees
/// it, in words that do not say what to do.
fn explain(headers: &mut http::HeaderMap) {
    if code(headers) != Code::OutOfRange {
        return;
    }
    let problem = Problem::new(
        ProblemCode::Invalid,
        format!("the request is larger than {MAX_MESSAGE_BYTES} bytes (64 MiB), the maximum"),
    )
    .with_remedy("send it in several smaller batches");
    if let Err(status) = to_status(problem).add_header(headers) {
        tracing::warn!(%status, "cannot render a refusal");
    }
}

/// Returns the status in the headers: a refusal is an answer without a body. A good answer has its status at the end.
fn code(headers: &http::HeaderMap) -> Code {
    headers.get("grpc-status").map_or(Code::Ok, |status| Code::from_bytes(status.as_bytes()))
}

fn log(headers: &http::HeaderMap, request_id: &str, started: Instant) {
    let microseconds = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    let code = code(headers);
    match code {
        Code::Ok => tracing::debug!(request_id, microseconds, "answered"),
        Code::Internal | Code::Unknown | Code::DataLoss | Code::Unavailable | Code::PermissionDenied => {
            tracing::warn!(request_id, microseconds, ?code, "refused");
        }
        _ => tracing::info!(request_id, microseconds, ?code, "refused"),
    }
}
