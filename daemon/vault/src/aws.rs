//! AWS Secrets Manager: secrets by name or ARN, by version or stage, singly and in batches. It knows the SDK and what its
//! errors mean; it keeps no secret, and leaves deadlines to its caller.

mod batch;
mod check;
mod client;
mod connection;
mod content;
mod error;
mod sdk_error;
mod settings;
mod shared_config;
mod transport;

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use aws_sdk_secretsmanager::{
    error::ProvideErrorMetadata as _, operation::describe_secret::DescribeSecretOutput,
};
use futures_util::{StreamExt as _, stream};
use kontraktor_model::{
    names::VaultName,
    reference::{Secret, Version, aws::SCHEME},
};

pub use self::settings::{AwsAuth, AwsRole, AwsSettings};
use self::{client::AwsClient, error::VaultRegion};
use super::{
    error::{VaultError, VaultErrorKind},
    kind::{VaultKind, check_scheme},
    secret::{Fetched, Lease, LeaseId},
    vault::Vault,
};

/// The kind `aws-sm`.
pub(super) static KIND: VaultKind = VaultKind {
    scheme: &SCHEME,
    build: |name, settings| Ok(Arc::new(AwsVault::new(name, settings.read()?)?)),
};

/// The stage of the version that a read without a version returns.
const CURRENT: &str = "AWSCURRENT";

/// How many secrets are read at once where a batch has to be read singly.
const CONCURRENT_READS: usize = 8;

/// One configured vault of kind `aws-sm`.
pub struct AwsVault {
    client: AwsClient,
    /// Set when `BatchGetSecretValue` was denied, so that not every batch begins with a refusal that AWS logs.
    batches_denied: AtomicBool,
}

impl AwsVault {
    /// Makes a vault that connects with its first request.
    ///
    /// # Errors
    /// What is wrong with the settings, by the setting's name.
    pub fn new(name: &VaultName, settings: AwsSettings) -> Result<Self, String> {
        Ok(Self { client: AwsClient::new(name, settings)?, batches_denied: AtomicBool::new(false) })
    }

    fn check_scheme(&self, secret: &Secret) -> Result<(), VaultError> {
        check_scheme(&self.client.name, &SCHEME, secret)
    }

    async fn read(&self, secret: &Secret) -> Result<Fetched, VaultError> {
        let (id, stage) = (secret.pinned_version(), secret.stage());
        let (region, answer) = self
            .client
            .send(|client| {
                let request = client.get_secret_value().secret_id(secret.path());
                let (id, stage) = (id.map(str::to_owned), stage.map(str::to_owned));
                request.set_version_id(id).set_version_stage(stage).send()
            })
            .await?;
        let error = match answer {
            Ok(value) => {
                let (text, binary) = (value.secret_string, value.secret_binary);
                return content::fetched(&self.client.name, text, binary, value.version_id);
            }
            Err(error) => error,
        };
        let region = self.client.region(&region);
        match error.code() {
            Some("ResourceNotFoundException") if is_of_another_region(secret.path(), region.region) => {
                Err(error::not_found(region)
                    .remedy("the ARN belongs to another region; use a vault of that region in the reference"))
            }
            // The same code is for a missing secret and for a missing version.
            Some("ResourceNotFoundException" | "InvalidParameterException" | "ValidationException")
                if secret.version().is_some() =>
            {
                Err(self.what_is_missing(secret, region).await)
            }
            _ => Err(sdk_error::describe(region, &error)),
        }
    }

    async fn read_unless_answered(
        &self,
        secret: &Secret,
        answers: &batch::Answers<'_>,
    ) -> Result<Fetched, VaultError> {
        match name_in_batch(secret).and_then(|name| answers.get(name)) {
            Some(answer) => answer.clone(),
            None => self.fetch(secret).await,
        }
    }

