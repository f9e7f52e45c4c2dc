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
    /// A body of at most so many bytes. With a stall timeout, it must begin within that, and continue at the least rate.
    pub(super) fn new(body: B, most: u64, stall_timeout: Option<Duration>) -> Self {
        let pace =
            stall_timeout.map(|stall_timeout| Pace { deadline: Instant::now() + stall_timeout, sleep: None });
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

#[cfg(test)]
mod tests {
    use axum::body::Body as AnyBody;
    use http_body_util::BodyExt as _;
    use tokio::sync::mpsc;
    use tokio_stream::{StreamExt as _, wrappers::ReceiverStream};

    use super::*;

    /// A body of what is sent to it.
    fn body(most: u64, stall_timeout: Option<Duration>) -> (mpsc::Sender<Bytes>, RequestBody<AnyBody>) {
        let (sender, pieces) = mpsc::channel(8);
        let pieces = ReceiverStream::new(pieces).map(Ok::<_, io::Error>);
        (sender, RequestBody::new(AnyBody::from_stream(pieces), most, stall_timeout))
    }

    fn piece(length: usize) -> Bytes {
        vec![b'x'; length].into()
    }

    #[tokio::test]
    async fn a_body_is_as_long_as_it_may_be() {
        for (lengths, expected) in
            [(&[10][..], Some(10)), (&[4, 6], Some(10)), (&[], Some(0)), (&[11], None), (&[10, 1], None)]
        {
            let (sender, body) = body(10, None);
            for length in lengths {
                sender.send(piece(*length)).await.unwrap();
            }
            drop(sender);
            let read = body.collect().await.ok().map(|body| body.to_bytes().len());
            assert_eq!(read, expected, "{lengths:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_must_come_as_fast_as_any_line_is() {
        let stall_timeout = Duration::from_secs(30);
        // Nothing at all.
        let (_sender, silent) = body(1 << 20, Some(stall_timeout));
        let begun = Instant::now();
        assert!(silent.collect().await.unwrap_err().to_string().contains("too slowly"));
        assert_eq!(begun.elapsed(), stall_timeout);
        // A byte every ten seconds is no progress, and twice the least rate is.
        for (length, is_good) in [(1, false), (10 * 1024, true)] {
            let (sender, body) = body(1 << 20, Some(stall_timeout));
            tokio::spawn(async move {
                for _ in 0..20 {
                    tokio::time::sleep(Duration::from_secs(10)).await;
                    if sender.send(piece(length)).await.is_err() {
                        return;
                    }
                }
            });
            assert_eq!(body.collect().await.is_ok(), is_good, "{length}");
        }
        // A client that is slow where nobody limits it.
        let (sender, free) = body(1 << 20, None);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_hours(1)).await;
            drop(sender);
        });
        assert!(free.collect().await.is_ok());
    }
}
