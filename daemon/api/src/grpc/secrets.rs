//! `kontraktor.v1.Secrets`.

use std::pin::Pin;

use kontraktor_model::{
    limits::MAX_SECRET_MESSAGE_BYTES,
    names::{NameError, VaultName},
};
use kontraktor_proto::v1::{
    CheckSecretsRequest, CheckSecretsResponse, Hold, ListVaultsRequest, ListVaultsResponse,
    PurgeSecretsRequest, PurgeSecretsResponse, ReadEnvironmentRequest, ReadEnvironmentResponse,
    ReadSecretsRequest, ReadSecretsResponse, ReleaseHoldRequest, ReleaseHoldResponse, RenewHoldRequest,
    StreamSecretRequest, StreamSecretResponse, StreamedSecret, secrets_server::Secrets,
};
use tokio_stream::{Stream, StreamExt as _};
use tonic::{Request, Response, Status, async_trait};
use uuid::Uuid;

use super::{Api, caller, convert, status};
use kontraktor_domain::{Code, Refusal};
use kontraktor_service::SecretResult;
use kontraktor_vault::Bytes;

type Pieces = Pin<Box<dyn Stream<Item = Result<StreamSecretResponse, Status>> + Send>>;

#[async_trait]
impl Secrets for Api {
    type StreamSecretStream = Pieces;

    async fn read_secrets(
        &self,
        request: Request<ReadSecretsRequest>,
    ) -> Result<Response<ReadSecretsResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let (targets, refused) = convert::targets(&request.targets);
        let read = match (targets.is_empty(), refused.is_empty()) {
            // All targets are invalid: there is nothing to read, and each has its result.
            (true, false) => None,
            _ => Some(self.service.read_secrets(&caller, &targets, request.hold).await.map_err(status)?),
        };
        let hold = read.as_ref().and_then(|read| read.hold.as_ref()).map(convert::hold);
        let secrets = read.map(|read| read.secrets).unwrap_or_default();
        Ok(Response::new(ReadSecretsResponse { secrets: convert::merged(secrets, refused), hold }))
    }

    async fn read_environment(
        &self,
        request: Request<ReadEnvironmentRequest>,
    ) -> Result<Response<ReadEnvironmentResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let path = convert::env_path("environment", request.environment.as_ref())?;
        let at = request.at.map(|at| convert::at("at", at)).transpose()?;
        let read = self
            .service
            .read_environment(&caller, &path, &request.prefix, request.own_only, at, request.hold)
            .await
            .map_err(status)?;
        let (snapshot, prefix) = (read.snapshot, request.prefix);
        let size = snapshot.size();
        let message = move || convert::snapshot(&snapshot, &prefix);
        let snapshot = self.service.answer(size, message).await.flatten().map_err(status)?;
        Ok(Response::new(ReadEnvironmentResponse {
            snapshot: Some(snapshot),
            secrets: read.secrets.secrets.iter().map(convert::secret_result).collect(),
            hold: read.secrets.hold.as_ref().map(convert::hold),
        }))
    }

    async fn stream_secret(
        &self,
        request: Request<StreamSecretRequest>,
    ) -> Result<Response<Self::StreamSecretStream>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let target = convert::target(&request.target.unwrap_or_default()).map_err(status)?;
        let mut read =
            self.service.read_large_secret(&caller, &target, request.hold).await.map_err(status)?;
        let result = read.secrets.pop().ok_or_else(|| status(no_answer()))?;
        let value = result.secret.as_ref().map_err(|refusal| status(refusal.clone()))?.value.clone();
        let info = StreamedSecret {
            secret: Some(convert::secret_result(&without_value(result))),
            size_bytes: convert::count64(value.len()),
            hold: read.hold.as_ref().map(convert::hold),
        };
        let first = StreamSecretResponse { info: Some(info), chunk: Vec::new() };
        let chunks = tokio_stream::iter(Chunks { value, at: 0 });
        Ok(Response::new(Box::pin(tokio_stream::once(first).chain(chunks).map(Ok))))
    }

    async fn check_secrets(
        &self,
        request: Request<CheckSecretsRequest>,
    ) -> Result<Response<CheckSecretsResponse>, Status> {
        let caller = caller(&request)?;
        let (targets, refused) = convert::targets(&request.get_ref().targets);
        let checked = match (targets.is_empty(), refused.is_empty()) {
            (true, false) => Vec::new(),
            _ => self.service.check_secrets(&caller, &targets).await.map_err(status)?,
        };
        Ok(Response::new(CheckSecretsResponse { secrets: convert::merged(checked, refused) }))
    }

    async fn renew_hold(&self, request: Request<RenewHoldRequest>) -> Result<Response<Hold>, Status> {
        let caller = caller(&request)?;
        let id = hold_id(&request.get_ref().id).ok_or_else(|| status(no_hold()))?;
        let term = self.service.renew_hold(&caller, id).map_err(status)?;
        Ok(Response::new(convert::hold(&term)))
    }

    async fn release_hold(
        &self,
        request: Request<ReleaseHoldRequest>,
    ) -> Result<Response<ReleaseHoldResponse>, Status> {
        let caller = caller(&request)?;
        if let Some(id) = hold_id(&request.get_ref().id) {
            self.service.release_hold(&caller, id).map_err(status)?;
        }
        Ok(Response::new(ReleaseHoldResponse {}))
    }

    async fn purge_secrets(
        &self,
        request: Request<PurgeSecretsRequest>,
    ) -> Result<Response<PurgeSecretsResponse>, Status> {
        let caller = caller(&request)?;
        let vault = match request.get_ref().vault.as_str() {
            "" => None,
            name => Some(name.parse::<VaultName>().map_err(|error: NameError| status(error))?),
        };
        let purged = self.service.purge_secrets(&caller, vault.as_ref()).map_err(status)?;
        Ok(Response::new(PurgeSecretsResponse { purged_count: convert::count64(purged) }))
    }

    async fn list_vaults(
        &self,
        request: Request<ListVaultsRequest>,
    ) -> Result<Response<ListVaultsResponse>, Status> {
        let caller = caller(&request)?;
        let vaults = self.service.vaults(&caller).map_err(status)?.into_iter().map(convert::vault).collect();
        Ok(Response::new(ListVaultsResponse { vaults }))
    }
}

