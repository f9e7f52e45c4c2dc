//! One RPC on the wire: its name, its encoded messages, and what came back instead of a response.

use bytes::{Buf as _, BufMut as _, Bytes};
use kontraktor_model::limits::MAX_MESSAGE_BYTES;
use prost::Message;
use tokio::time::Instant;
use tonic::{
    Code, Request, Status, TimeoutExpired,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};

use super::{
    channel::GrpcChannel, connect::ConnectError, credentials::TokenError, error::ClientError,
    transport::Transport,
};
use crate::{
    problem,
    v1::{Problem, ProblemCode},
};

/// The reason of a failure when the deadline passed first.
pub(super) const DEADLINE_EXCEEDED: &str = "deadline exceeded";

pub(super) struct Rpc {
    pub(super) path: &'static str,
    pub(super) name: &'static str,
    pub(super) kind: RpcKind,
}

/// What sending a request twice would do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum RpcKind {
    /// Nothing.
    Read,
    /// Perhaps the same thing twice.
    Write,
    /// Nothing: the batch id makes the second one a replay.
    Batch,
}

/// What one attempt brought instead of a response.
pub(super) enum Failure {
    /// There was no connection; nothing was sent.
    NotConnected(ConnectError),
    /// There was no token; nothing was sent.
    NoToken(Box<TokenError>),
    /// The daemon, or a proxy before it, does not accept the credentials; nothing was written.
    Unauthenticated(Option<Box<Problem>>),
    /// The daemon refused; nothing was written.
    Refused(Box<Problem>),
    /// The request was sent, and its outcome is unknown.
    ResponseLost(String),
    /// The server does not understand the request, or does not let this caller make it.
    Incompatible(String),
}

impl Failure {
    /// Returns the failure of an attempt that was cut off at the deadline.
    pub(super) fn deadline_exceeded() -> Self {
        Self::ResponseLost(DEADLINE_EXCEEDED.to_owned())
    }

    pub(super) fn reason(self) -> String {
        match self {
            Self::NotConnected(error) => error.reason,
            Self::NoToken(error) => format!("no access token from {}: {}", error.url, error.reason),
            Self::Unauthenticated(None) => "the credentials were rejected".to_owned(),
            Self::Refused(problem) | Self::Unauthenticated(Some(problem)) => problem.message,
            Self::ResponseLost(reason) | Self::Incompatible(reason) => reason,
        }
    }
}

impl From<TokenError> for Failure {
    fn from(error: TokenError) -> Self {
        Self::NoToken(Box::new(error))
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        if let Some(error) = ConnectError::in_status(&status) {
            return Self::NotConnected(error);
        }
        let problem = problem::from_status(&status).map(Box::new);
        if status.code() == Code::Unauthenticated {
            return Self::Unauthenticated(problem);
        }
        if let Some(problem) = problem {
            // The daemon has given up waiting, and what was requested may happen all the same.
            if problem.code() == ProblemCode::DeadlineExceeded {
                return Self::deadline_exceeded();
            }
            return Self::Refused(problem);
        }
        // The channel keeps the request's deadline too, and may notice first.
        if status.code() == Code::Cancelled && status.message() == TimeoutExpired(()).to_string() {
            return Self::deadline_exceeded();
        }
        let reason = match status.message() {
            "" => status.code().description().to_owned(),
            message => message.to_owned(),
        };
        match status.code() {
            // Returned before a request is looked at, by whatever server this is.
            Code::Unimplemented
            | Code::PermissionDenied
            | Code::InvalidArgument
            | Code::OutOfRange
            | Code::NotFound => Self::Incompatible(reason),
            _ => Self::ResponseLost(reason),
        }
    }
}

/// Returns whether the daemon refused for reasons of its own, without looking at the request.
pub(super) fn refused_unseen(problem: &Problem) -> bool {
    matches!(
        problem.code(),
        ProblemCode::Busy
            | ProblemCode::RateLimited
            | ProblemCode::ShuttingDown
            | ProblemCode::IssuerUnavailable
    )
}

/// Encodes a request. One that is too long is refused here.
pub(super) fn encode(request: &impl Message) -> Result<Bytes, ClientError> {
    let size = request.encoded_len();
    if size > MAX_MESSAGE_BYTES {
        let message = format!("the request is {size} bytes long; at most {MAX_MESSAGE_BYTES} are allowed");
        let problem = Problem::new(ProblemCode::Invalid, message).with_remedy("send fewer items at once");
        return Err(ClientError::Refused(Box::new(problem)));
    }
    Ok(request.encode_to_vec().into())
}

/// Waits until a request can be sent on the channel. Messages of responses may be `max_message_bytes` long.
pub(super) async fn ready_channel(
    transport: &Transport,
    max_message_bytes: usize,
) -> Result<Grpc<GrpcChannel>, Failure> {
    let mut grpc = Grpc::new(transport.channel()).max_decoding_message_size(max_message_bytes);
    grpc.ready().await.map_err(Status::from_error)?;
    Ok(grpc)
}

/// Returns a request with this message and the client's metadata and token.
pub(super) async fn request(
    transport: &Transport,
    message: Bytes,
    deadline: Instant,
) -> Result<Request<Bytes>, Failure> {
    let authorization = transport.authorization.header(deadline).await?;
    let mut request = Request::new(message);
    *request.metadata_mut() = transport.metadata.clone();
    if let Some(authorization) = authorization {
        request.metadata_mut().insert("authorization", authorization);
    }
    // The daemon gives up when this client does.
    request.set_timeout(deadline.saturating_duration_since(Instant::now()));
    Ok(request)
}

/// Passes messages through as encoded bytes, so that a request is encoded once however often it is sent.
pub(super) struct RawCodec;

impl Codec for RawCodec {
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

impl Encoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put(item);
        Ok(())
    }
}

impl Decoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}
