//! Requests to one vault: the connection, made when it is first needed, and new credentials where they are rejected.

use std::sync::Arc;

use aws_sdk_secretsmanager::{
    Client,
    config::{SharedHttpClient, http::HttpResponse},
    error::{ProvideErrorMetadata, SdkError},
};
use kontraktor_model::names::VaultName;

use super::{
    connection::{self, Connection},
    error::VaultRegion,
    sdk_error::{CredentialsState, credentials_state},
    settings::AwsSettings,
    transport,
};
use crate::{
    cloud::{Authorities, Lazy},
    error::VaultError,
};

/// The SDK's answer to a request of type `R`.
pub(super) type SdkResult<R, E> = Result<R, SdkError<E, HttpResponse>>;

/// Sends requests to one vault.
pub(super) struct AwsClient {
    pub(super) name: VaultName,
    pub(super) settings: AwsSettings,
    http: SharedHttpClient,
    connection: Lazy<Connection>,
}

impl AwsClient {
    /// Makes a client that connects with its first request.
    pub(super) fn new(name: &VaultName, settings: AwsSettings) -> Result<Self, String> {
        settings.validate()?;
        settings.check_environment(|name| std::env::var(name).ok())?;
        let authorities = settings.ca_file.as_deref().map(Authorities::read).transpose()?;
        let http = transport::client(authorities.as_ref(), settings.plain_http());
        connection::check_shared_config(name, &settings, &http)?;
        Ok(Self { name: name.clone(), settings, http, connection: Lazy::new() })
    }

    pub(super) async fn connection(&self) -> Result<Arc<Connection>, VaultError> {
        // Boxed: it is large, and seldom needed.
        self.connection.get(|| Box::pin(connection::connect(&self.name, &self.settings, &self.http))).await
    }

    /// Sends a request, once more with new credentials where they are rejected. Returns the answer with the region.
    pub(super) async fn send<R, E, F>(
        &self,
        request: impl Fn(Client) -> F + Send + Sync,
    ) -> Result<(String, SdkResult<R, E>), VaultError>
    where
        E: ProvideErrorMetadata + std::error::Error + Send + 'static,
        R: Send,
        F: Future<Output = SdkResult<R, E>> + Send,
    {
        let mut retried = false;
        loop {
            let connection = self.connection().await?;
            let answer = request(connection.client.clone()).await;
            let state = answer.as_ref().err().map_or(CredentialsState::Fine, credentials_state);
            if state != CredentialsState::Fine {
                self.connection.forget(&connection).await;
            }
            if state == CredentialsState::Rejected && !retried {
                retried = true;
                continue;
            }
            return Ok((connection.region.clone(), answer));
        }
    }

    /// Returns what errors name.
    pub(super) fn region<'a>(&'a self, region: &'a str) -> VaultRegion<'a> {
        VaultRegion { vault: &self.name, region }
    }
}
