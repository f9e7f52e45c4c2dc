//! AWS Secrets Manager: secrets by name or ARN, by version or stage, singly and in batches. It knows the SDK and what its
//! errors mean; it keeps no secret, and leaves deadlines to its caller.

mod batch;
mod check;
mod connection;
mod faults;
mod settings;
mod transport;

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use aws_sdk_secretsmanager::{
    Client,
    config::{SharedHttpClient, http::HttpResponse},
    error::{ProvideErrorMetadata, SdkError},
    operation::describe_secret::DescribeSecretOutput,
    primitives::Blob,
};
use futures_util::{StreamExt as _, stream};
use kontraktor_model::{
    limits::MAX_SECRET_BYTES,
    names::VaultName,
    reference::{AwsSecret, AwsVersion, Secret},
};

pub use self::settings::{AwsAuth, AwsRole, AwsSettings};
use self::{connection::Connection, faults::Place};
use super::{
    Bytes, Content, Fault, Fetched, Lease, LeaseId, Vault, VaultError,
    cloud::{Authorities, Lazy},
};

/// The stage of the version that a read without one gives.
const CURRENT: &str = "AWSCURRENT";

/// How many secrets are read at once where a batch has to be read singly.
const AT_ONCE: usize = 8;

/// One configured vault of kind `aws-sm`.
pub struct AwsVault {
    name: VaultName,
    settings: AwsSettings,
    http: SharedHttpClient,
    connection: Lazy<Connection>,
    /// Set when `BatchGetSecretValue` was denied, so that not every batch begins with a refusal that AWS logs.
    singly: AtomicBool,
}

impl AwsVault {
    /// A vault that connects when it is first asked.
    ///
    /// # Errors
    /// What is wrong with the settings, for people, by the setting's name.
    pub fn new(name: &VaultName, settings: AwsSettings) -> Result<Self, String> {
        settings.validate()?;
        let authorities = settings.ca_file.as_deref().map(Authorities::read).transpose()?;
        let http = transport::client(authorities.as_ref());
        let (connection, singly) = (Lazy::new(), AtomicBool::new(false));
        Ok(Self { name: name.clone(), settings, http, connection, singly })
    }

    async fn connected(&self) -> Result<Arc<Connection>, VaultError> {
        // Boxed: it is large, and seldom needed.
        self.connection.get(|| Box::pin(connection::connect(&self.name, &self.settings, &self.http))).await
    }

    /// Sends a request, with new credentials once more where they are refused, and returns its answer with the region.
    async fn ask<R, E, F>(
        &self,
        request: impl Fn(Client) -> F + Send + Sync,
    ) -> Result<(String, Result<R, SdkError<E, HttpResponse>>), VaultError>
    where
        E: ProvideErrorMetadata + std::error::Error + Send + 'static,
        R: Send,
        F: Future<Output = Result<R, SdkError<E, HttpResponse>>> + Send,
    {
        let mut tried_anew = false;
        loop {
            let made = self.connected().await?;
            let answer = request(made.client.clone()).await;
            let trouble = answer.as_ref().err().map_or(faults::Credentials::Fine, faults::credentials);
            if trouble != faults::Credentials::Fine {
                self.connection.forget(&made).await;
            }
            if trouble == faults::Credentials::Refused && !tried_anew {
                tried_anew = true;
                continue;
            }
            return Ok((made.region.clone(), answer));
        }
    }

    async fn read(&self, secret: &AwsSecret) -> Result<Fetched, VaultError> {
        let (id, stage) = match &secret.version {
            None => (None, None),
            Some(AwsVersion::Id(id)) => (Some(id), None),
            Some(AwsVersion::Stage(stage)) => (None, Some(stage)),
        };
        let (region, answer) = self
            .ask(|client| {
                let request = client.get_secret_value().secret_id(&secret.name);
                request.set_version_id(id.cloned()).set_version_stage(stage.cloned()).send()
            })
            .await?;
        let place = self.place(&region);
        let error = match answer {
            Ok(given) => {
                return content(&self.name, given.secret_string, given.secret_binary, given.version_id);
            }
            Err(error) => error,
        };
        match error.code() {
            Some("ResourceNotFoundException") if is_of_another_region(&secret.name, &region) => {
                Err(faults::not_found(place)
                    .remedy("the ARN is of another region: refer to a vault of that region"))
            }
            // The same code says that the secret is missing and that its version is.
            Some("ResourceNotFoundException" | "InvalidParameterException" | "ValidationException")
                if secret.version.is_some() =>
            {
                Err(self.what_is_missing(secret, place).await)
            }
            _ => Err(faults::explain(place, &error)),
        }
    }

    async fn read_unless_answered(
        &self,
        secret: &Secret,
        answers: &batch::Answers<'_>,
    ) -> Result<Fetched, VaultError> {
        match batched(secret).and_then(|name| answers.get(name)) {
            Some(answer) => answer.clone(),
            None => self.fetch(secret).await,
        }
    }

