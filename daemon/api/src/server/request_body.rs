//! The body of a request, as long as it may be and as slow as it may come.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

/// Bytes in a second that a client must send on average, once the time of a stall is over. Fewer are no client's line.
const LEAST_RATE: u64 = 512;

/// The body of a request. More than `left` bytes, or fewer than come in time, are an error.
pub(super) struct RequestBody<B> {
    body: B,
    left: u64,
    pace: Option<Pace>,
}

/// By when the next byte must be there: the further, the more have come.
struct Pace {
    deadline: Instant,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl<B> RequestBody<B> {
    /// A body of at most so many bytes. With a patience, it must begin within it, and continue at the least rate.
    pub(super) fn new(body: B, most: u64, patience: Option<Duration>) -> Self {
        let pace = patience.map(|patience| Pace { deadline: Instant::now() + patience, sleep: None });
        Self { body, left: most, pace }
    }
}

impl<B> Body for RequestBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) else {
            let Some(pace) = &mut this.pace else { return Poll::Pending };
            ready!(pace.poll(context));
            let slow = io::Error::new(io::ErrorKind::TimedOut, "the request's body comes too slowly");
            return Poll::Ready(Some(Err(slow.into())));
        };
        let Some(frame) = frame else { return Poll::Ready(None) };
        let frame = frame.map_err(Into::into)?;
        let length = frame.data_ref().map_or(0, Bytes::len) as u64;
        let Some(left) = this.left.checked_sub(length) else {
            let large = io::Error::new(io::ErrorKind::FileTooLarge, "the request's body is too large");
            return Poll::Ready(Some(Err(large.into())));
        };
        this.left = left;
        if let Some(pace) = &mut this.pace {
            pace.deadline += Duration::from_secs(length) / u32::try_from(LEAST_RATE).unwrap_or(1);
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Pace {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let deadline = self.deadline;
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if sleep.deadline() != deadline {
            sleep.as_mut().reset(deadline);
        }
        sleep.as_mut().poll(context)
    }
}
