//! One call: encode once, send, judge what came back, and send again where that is safe.

use std::{future::Future, time::Duration};

use bytes::{Buf as _, BufMut as _, Bytes};
use http::uri::PathAndQuery;
use prost::Message;
use tokio::time::{Instant, sleep, timeout_at};
use tonic::{
    Code, Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    transport::Channel,
};

use super::{
    Client, ClientError, MAX_TIMEOUT,
    transport::{ConnectFailure, Hope, Transport},
};
use crate::{
    problem,
    v1::{Problem, ProblemCode},
};
use kontraktor_model::limits::{MAX_ANSWER_BYTES, MAX_MESSAGE_BYTES};

/// The first pause before a repetition; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

pub(super) struct Rpc {
    pub(super) path: &'static str,
    pub(super) name: &'static str,
    pub(super) kind: Kind,
}

/// What sending a request twice would do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing.
    Read,
    /// Perhaps the same thing twice.
    Write,
    /// Nothing: the batch id makes the second one a replay.
    Batch,
}

/// What one attempt came to, where it was no answer.
pub(super) enum Failure {
    /// No connection; nothing was sent.
    Unconnected(ConnectFailure),
    /// The daemon answered with a refusal; nothing was written.
    Refused(Box<Problem>),
    /// It was sent, and what became of it is not known.
    Lost(String),
    /// The other side does not understand the request, or the caller may not make it.
    Foreign(String),
}

impl Failure {
    /// Whether the same request may come to something else in a while.
    ///
    /// `met`: the daemon was there before. Then nobody who listens is one who may be back soon.
    fn passes(&self, kind: Kind, first: bool, met: bool) -> bool {
        match self {
            Self::Unconnected(failure) => match failure.hope {
                Hope::Soon => true,
                Hope::AfterRestart => met || !first,
                Hope::None => !first,
            },
            Self::Refused(problem) => turned_away(problem),
            Self::Lost(_) => kind != Kind::Write,
            Self::Foreign(_) => false,
        }
    }

    pub(super) fn reason(self) -> String {
        match self {
            Self::Unconnected(failure) => failure.reason,
            Self::Refused(problem) => problem.message,
            Self::Lost(reason) | Self::Foreign(reason) => reason,
        }
    }
}

impl Client {
    pub(super) async fn call<Q: Message, A: Message + Default>(
        &self,
        rpc: &Rpc,
        request: &Q,
    ) -> Result<A, ClientError> {
        let message = encode(request)?;
        let (transport, deadline) = (self.transport()?, self.deadline());
        let attempt = || attempt(transport, rpc, message.clone(), deadline);
        let answer = self.exchange(rpc, transport, deadline, attempt).await?;
        A::decode(answer).map_err(|error| match rpc.kind {
            Kind::Read => self.protocol(rpc, format!("the answer cannot be read: {error}")),
            _ => self.unknown(rpc, format!("the answer cannot be read: {error}")),
        })
    }

    /// When a call that begins now has to be over.
    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.options().timeout.min(MAX_TIMEOUT)
    }

    /// Attempts until there is an answer, repetition is of no use, or time is up. Not generic over the messages, so that
    /// there is one of it for each way to be answered.
    pub(super) async fn exchange<T, F>(
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
        let mut first = true;
        // A write was sent, and no answer to it has come so far.
        let mut lost = false;
        // Every attempt so far found nobody who listens.
        let mut deserted = true;
        loop {
            let attempt = timeout_at(deadline, attempt()).await;
            let failure = match attempt {
                Ok(Ok(answer)) => return Ok(answer),
                // The channel keeps the time too, and may notice first.
                Ok(Err(Failure::Lost(_))) if Instant::now() >= deadline => {
                    Failure::Lost("time is up".to_owned())
                }
                // A store that broke over a write cannot say what became of it.
                Ok(Err(Failure::Refused(problem)))
                    if rpc.kind != Kind::Read && problem.code() == ProblemCode::Storage =>
                {
                    Failure::Lost(problem.message)
                }
                Ok(Err(failure)) => failure,
                Err(_) => Failure::Lost("time is up".to_owned()),
            };
            lost |= matches!(failure, Failure::Lost(_)) && rpc.kind != Kind::Read;
            deserted &=
                matches!(&failure, Failure::Unconnected(failure) if failure.hope == Hope::AfterRestart);
            // Never sooner than the daemon asked for, and not all at once.
            let asked = match &failure {
                Failure::Refused(problem) => Duration::from_millis(problem.retry_after_ms),
                _ => Duration::ZERO,
            };
            let wait = asked + jittered(pause);
            if !failure.passes(rpc.kind, first, transport.met()) || Instant::now() + wait >= deadline {
                if deserted {
                    transport.give_up();
                }
                return Err(self.verdict(rpc, failure, lost));
            }
            tracing::debug!(rpc = rpc.name, pause = ?wait, "repeating: {}", failure.reason());
            sleep(wait).await;
            pause = LONGEST_PAUSE.min(pause * 2);
            first = false;
        }
    }

    pub(super) fn verdict(&self, rpc: &Rpc, failure: Failure, lost: bool) -> ClientError {
        let target = self.options().host.to_string();
        match failure {
            // A settled refusal answers for the attempts before it too: a batch that had been written would have
            // been answered with its results. A daemon that is busy has not looked.
            Failure::Refused(problem) if !lost || !turned_away(&problem) => ClientError::Refused(problem),
            failure if lost => self.unknown(rpc, failure.reason()),
            Failure::Refused(problem) => ClientError::Refused(problem),
            Failure::Unconnected(ConnectFailure { reason, remedy, .. }) => {
                ClientError::NotReachable { target, reason, remedy }
            }
            Failure::Lost(reason) => {
                ClientError::TimedOut { target, operation: rpc.name, timeout: self.options().timeout, reason }
            }
            Failure::Foreign(reason) => self.protocol(rpc, reason),
        }
    }

    fn unknown(&self, rpc: &Rpc, reason: String) -> ClientError {
        ClientError::OutcomeUnknown { target: self.options().host.to_string(), operation: rpc.name, reason }
    }

    pub(super) fn protocol(&self, rpc: &Rpc, reason: String) -> ClientError {
        ClientError::Protocol { target: self.options().host.to_string(), operation: rpc.name, reason }
    }
}