    /// Whether a secret is missing or its version. Who may not ask is told that the secret is.
    async fn what_is_missing(&self, secret: &AwsSecret, place: Place<'_>) -> VaultError {
        match self.describe(&secret.name).await {
            Ok((_, Ok(description))) if description.deleted_date.is_some() => faults::disabled(&self.name),
            Ok((_, Ok(_))) => faults::version_gone(&self.name),
            _ => faults::not_found(place)
                .remedy("check the name, the version, and that the secret is in this region and account"),
        }
    }

    async fn describe(&self, name: &str) -> Result<(String, Described), VaultError> {
        self.ask(|client| client.describe_secret().secret_id(name).send()).await
    }

    fn place<'a>(&'a self, region: &'a str) -> Place<'a> {
        Place { vault: &self.name, region }
    }

    fn batches_denied(&self) {
        self.singly.store(true, Ordering::Relaxed);
    }

    fn own<'a>(&self, secret: &'a Secret) -> Result<&'a AwsSecret, VaultError> {
        match secret {
            Secret::AwsSm(secret) => Ok(secret),
            _ => Err(VaultError::new(
                Fault::UnknownVault,
                format!("vault \"{}\" is of kind aws-sm, and the reference is for another kind", self.name),
            )
            .remedy("begin the reference with aws-sm://")),
        }
    }
}

type Described = Result<
    DescribeSecretOutput,
    SdkError<aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretError, HttpResponse>,
>;

#[async_trait]
impl Vault for AwsVault {
    async fn fetch(&self, secret: &Secret) -> Result<Fetched, VaultError> {
        self.read(self.own(secret)?).await
    }

    fn batch_size(&self) -> usize {
        batch::BATCH
    }

    async fn fetch_many(&self, secrets: &[&Secret]) -> Vec<Result<Fetched, VaultError>> {
        let mut names: BTreeSet<&str> = BTreeSet::new();
        if !self.singly.load(Ordering::Relaxed) {
            names.extend(secrets.iter().filter_map(|secret| batched(secret)));
        }
        let names: Vec<&str> = names.into_iter().collect();
        let mut answers = batch::Answers::new();
        for names in names.chunks(batch::BATCH).filter(|names| names.len() > 1) {
            answers.append(&mut batch::read(self, names).await);
        }
        let mut each = Vec::with_capacity(secrets.len());
        for secret in secrets {
            each.push(self.read_unless_answered(secret, &answers));
        }
        stream::iter(each).buffered(AT_ONCE).collect().await
    }

    async fn version(&self, secret: &Secret) -> Result<Option<String>, VaultError> {
        let asked = self.own(secret)?;
        let (_, description) = self.describe(&asked.name).await?;
        if let Ok(description) = description {
            if description.deleted_date.is_some() {
                return Err(faults::disabled(&self.name));
            }
            let stages = description.version_ids_to_stages.unwrap_or_default();
            let found = match &asked.version {
                Some(AwsVersion::Id(id)) => stages.contains_key(id).then_some(id),
                Some(AwsVersion::Stage(stage)) => at_stage(&stages, stage),
                None => at_stage(&stages, CURRENT),
            };
            if let Some(version) = found {
                return Ok(Some(version.clone()));
            }
        }
        // It may not be described, or the version has no stage and is not listed: only a read knows.
        self.read(asked).await.map(|fetched| fetched.version)
    }

    async fn renew(&self, _: &LeaseId, _: Duration) -> Result<Lease, VaultError> {
        Err(VaultError::new(Fault::LeaseGone, format!("vault \"{}\" gives no leases", self.name)))
    }

    async fn revoke(&self, _: &LeaseId) -> Result<(), VaultError> {
        Ok(())
    }

    async fn check(&self) -> Result<Vec<String>, VaultError> {
        check::check(self).await
    }
}

fn at_stage<'a>(
    stages: &'a std::collections::HashMap<String, Vec<String>>,
    stage: &str,
) -> Option<&'a String> {
    stages.iter().find(|(_, stages)| stages.iter().any(|one| one == stage)).map(|(id, _)| id)
}

/// The name under which a batch can give this secret: its current version only.
fn batched(secret: &Secret) -> Option<&str> {
    match secret {
        Secret::AwsSm(AwsSecret { name, version: None, .. }) => Some(name),
        Secret::AwsSm(AwsSecret { name, version: Some(AwsVersion::Stage(stage)), .. })
            if stage == CURRENT =>
        {
            Some(name)
        }
        _ => None,
    }
}

/// Whether this is an ARN of another region than that one: `arn:PARTITION:secretsmanager:REGION:…`.
fn is_of_another_region(name: &str, region: &str) -> bool {
    let mut parts = name.split(':');
    parts.next() == Some("arn") && parts.nth(2).is_some_and(|other| other != region)
}

/// What was given, as ours.
fn content(
    vault: &VaultName,
    text: Option<String>,
    binary: Option<Blob>,
    version: Option<String>,
) -> Result<Fetched, VaultError> {
    let bytes = match (text, binary) {
        (Some(text), _) => Bytes::from(text),
        (None, Some(binary)) => Bytes::new(binary.into_inner()),
        (None, None) => return Err(faults::incomplete(vault)),
    };
    if bytes.len() > MAX_SECRET_BYTES {
        return Err(faults::too_large(vault));
    }
    Ok(Fetched { content: Content::Whole(bytes), version, lease: None })
}
