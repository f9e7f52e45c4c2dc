//! The client, and how it makes one call: send, classify the failure, and retry where that is safe.

use std::{
    fmt,
    future::Future,
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use http::uri::PathAndQuery;
use kontraktor_model::limits::MAX_ANSWER_BYTES;
use prost::Message;
use tokio::time::{Instant, sleep, timeout_at};

use super::{
    connect::{ConnectError, Retryability},
    credentials::TokenError,
    error::ClientError,
    options::{ClientOptions, MAX_TIMEOUT},
    rpc::{Failure, RawCodec, Rpc, RpcKind, encode, ready_channel, refused_unseen, request},
    transport::Transport,
};
use crate::v1::ProblemCode;

/// The pause before the first retry; it doubles each time.
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// The longest pause.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A connection to the daemon that is made when it is first needed, and again when it was lost. Clones share it.
///
/// # Retries
/// Within the timeout, with growing pauses, the client retries:
///
/// - reads, whenever no response came;
/// - a batch of [`Client::write_variables`] likewise, because its id makes that safe;
/// - everything that the daemon refused unseen because it was busy or stopping;
/// - everything that was not sent, because nothing listened or the connection was closed while the request was queued.
///
/// Any other write is never sent twice.
///
/// When nothing listens, a client that has never been connected fails at once. One that has been connected expects a
/// restart and waits, until a call has found nothing listening for the whole of its timeout: later calls then fail at
/// once again. A socket that may not be used or is not trusted at the first attempt is an error at once in any case.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    options: ClientOptions,
    /// Created by the first call, because that needs a running tokio.
    transport: OnceLock<Transport>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("options", &self.shared.options).finish()
    }
}

impl Client {
    /// Returns a client that has not connected yet. Invalid options are reported by the first call.
    pub fn new(options: ClientOptions) -> Self {
        Self { shared: Arc::new(Shared { options, transport: OnceLock::new() }) }
    }

    /// Returns the options that the client was created with.
    pub fn options(&self) -> &ClientOptions {
        &self.shared.options
    }

    pub(super) fn transport(&self) -> Result<&Transport, ClientError> {
        if let Some(transport) = self.shared.transport.get() {
            return Ok(transport);
        }
        let created = Transport::new(&self.shared.options)?;
        Ok(self.shared.transport.get_or_init(|| created))
    }

    pub(super) async fn call<Q: Message, A: Message + Default>(
        &self,
        rpc: &Rpc,
        request: &Q,
    ) -> Result<A, ClientError> {
        let message = encode(request)?;
        let (transport, deadline) = (self.transport()?, self.deadline());
        let attempt = || attempt(transport, rpc, message.clone(), deadline);
        let response = self.retry(rpc, transport, deadline, attempt).await?;
        A::decode(response).map_err(|error| match rpc.kind {
            RpcKind::Read => self.protocol_error(rpc, format!("invalid response: {error}")),
            _ => self.outcome_unknown(rpc, format!("invalid response: {error}")),
        })
    }

