//! What is the same for every call: an id, a span, and one log line when it is answered.
//!
//! It knows the path and the status of a call, never its content: values do not belong in logs.

mod date;
mod deadline;
mod transport_error;

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use jiff::Timestamp;
use tokio::time::timeout;
use tonic::{Code, codegen::http};
use tower::{Layer, Service};
use tracing::{Instrument as _, Span};

use self::{
    date::DateHeader,
    transport_error::{RequestParts, explain_answer},
};
use super::{
    activity::{OpenRequest, ReadyPart},
    request_id::{RequestId, RequestIds},
    running::{Counted, Running},
};

/// Wraps every call.
#[derive(Clone)]
pub(super) struct CallLayer {
    request_ids: RequestIds,
    running: Running,
    date: DateHeader,
}

impl CallLayer {
    /// The clock must not panic.
    pub(super) fn new(running: Running, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self { request_ids: RequestIds::new(), running, date: DateHeader::new(clock) }
    }
}

impl<S> Layer<S> for CallLayer {
    type Service = Calls<S>;

    fn layer(&self, inner: S) -> Calls<S> {
        Calls {
            inner,
            request_ids: self.request_ids.clone(),
            running: self.running.clone(),
            date: self.date.clone(),
        }
    }
}

/// A service whose calls are traced.
#[derive(Clone)]
pub(super) struct Calls<S> {
    inner: S,
    request_ids: RequestIds,
    running: Running,
    date: DateHeader,
}

impl<S, B, R> Service<http::Request<B>> for Calls<S>
where
    S: Service<http::Request<B>, Response = http::Response<R>>,
    S::Future: Send + 'static,
    R: Default,
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
        let counted = (!request.uri().path().starts_with("/grpc.")).then(|| self.running.begin());
        let (parts, date) = (RequestParts::of(&request), self.date.clone());
        // Absent in tests without a connection.
        let open = request.extensions_mut().remove::<OpenRequest>();
        let time_left = deadline::of(request.headers()).unwrap_or(Duration::MAX);
        let answer = span.in_scope(|| self.inner.call(request));
        let traced = async move {
            let (mut answer, is_explained) = match timeout(time_left, answer).await {
                Ok(answer) => {
                    let mut answer = answer?;
                    let is_explained = parts.explain(answer.headers_mut());
                    (answer, is_explained)
                }
                Err(_) => (deadline::exceeded(), false),
            };
            log(&answer, is_explained, &request_id, started);
            date.add_to(answer.headers_mut());
            Ok(answer.map(|body| Answer { body, counted, part: open.map(ReadyPart::new) }))
        };
        Box::pin(traced.instrument(span))
    }
}

/// A body that counts as a running call until it is sent. The connection may take all of it long before its client reads it,
/// so each piece counts on its own until the connection has written it or dropped it.
pub(super) struct Answer<R> {
    body: R,
    counted: Option<Counted>,
    /// What of it is ready, for the connection.
    part: Option<ReadyPart>,
}

impl<R: Body<Data = Bytes> + Unpin> Body for Answer<R> {
    type Data = Bytes;
    type Error = R::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, R::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if let Some(part) = &mut self.part {
            part.set(frame.is_ready());
        }
        let until_sent = UntilSent {
            _counted: self.counted.clone(),
            _open: self.part.as_ref().map(|part| part.request().clone()),
        };
        let Some(frame) = ready!(frame) else { return Poll::Ready(None) };
        Poll::Ready(Some(frame.map(|frame| kept_until_sent(explained(frame), until_sent))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// What ends when the connection has written a piece of an answer, or dropped it.
struct UntilSent {
    _counted: Option<Counted>,
    _open: Option<OpenRequest>,
}

/// Makes the data of a frame count as a running call.
fn kept_until_sent(frame: Frame<Bytes>, until_sent: UntilSent) -> Frame<Bytes> {
    frame.map_data(|bytes| Bytes::from_owner(PendingBytes { bytes, _until_sent: until_sent }))
}

/// Bytes that count as a running call for as long as anybody has them.
struct PendingBytes {
    bytes: Bytes,
    _until_sent: UntilSent,
}

impl AsRef<[u8]> for PendingBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Explains the error in the trailers where it is the library's.
fn explained(frame: Frame<Bytes>) -> Frame<Bytes> {
    match frame.into_trailers() {
        Ok(mut trailers) => {
            if explain_answer(&mut trailers) {
                tracing::debug!("an answer was too large to be sent");
            }
            Frame::trailers(trailers)
        }
        Err(frame) => frame,
    }
}

/// Records who calls in the span of the running call.
pub(super) fn record_caller(actor: &str, via: &str) {
    Span::current().record("actor", actor).record("via", via);
}

/// Returns the status in the headers: a refusal is an answer without a body. A good answer has its status at the end.
fn code(headers: &http::HeaderMap) -> Code {
    headers.get("grpc-status").map_or(Code::Ok, |status| Code::from_bytes(status.as_bytes()))
}

/// Logs how a call ended. What a client sends that is no request at all is the client's business, not the operator's.
fn log<R>(answer: &http::Response<R>, is_malformed: bool, request_id: &str, started: Instant) {
    let microseconds = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    let (code, status) = (code(answer.headers()), answer.status());
    if code == Code::Ok && status.is_server_error() {
        tracing::warn!(request_id, microseconds, status = status.as_u16(), "refused");
        return;
    }
    if code == Code::Ok && status.is_client_error() {
        tracing::info!(request_id, microseconds, status = status.as_u16(), "refused");
        return;
    }
    match code {
        Code::Ok => tracing::debug!(request_id, microseconds, "answered"),
        _ if is_malformed => tracing::debug!(request_id, microseconds, ?code, "refused"),
        Code::Internal | Code::Unknown | Code::DataLoss | Code::Unavailable | Code::PermissionDenied => {
            tracing::warn!(request_id, microseconds, ?code, "refused");
        }
        _ => tracing::info!(request_id, microseconds, ?code, "refused"),
    }
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, pin::pin, task::Waker};

    use super::*;

    /// A body of one piece.
    struct Piece(Option<Bytes>);

    impl Body for Piece {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_runs_until_the_last_byte_of_its_answer_is_written() {
        let running = Running::default();
        let body = Piece(Some(Bytes::from_static(b"answer")));
        let mut answer = Box::pin(Answer { body, counted: Some(running.begin()), part: None });
        let mut context = Context::from_waker(Waker::noop());
        let Poll::Ready(Some(Ok(frame))) = answer.as_mut().poll_frame(&mut context) else {
            panic!("the body has a piece")
        };
        // The connection has taken everything, and writes half of it.
        drop(answer);
        let mut buffered = frame.into_data().unwrap();
        let written = buffered.split_to(3);
        assert_eq!((&*written, &*buffered), (&b"ans"[..], &b"wer"[..]));
        drop(written);
        let mut quiet = pin!(running.quiet());
        assert!(tokio::time::timeout(Duration::from_mins(1), &mut quiet).await.is_err());
        drop(buffered);
        quiet.await;
    }
}