/// The rest of a secret that is still to be sent, in pieces. It is wiped after the last piece, unless it is cached.
struct Chunks {
    value: Bytes,
    at: usize,
}

impl Iterator for Chunks {
    type Item = StreamSecretResponse;

    fn next(&mut self) -> Option<StreamSecretResponse> {
        let chunk = self.value.expose().get(self.at..)?.chunks(MAX_SECRET_MESSAGE_BYTES).next()?;
        self.at += chunk.len();
        Some(StreamSecretResponse { info: None, chunk: chunk.to_vec() })
    }
}

fn without_value(mut result: SecretResult) -> SecretResult {
    if let Ok(secret) = &mut result.secret {
        secret.value = Bytes::new(Vec::new());
    }
    result
}

fn hold_id(text: &str) -> Option<Uuid> {
    Uuid::parse_str(text).ok()
}

fn no_hold() -> Refusal {
    Refusal::new(Code::HoldGone, "the hold does not exist")
        .field("id")
        .remedy("send the id of a hold as you received it, or read the secret again")
}

fn no_answer() -> Refusal {
    Refusal::new(Code::VaultAnswer, "no result was returned for the secret")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_cut_into_pieces_that_are_it_again() {
        for size in [0, 1, MAX_SECRET_MESSAGE_BYTES, MAX_SECRET_MESSAGE_BYTES + 1, 200_000] {
            let whole: Vec<u8> = (0..size).map(|n| u8::try_from(n % 251).unwrap_or_default()).collect();
            let pieces: Vec<_> = Chunks { value: Bytes::new(whole.clone()), at: 0 }.collect();
            assert!(pieces.iter().all(|piece| (1..=MAX_SECRET_MESSAGE_BYTES).contains(&piece.chunk.len())));
            assert_eq!(pieces.into_iter().flat_map(|piece| piece.chunk).collect::<Vec<_>>(), whole);
        }
    }
}