    /// Returns whether a secret is missing or its version. Without the permission to look, this is the secret.
    async fn what_is_missing(&self, secret: &Secret, region: VaultRegion<'_>) -> VaultError {
        match self.describe(secret.path()).await {
            Ok(Some(description)) if description.deleted_date.is_some() => error::disabled(&self.client.name),
            Ok(Some(_)) => error::version_gone(&self.client.name),
            _ => error::not_found(region)
                .remedy("check the name, the version, and that the secret is in this region and account"),
        }
    }

    /// Returns what AWS tells about a secret without its value; `None` where it refuses.
    async fn describe(&self, name: &str) -> Result<Option<DescribeSecretOutput>, VaultError> {
        let (_, answer) = self.client.send(|client| client.describe_secret().secret_id(name).send()).await?;
        Ok(answer.ok())
    }
}

#[async_trait]
impl Vault for AwsVault {
    async fn fetch(&self, secret: &Secret) -> Result<Fetched, VaultError> {
        self.check_scheme(secret)?;
        self.read(secret).await
    }

    fn batch_size(&self) -> usize {
        batch::BATCH
    }

    async fn fetch_many(&self, secrets: &[&Secret]) -> Vec<Result<Fetched, VaultError>> {
        let mut names: BTreeSet<&str> = BTreeSet::new();
        if !self.batches_denied.load(Ordering::Relaxed) {
            names.extend(secrets.iter().filter_map(|secret| name_in_batch(secret)));
        }
        let names: Vec<&str> = names.into_iter().collect();
        let mut answers = batch::Answers::new();
        for names in names.chunks(batch::BATCH).filter(|names| names.len() > 1) {
            let mut batch = batch::read(&self.client, names).await;
            if batch.denied {
                self.batches_denied.store(true, Ordering::Relaxed);
            }
            answers.append(&mut batch.answers);
        }
        let mut each = Vec::with_capacity(secrets.len());
        for secret in secrets {
            each.push(self.read_unless_answered(secret, &answers));
        }
        stream::iter(each).buffered(CONCURRENT_READS).collect().await
    }

    async fn version(&self, secret: &Secret) -> Result<Option<String>, VaultError> {
        self.check_scheme(secret)?;
        if let Some(description) = self.describe(secret.path()).await? {
            if description.deleted_date.is_some() {
                return Err(error::disabled(&self.client.name));
            }
            let stages = description.version_ids_to_stages.unwrap_or_default();
            let found = match secret.version() {
                Some(Version::Id(id)) => stages.contains_key(id).then_some(id),
                Some(Version::Stage(stage)) => at_stage(&stages, stage),
                None => at_stage(&stages, CURRENT),
            };
            if let Some(version) = found {
                return Ok(Some(version.clone()));
            }
        }
        // The secret may not be described, or the version has no stage and is not listed: only a read tells.
        self.read(secret).await.map(|fetched| fetched.version)
    }

    async fn renew(&self, _: &LeaseId, _: Duration) -> Result<Lease, VaultError> {
        Err(VaultError::new(
            VaultErrorKind::LeaseGone,
            format!("vault \"{}\" has no leases", self.client.name),
        ))
    }

    async fn revoke(&self, _: &LeaseId) -> Result<(), VaultError> {
        Ok(())
    }

    async fn check(&self) -> Result<Vec<String>, VaultError> {
        check::check(&self.client).await
    }
}

fn at_stage<'a>(stages: &'a HashMap<String, Vec<String>>, stage: &str) -> Option<&'a String> {
    stages.iter().find(|(_, stages)| stages.iter().any(|one| one == stage)).map(|(id, _)| id)
}

/// Returns the name by which a batch can return this secret, which it can in its current version only.
fn name_in_batch(secret: &Secret) -> Option<&str> {
    let current = match secret.version() {
        None => true,
        Some(Version::Stage(stage)) => stage == CURRENT,
        Some(Version::Id(_)) => false,
    };
    (current && *secret.scheme() == SCHEME).then(|| secret.path())
}

/// Returns whether this is an ARN (`arn:PARTITION:secretsmanager:REGION:…`) of another region.
fn is_of_another_region(name: &str, region: &str) -> bool {
    let mut parts = name.split(':');
    parts.next() == Some("arn") && parts.nth(2).is_some_and(|other| other != region)
}
