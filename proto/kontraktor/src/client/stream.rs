//! Secrets that are too large for one message: received in pieces, into one buffer that is made once and wiped after
//! use. It knows what a whole answer looks like; when to ask again is `call`'s matter.

use bytes::Bytes;
use http::uri::PathAndQuery;
use prost::Message as _;
use tokio::time::{Instant, timeout_at};
use tonic::Streaming;
use zeroize::Zeroizing;

use super::{
    Client, ClientError,
    call::{Failure, Kind, Raw, Rpc, addressed, encode, judge, ready},
    transport::Transport,
};
use crate::v1;
use kontraktor_model::limits::{MAX_REFERENCE_BYTES, MAX_SECRET_BYTES, MAX_SECRET_MESSAGE_BYTES};

const RPC: Rpc = Rpc { path: "/kontraktor.v1.Secrets/StreamSecret", name: "StreamSecret", kind: Kind::Read };

/// The longest message of the stream: a piece, and all that the first one tells of the secret.
const MAX_PIECE_BYTES: usize = MAX_SECRET_MESSAGE_BYTES + 16 * MAX_REFERENCE_BYTES;

impl Client {
    /// One secret of up to 16 MiB, and what is known of it. It is whole, or an error.
    ///
    /// The request is repeated as for other reads, until the first message has come: what breaks off after that is
    /// [`ClientError::BrokenOff`].
    pub async fn stream_secret(
        &self,
        request: v1::StreamSecretRequest,
    ) -> Result<(v1::StreamedSecret, Zeroizing<Vec<u8>>), ClientError> {
        let message = encode(&request)?;
        let (transport, deadline) = (self.transport()?, self.deadline());
        let begin = || begin(transport, message.clone(), deadline);
        let (first, stream) = self.exchange(&RPC, transport, deadline, begin).await?;
        self.receive(first, stream, deadline).await
    }

    async fn receive(
        &self,
        first: Bytes,
        mut stream: Streaming<Bytes>,
        deadline: Instant,
    ) -> Result<(v1::StreamedSecret, Zeroizing<Vec<u8>>), ClientError> {
        let mut piece = self.piece(first)?;
        let head = piece
            .head
            .take()
            .ok_or_else(|| self.protocol(&RPC, "the first message does not say what follows".to_owned()))?;
        let size =
            usize::try_from(head.size).ok().filter(|size| *size <= MAX_SECRET_BYTES).ok_or_else(|| {
                let reason = format!(
                    "a secret of {} bytes is announced: at most {MAX_SECRET_BYTES} are allowed",
                    head.size
                );
                self.protocol(&RPC, reason)
            })?;
        // Never grows: a buffer that is moved leaves a copy behind that nobody wipes.
        let mut value = Zeroizing::new(Vec::with_capacity(size));
        loop {
            let chunk = Zeroizing::new(piece.chunk);
            if chunk.len() > size - value.len() {
                return Err(
                    self.protocol(&RPC, format!("more than the {size} bytes came that were announced"))
                );
            }
            value.extend_from_slice(&chunk);
            let broken = |reason| ClientError::BrokenOff {
                target: self.options().host.to_string(),
                operation: RPC.name,
                received: value.len(),
                size,
                reason,
            };
            // Also asked when all has come: only the end says that nothing went wrong.
            let next = match timeout_at(deadline, stream.message()).await {
                Ok(Ok(next)) => next,
                Ok(Err(status)) => {
                    return Err(match judge(status) {
                        Failure::Lost(_) if Instant::now() >= deadline => self.late(),
                        Failure::Refused(problem) => ClientError::Refused(problem),
                        failure => broken(failure.reason()),
                    });
                }
                Err(_) => return Err(self.late()),
            };
            let Some(next) = next else {
                if value.len() < size {
                    return Err(broken("it ended".to_owned()));
                }
                return Ok((head, value));
            };
            piece = self.piece(next)?;
            if piece.head.is_some() {
                return Err(self.protocol(&RPC, "a second message says what follows".to_owned()));
            }
        }
    }

    fn piece(&self, message: Bytes) -> Result<v1::StreamSecretResponse, ClientError> {
        v1::StreamSecretResponse::decode(message)
            .map_err(|error| self.protocol(&RPC, format!("the answer cannot be read: {error}")))
    }

    fn late(&self) -> ClientError {
        self.verdict(&RPC, Failure::Lost("time is up".to_owned()), false)
    }
}

/// Sends, and waits for the first message.
async fn begin(
    transport: &Transport,
    message: Bytes,
    deadline: Instant,
) -> Result<(Bytes, Streaming<Bytes>), Failure> {
    let mut grpc = ready(transport, MAX_PIECE_BYTES).await?;
    let request = addressed(transport, message, deadline);
    let answer =
        grpc.server_streaming(request, PathAndQuery::from_static(RPC.path), Raw).await.map_err(judge)?;
    let mut stream = answer.into_inner();
    match stream.message().await.map_err(judge)? {
        Some(first) => Ok((first, stream)),
        None => Err(Failure::Foreign("the answer is empty".to_owned())),
    }
}