    /// Returns when a call that begins now must be over.
    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.options().timeout.min(MAX_TIMEOUT)
    }

    /// Attempts until there is a response, a retry cannot help, or the deadline passes. Not generic over the messages,
    /// so that it is compiled once for each kind of response.
    pub(super) async fn retry<T, F>(
        &self,
        rpc: &Rpc,
        transport: &Transport,
        deadline: Instant,
        attempt: impl Fn() -> F,
    ) -> Result<T, ClientError>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let mut pause = FIRST_PAUSE;
        let mut is_first = true;
        // A write was sent, and no response to it has come so far.
        let mut write_lost = false;
        // Every attempt so far found nothing listening.
        let mut nothing_listened = true;
        let mut credentials_renewed = false;
        loop {
            let start = Instant::now();
            let attempt = timeout_at(deadline, attempt()).await;
            let failure = match attempt {
                Ok(Ok(response)) => return Ok(response),
                // Whatever ended the attempt, the deadline has passed.
                Ok(Err(Failure::ResponseLost(_))) if Instant::now() >= deadline => {
                    Failure::deadline_exceeded()
                }
                // A store that failed during a write cannot say whether the write was kept.
                Ok(Err(Failure::Refused(problem)))
                    if rpc.kind != RpcKind::Read && problem.code() == ProblemCode::Storage =>
                {
                    Failure::ResponseLost(problem.message)
                }
                Ok(Err(failure)) => failure,
                Err(_) => Failure::deadline_exceeded(),
            };
            if matches!(failure, Failure::Unauthenticated(_)) && !credentials_renewed {
                credentials_renewed = true;
                // The daemon may have forgotten the token, this machine may have slept past its end, or the certificate of the
                // connection has expired.
                if transport.renew_credentials(start) {
                    continue;
                }
            }
            write_lost |= matches!(failure, Failure::ResponseLost(_)) && rpc.kind != RpcKind::Read;
            nothing_listened &= matches!(
                &failure,
                Failure::NotConnected(error) if error.retryability == Retryability::AfterRestart
            );
            // Never sooner than the daemon asked for, and not all clients at once.
            let requested = match &failure {
                Failure::Refused(problem) => Duration::from_millis(problem.retry_after_ms),
                Failure::NoToken(error) => error.retry_after,
                _ => Duration::ZERO,
            };
            let wait = requested + jittered(pause);
            if !can_retry(&failure, rpc.kind, is_first, transport.was_connected())
                || Instant::now() + wait >= deadline
            {
                if nothing_listened {
                    transport.give_up();
                }
                return Err(self.error(rpc, transport, failure, write_lost));
            }
            tracing::debug!(rpc = rpc.name, pause = ?wait, "retrying: {}", failure.reason());
            sleep(wait).await;
            pause = LONGEST_PAUSE.min(pause * 2);
            is_first = false;
        }
    }

    /// Returns the error of a call whose last attempt failed. `write_lost`: a write was sent, then or earlier, and got no
    /// response.
    fn error(&self, rpc: &Rpc, transport: &Transport, failure: Failure, write_lost: bool) -> ClientError {
        let target = self.options().host.to_string();
        match failure {
            // The daemon looked, so this also answers the attempts before: a batch that had been written would have
            // returned its results. A daemon that is busy did not look.
            Failure::Refused(problem) if !write_lost || !refused_unseen(&problem) => {
                ClientError::Refused(problem)
            }
            failure if write_lost => self.outcome_unknown(rpc, failure.reason()),
            Failure::Refused(problem) => ClientError::Refused(problem),
            Failure::NotConnected(ConnectError { reason, remedy, .. }) => {
                ClientError::NotReachable { target, reason, remedy }
            }
            Failure::NoToken(error) => {
                let TokenError { url, retryability, reason, remedy, .. } = *error;
                ClientError::NoToken { url, reason, remedy, reached: retryability == Retryability::Never }
            }
            Failure::Unauthenticated(problem) => {
                let (reason, remedy) = transport.describe_rejection();
                ClientError::Unauthenticated { target, reason, remedy, problem }
            }
            Failure::ResponseLost(reason) => self.timed_out(rpc, reason),
            Failure::Incompatible(reason) => self.protocol_error(rpc, reason),
        }
    }

    /// Returns the error of a read that was not answered before the deadline.
    pub(super) fn timed_out_error(&self, rpc: &Rpc) -> ClientError {
        self.timed_out(rpc, Failure::deadline_exceeded().reason())
    }

    fn timed_out(&self, rpc: &Rpc, reason: String) -> ClientError {
        let target = self.options().host.to_string();
        ClientError::TimedOut { target, operation: rpc.name, timeout: self.options().timeout, reason }
    }

    fn outcome_unknown(&self, rpc: &Rpc, reason: String) -> ClientError {
        ClientError::OutcomeUnknown { target: self.options().host.to_string(), operation: rpc.name, reason }
    }

    pub(super) fn protocol_error(&self, rpc: &Rpc, reason: String) -> ClientError {
        ClientError::Protocol { target: self.options().host.to_string(), operation: rpc.name, reason }
    }
}

async fn attempt(
    transport: &Transport,
    rpc: &Rpc,
    message: Bytes,
    deadline: Instant,
) -> Result<Bytes, Failure> {
    let request = request(transport, message, deadline).await?;
    let mut grpc = ready_channel(transport, MAX_ANSWER_BYTES).await?;
    Ok(grpc.unary(request, PathAndQuery::from_static(rpc.path), RawCodec).await?.into_inner())
}

/// Returns whether the same request can succeed later.
///
/// With `was_connected` the daemon has been there, so that one that does not listen is probably being restarted.
fn can_retry(failure: &Failure, kind: RpcKind, is_first: bool, was_connected: bool) -> bool {
    let after = |retryability| match retryability {
        Retryability::Soon => true,
        Retryability::AfterRestart => was_connected || !is_first,
        Retryability::Never => !is_first,
    };
    match failure {
        Failure::NotConnected(error) => after(error.retryability),
        Failure::NoToken(error) => error.retryability != Retryability::Never && after(error.retryability),
        Failure::Refused(problem) => refused_unseen(problem),
        Failure::ResponseLost(_) => kind != RpcKind::Write,
        Failure::Unauthenticated(_) | Failure::Incompatible(_) => false,
    }
}

/// Returns between half and all of the pause, so that clients that failed together do not retry together.
pub(super) fn jittered(pause: Duration) -> Duration {
    let share = u32::from(uuid::Uuid::new_v4().as_bytes()[0]);
    pause / 2 + pause / 2 * share / 255
}
