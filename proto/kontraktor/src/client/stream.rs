//! Secrets that are too large for one message: received in chunks, into one buffer that is allocated once and wiped
//! after use. It knows what a complete stream looks like; `call` decides when to retry.

use bytes::Bytes;
use http::uri::PathAndQuery;
use kontraktor_model::limits::{MAX_REFERENCE_BYTES, MAX_SECRET_BYTES, MAX_SECRET_MESSAGE_BYTES};
use prost::Message as _;
use tokio::time::{Instant, timeout_at};
use tonic::Streaming;
use zeroize::Zeroizing;

use super::{
    call::Client,
    error::ClientError,
    rpc::{Failure, RawCodec, Rpc, RpcKind, encode, ready_channel, request},
    transport::Transport,
};
use crate::v1;

const RPC: Rpc =
    Rpc { path: "/kontraktor.v1.Secrets/StreamSecret", name: "StreamSecret", kind: RpcKind::Read };

/// The longest message of the stream: a chunk, and the description in the first message.
const MAX_STREAM_MESSAGE_BYTES: usize = MAX_SECRET_MESSAGE_BYTES + 16 * MAX_REFERENCE_BYTES;

impl Client {
    /// Returns one secret of up to 16 MiB with its metadata, complete or not at all.
    ///
    /// The request is retried like other reads until the first message has come. A stream that ends early after that is
    /// [`ClientError::Interrupted`].
    pub async fn stream_secret(
        &self,
        request: v1::StreamSecretRequest,
    ) -> Result<(v1::StreamedSecret, Zeroizing<Vec<u8>>), ClientError> {
        let message = encode(&request)?;
        let (transport, deadline) = (self.transport()?, self.deadline());
        let open = || open(transport, message.clone(), deadline);
        let (first, stream) = self.retry(&RPC, transport, deadline, open).await?;
        self.receive(first, stream, deadline).await
    }

    async fn receive(
        &self,
        first: Bytes,
        mut stream: Streaming<Bytes>,
        deadline: Instant,
    ) -> Result<(v1::StreamedSecret, Zeroizing<Vec<u8>>), ClientError> {
        let mut message = self.decode(first)?;
        let info = message.info.take().ok_or_else(|| {
            self.protocol_error(&RPC, "the first message does not describe the secret".to_owned())
        })?;
        let size = usize::try_from(info.size_bytes)
            .ok()
            .filter(|size| *size <= MAX_SECRET_BYTES)
            .ok_or_else(|| {
                let reason = format!(
                    "the secret is {} bytes long; at most {MAX_SECRET_BYTES} are allowed",
                    info.size_bytes
                );
                self.protocol_error(&RPC, reason)
            })?;
        // Never grows: a buffer that is reallocated leaves a copy behind that is not wiped.
        let mut value = Zeroizing::new(Vec::with_capacity(size));
        loop {
            let chunk = Zeroizing::new(message.chunk);
            if chunk.len() > size - value.len() {
                let reason =
                    format!("the stream is longer than the {size} bytes that its first message announces");
                return Err(self.protocol_error(&RPC, reason));
            }
            value.extend_from_slice(&chunk);
            let interrupted = |reason| ClientError::Interrupted {
                target: self.options().host.to_string(),
                operation: RPC.name,
                received: value.len(),
                size,
                reason,
            };
            // Also when every byte has come: only the end of the stream confirms that nothing failed.
            let next = match timeout_at(deadline, stream.message()).await {
                Ok(Ok(next)) => next,
                Ok(Err(status)) => {
                    return Err(match Failure::from(status) {
                        Failure::ResponseLost(_) if Instant::now() >= deadline => self.timed_out_error(&RPC),
                        Failure::Refused(problem) => ClientError::Refused(problem),
                        failure => interrupted(failure.reason()),
                    });
                }
                Err(_) => return Err(self.timed_out_error(&RPC)),
            };
            let Some(next) = next else {
                if value.len() < size {
                    return Err(interrupted("the stream ended early".to_owned()));
                }
                return Ok((info, value));
            };
            message = self.decode(next)?;
            if message.info.is_some() {
                return Err(
                    self.protocol_error(&RPC, "a later message describes the secret again".to_owned())
                );
            }
        }
    }

    fn decode(&self, message: Bytes) -> Result<v1::StreamSecretResponse, ClientError> {
        v1::StreamSecretResponse::decode(message)
            .map_err(|error| self.protocol_error(&RPC, format!("invalid response: {error}")))
    }
}

/// Sends the request and waits for the first message.
async fn open(
    transport: &Transport,
    message: Bytes,
    deadline: Instant,
) -> Result<(Bytes, Streaming<Bytes>), Failure> {
    let request = request(transport, message, deadline).await?;
    let mut grpc = ready_channel(transport, MAX_STREAM_MESSAGE_BYTES).await?;
    let response = grpc.server_streaming(request, PathAndQuery::from_static(RPC.path), RawCodec).await?;
    let mut stream = response.into_inner();
    match stream.message().await? {
        Some(first) => Ok((first, stream)),
        None => Err(Failure::Incompatible("the response is empty".to_owned())),
    }
}
