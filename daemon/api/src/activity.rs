//! What happens on a connection, as far as it decides when the connection has to end: requests that are open, a request whose
//! head does not become complete, and an answer that its client does not read.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::time::Instant;

use super::connection_limits::ConnectionLimits;

/// How the preface of an HTTP/2 connection begins (RFC 9113 §3.4); no method of HTTP/1.1 does.
const PREFACE: &[u8] = b"PRI";

/// What happens on one connection. A clone is the same.
#[derive(Debug, Clone)]
pub(crate) struct Activity(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// Requests whose answers are not written yet.
    open: usize,
    /// When the last of them ended, or the connection was made.
    idle_since: Instant,
    /// When the first byte of a request of HTTP/1.1 came of which nothing else is known yet.
    head_since: Option<Instant>,
    /// How many bytes of the preface have come; none: the connection is one of HTTP/1.1.
    preface: Option<usize>,
    /// Answers of which a part is ready and has not been taken by the connection.
    ready: usize,
    /// Whether something waits to be written to the socket.
    blocked: bool,
    /// When a part of an answer was last taken or written.
    progress: Instant,
}

/// Why a connection ends before its client closes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expired {
    /// There was no request for a while.
    Idle,
    /// The head of a request did not become complete.
    SlowHead,
    /// The client does not read its answer.
    Stalled,
}

impl Activity {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self(Arc::new(Mutex::new(State {
            open: 0,
            idle_since: now,
            head_since: None,
            preface: Some(0),
            ready: 0,
            blocked: false,
            progress: now,
        })))
    }

    /// Notes a request, which is open as long as the result or a clone of it exists.
    pub(super) fn request(&self) -> OpenRequest {
        let mut state = self.state();
        state.open += 1;
        state.head_since = None;
        OpenRequest(Arc::new(OpenGuard(self.clone())))
    }

    /// Notes bytes that came.
    pub(super) fn received(&self, bytes: &[u8]) {
        let mut state = self.state();
        if let Some(seen) = state.preface.filter(|seen| *seen < PREFACE.len()) {
            let expected = &PREFACE[seen..];
            let compared = bytes.len().min(expected.len());
            state.preface = (bytes[..compared] == expected[..compared]).then_some(seen + compared);
        }
        let is_http2 = state.preface.is_some_and(|seen| seen == PREFACE.len());
        if is_http2 {
            // Streams have heads of their own, which the library limits; pings and settings are none.
            state.head_since = None;
        } else if state.open == 0 && state.head_since.is_none() && !bytes.is_empty() {
            state.head_since = Some(Instant::now());
        }
    }

    /// Notes whether bytes that are to be written have to wait.
    pub(super) fn wrote(&self, blocked: bool) {
        let mut state = self.state();
        if !(blocked && state.blocked) {
            state.progress = Instant::now();
        }
        state.blocked = blocked;
    }

    /// Returns why the connection has expired, or when to look again.
    pub(super) fn check(&self, limits: &ConnectionLimits) -> Result<Instant, Expired> {
        let now = Instant::now();
        let state = self.state();
        let mut next = now + limits.idle_timeout.min(limits.header_timeout).min(limits.stall_timeout);
        let mut due = |since: Instant, limit, expired| {
            let end = since + limit;
            next = next.min(end);
            if end <= now { Err(expired) } else { Ok(()) }
        };
        if let Some(since) = state.head_since {
            due(since, limits.header_timeout, Expired::SlowHead)?;
        }
        if state.blocked || state.ready > 0 {
            due(state.progress, limits.stall_timeout, Expired::Stalled)?;
        }
        if state.open == 0 {
            due(state.idle_since, limits.idle_timeout, Expired::Idle)?;
        }
        Ok(next)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that is open. It is an extension of the request until the answer's body has it.
#[derive(Debug, Clone)]
pub(crate) struct OpenRequest(Arc<OpenGuard>);

#[derive(Debug)]
struct OpenGuard(Activity);

impl Drop for OpenGuard {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.open -= 1;
        state.idle_since = Instant::now();
    }
}

/// Whether a part of one answer is ready and not taken yet.
#[derive(Debug)]
pub(crate) struct ReadyPart {
    request: OpenRequest,
    is_ready: bool,
}

impl ReadyPart {
    /// An answer whose head is ready.
    pub(crate) fn new(request: OpenRequest) -> Self {
        let mut part = Self { request, is_ready: false };
        part.set(true);
        part
    }

    pub(crate) fn request(&self) -> &OpenRequest {
        &self.request
    }

    /// Notes that the connection asked for the next part, and whether there is one.
    pub(crate) fn set(&mut self, is_ready: bool) {
        let mut state = self.request.0.0.state();
        state.progress = Instant::now();
        match (mem::replace(&mut self.is_ready, is_ready), is_ready) {
            (false, true) => state.ready += 1,
            (true, false) => state.ready -= 1,
            _ => {}
        }
    }
}

impl Drop for ReadyPart {
    fn drop(&mut self) {
        self.set(false);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn limits() -> ConnectionLimits {
        ConnectionLimits {
            header_timeout: SECOND * 10,
            idle_timeout: SECOND * 100,
            stall_timeout: SECOND * 30,
            ..ConnectionLimits::default()
        }
    }

    /// Returns what the connection expires of, and after how many seconds.
    async fn expiry(activity: &Activity) -> (Expired, u64) {
        let begun = Instant::now();
        loop {
            match activity.check(&limits()) {
                Ok(next) => tokio::time::sleep_until(next).await,
                Err(expired) => return (expired, begun.elapsed().as_secs()),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_a_request_is_idle_and_one_with_a_quiet_stream_is_not() {
        let activity = Activity::new();
        assert_eq!(expiry(&activity).await, (Expired::Idle, 100));
        let request = activity.request();
        let part = request.clone();
        drop(request);
        advance(SECOND * 10_000).await;
        assert!(activity.check(&limits()).is_ok());
        drop(part);
        assert_eq!(expiry(&activity).await, (Expired::Idle, 100));
    }

    #[tokio::test(start_paused = true)]
    async fn the_head_of_a_request_has_a_time_of_its_own_however_many_bytes_come() {
        let activity = Activity::new();
        advance(SECOND * 50).await;
        activity.received(b"P");
        advance(SECOND * 6).await;
        activity.received(b"OST / HTTP/1.1\r\n");
        assert_eq!(expiry(&activity).await, (Expired::SlowHead, 4));
        let request = activity.request();
        activity.received(b"a part of the body");
        drop(request);
        assert_eq!(expiry(&activity).await, (Expired::Idle, 100));
    }

    #[tokio::test(start_paused = true)]
    async fn pings_of_http_2_are_no_request() {
        let activity = Activity::new();
        activity.received(b"PR");
        activity.received(b"I * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        advance(SECOND * 60).await;
        activity.received(b"\0\0\x08\x06\0\0\0\0\0........");
        assert_eq!(expiry(&activity).await, (Expired::Idle, 40));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_nobody_reads_has_stalled_and_one_that_waits_for_news_has_not() {
        let activity = Activity::new();
        let mut part = ReadyPart::new(activity.request());
        advance(SECOND * 20).await;
        part.set(true);
        assert_eq!(expiry(&activity).await, (Expired::Stalled, 30));
        part.set(false);
        advance(SECOND * 1_000).await;
        assert!(activity.check(&limits()).is_ok());
        activity.wrote(true);
        advance(SECOND * 20).await;
        activity.wrote(true);
        assert_eq!(expiry(&activity).await, (Expired::Stalled, 10));
        activity.wrote(false);
        assert!(activity.check(&limits()).is_ok());
        drop(part);
    }
}