async fn attempt(
    transport: &Transport,
    rpc: &Rpc,
    message: Bytes,
    deadline: Instant,
) -> Result<Bytes, Failure> {
    let mut grpc = ready(transport, MAX_ANSWER_BYTES).await?;
    let request = addressed(transport, message, deadline);
    let answer = grpc.unary(request, PathAndQuery::from_static(rpc.path), Raw).await.map_err(judge)?;
    Ok(answer.into_inner())
}

/// The request's bytes. A request that is too long is refused here.
pub(super) fn encode(request: &impl Message) -> Result<Bytes, ClientError> {
    let size = request.encoded_len();
    if size > MAX_MESSAGE_BYTES {
        let message = format!("the request is {size} bytes long: at most {MAX_MESSAGE_BYTES} are allowed");
        let problem = Problem::new(ProblemCode::Invalid, message).with_remedy("send fewer items at once");
        return Err(ClientError::Refused(Box::new(problem)));
    }
    Ok(request.encode_to_vec().into())
}

/// The channel, when a request may be sent on it. Messages of answers are `longest` bytes long at most.
pub(super) async fn ready(transport: &Transport, longest: usize) -> Result<Grpc<Channel>, Failure> {
    let mut grpc = Grpc::new(transport.channel.clone()).max_decoding_message_size(longest);
    grpc.ready().await.map_err(|error| judge(Status::from_error(error.into())))?;
    Ok(grpc)
}

/// The request with what is sent along.
pub(super) fn addressed(transport: &Transport, message: Bytes, deadline: Instant) -> Request<Bytes> {
    let mut request = Request::new(message);
    *request.metadata_mut() = transport.metadata.clone();
    // The daemon gives up when we do.
    request.set_timeout(deadline.saturating_duration_since(Instant::now()));
    request
}

pub(super) fn judge(status: Status) -> Failure {
    if let Some(failure) = ConnectFailure::behind(&status) {
        return Failure::Unconnected(failure);
    }
    if let Some(problem) = problem::from_status(&status) {
        return Failure::Refused(Box::new(problem));
    }
    let reason = match status.message() {
        "" => status.code().description().to_owned(),
        message => message.to_owned(),
    };
    match status.code() {
        // Said before a request is looked at, by whatever answered.
        Code::Unimplemented
        | Code::Unauthenticated
        | Code::PermissionDenied
        | Code::InvalidArgument
        | Code::OutOfRange
        | Code::NotFound => Failure::Foreign(reason),
        _ => Failure::Lost(reason),
    }
}

/// Whether the daemon refused for its own sake, without looking at what was asked.
fn turned_away(problem: &Problem) -> bool {
    matches!(problem.code(), ProblemCode::Busy | ProblemCode::ShuttingDown)
}

/// Between half and all of the pause, so that those who failed together do not come back together.
fn jittered(pause: Duration) -> Duration {
    let share = u32::from(uuid::Uuid::new_v4().as_bytes()[0]);
    pause / 2 + pause / 2 * share / 255
}

/// Messages as the bytes that they are encoded to: encoding is done once, however often they are sent.
pub(super) struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}
