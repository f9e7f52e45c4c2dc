//! Watching an environment: one sequence of changes over any number of streams, connections and tokens. It decides when to
//! watch again and from where; `call` decides how long to try.

use std::time::Duration;

use bytes::Bytes;
use http::uri::PathAndQuery;
use kontraktor_model::limits::MAX_ANSWER_BYTES;
use prost::Message as _;
use tokio::time::{Instant, sleep};
use tonic::Streaming;

use super::{
    call::{Client, FIRST_PAUSE, LONGEST_PAUSE, jittered},
    error::ClientError,
    rpc::{Failure, RawCodec, Rpc, RpcKind, encode, ready_channel, refused_unseen, request},
    transport::Transport,
};
use crate::v1;

const RPC: Rpc = Rpc {
    path: "/kontraktor.v1.Environments/WatchEnvironment",
    name: "WatchEnvironment",
    kind: RpcKind::Read,
};

/// After a stream that ended sooner than this, the next one is opened after a pause.
const SHORT: Duration = Duration::from_secs(5);

/// No key has this prefix: a snapshot of it is small.
const NO_KEY: &str = "=";

/// The changes of one environment.
///
/// The daemon ends each stream after some time, when it stops, and when the token of the request is not accepted any more. The
/// watch then continues with another stream, which begins after the last change, and with another token where the client has
/// client credentials. For as long as the timeout of a call it waits for a daemon that is being restarted.
#[derive(Debug)]
pub struct Watch {
    client: Client,
    /// With the version of the last change.
    request: v1::WatchEnvironmentRequest,
    stream: Option<Stream>,
    pause: Duration,
    is_over: bool,
}

#[derive(Debug)]
struct Stream {
    messages: Streaming<Bytes>,
    opened: Instant,
}

impl Client {
    /// Watches an environment: every change after the version in the request, or from now on.
    pub async fn watch_environment(
        &self,
        mut request: v1::WatchEnvironmentRequest,
    ) -> Result<Watch, ClientError> {
        if request.after_version.is_empty() {
            // Without a version, what happens while the first connection is lost would be lost too.
            let current = v1::GetSnapshotRequest {
                name: request.name.clone(),
                own_only: request.own_only,
                prefix: NO_KEY.to_owned(),
                ..v1::GetSnapshotRequest::default()
            };
            request.after_version = self.get_snapshot(current).await?.version;
        }
        let mut watch =
            Watch { client: self.clone(), request, stream: None, pause: FIRST_PAUSE, is_over: false };
        watch.open().await?;
        Ok(watch)
    }
}

impl Watch {
    /// Waits for the next change. None: the environment was deleted, which was the last change.
    ///
    /// # Errors
    /// The daemon cannot be reached within the timeout, or the caller may not watch the environment any more.
    ///
    /// # Cancellation
    /// No change is lost.
    pub async fn next(&mut self) -> Result<Option<v1::EnvironmentChange>, ClientError> {
        while !self.is_over {
            let Some(stream) = &mut self.stream else {
                self.open().await?;
                continue;
            };
            let failure = match stream.messages.message().await {
                Ok(Some(message)) => return self.received(message).map(Some),
                Ok(None) => None,
                Err(status) => Some(Failure::from(status)),
            };
            match failure {
                Some(Failure::Refused(problem)) if !refused_unseen(&problem) => {
                    self.is_over = true;
                    return Err(ClientError::Refused(problem));
                }
                Some(Failure::Incompatible(reason)) => {
                    self.is_over = true;
                    return Err(self.client.protocol_error(&RPC, reason));
                }
                // Whether a newer token helps is found out with the next stream.
                _ => self.close(failure).await,
            }
        }
        Ok(None)
    }

    fn received(&mut self, message: Bytes) -> Result<v1::EnvironmentChange, ClientError> {
        let change = v1::EnvironmentChange::decode(message)
            .map_err(|error| self.client.protocol_error(&RPC, format!("invalid response: {error}")))?;
        self.is_over = change.deleted;
        if !change.version.is_empty() {
            self.request.after_version.clone_from(&change.version);
        }
        Ok(change)
    }

    /// Leaves a stream that has ended.
    async fn close(&mut self, failure: Option<Failure>) {
        let Some(stream) = self.stream.take() else { return };
        let reason = failure.map_or_else(|| "the daemon ended it".to_owned(), Failure::reason);
        tracing::debug!(rpc = RPC.name, "watching again: {reason}");
        if stream.opened.elapsed() < SHORT {
            sleep(jittered(self.pause)).await;
            self.pause = LONGEST_PAUSE.min(self.pause * 2);
        } else {
            self.pause = FIRST_PAUSE;
        }
    }

    async fn open(&mut self) -> Result<(), ClientError> {
        let message = encode(&self.request)?;
        let (transport, deadline) = (self.client.transport()?, self.client.deadline());
        let attempt = || open(transport, message.clone(), deadline);
        let messages = self.client.retry(&RPC, transport, deadline, attempt).await?;
        self.stream = Some(Stream { messages, opened: Instant::now() });
        Ok(())
    }
}

async fn open(transport: &Transport, message: Bytes, deadline: Instant) -> Result<Streaming<Bytes>, Failure> {
    let mut request = request(transport, message, deadline).await?;
    // The deadline is that of the beginning. A proxy would end the stream with it.
    request.metadata_mut().remove("grpc-timeout");
    let mut grpc = ready_channel(transport, MAX_ANSWER_BYTES).await?;
    Ok(grpc.server_streaming(request, PathAndQuery::from_static(RPC.path), RawCodec).await?.into_inner())
}
