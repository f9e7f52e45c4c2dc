//! Reading secrets and their versions, by the API of the mount's engine.

use std::collections::HashMap;

use kontraktor_model::names::VaultName;
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;
use vaultrs::api::{
    kv1::requests::GetSecretRequest,
    kv2::requests::{ReadSecretMetadataRequest, ReadSecretRequest},
};

use super::{
    answer::{Answer, Envelope, fields, invalid_answer, parse_data, present},
    mounts::{Engine, paths},
    request::Request,
    secret_path::SecretPath,
    token::seconds,
    vault::HashicorpVault,
};
use crate::{
    error::{VaultError, VaultErrorKind},
    secret::{Fetched, LeaseId},
};

/// A version of a secret in KV version 2.
#[derive(Deserialize)]
struct Versioned<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    data: Option<&'a RawValue>,
    metadata: Version,
}

#[derive(Deserialize)]
struct Version {
    /// Only in the metadata of a single version.
    #[serde(default, rename = "version")]
    number: u64,
    #[serde(default)]
    deletion_time: String,
    #[serde(default)]
    destroyed: bool,
}

/// The metadata of a secret in KV version 2.
#[derive(Deserialize)]
struct Metadata {
    current_version: u64,
    #[serde(default)]
    versions: HashMap<String, Version>,
}

impl HashicorpVault {
    pub(super) async fn read(&self, engine: Engine, secret: SecretPath<'_>) -> Result<Fetched, VaultError> {
        match engine {
            Engine::Versioned => self.read_versioned(secret).await,
            Engine::Plain => self.read_plain(secret).await,
        }
    }

    pub(super) async fn newest(
        &self,
        engine: Engine,
        secret: SecretPath<'_>,
    ) -> Result<Option<String>, VaultError> {
        if engine == Engine::Plain {
            // In a dynamic engine, reading it would make a new secret.
            return if secret.version.is_some() { Err(no_versions(&self.name)) } else { Ok(None) };
        }
        match self.version_by_metadata(secret).await? {
            Some(version) => Ok(Some(version)),
            None => self.read_versioned(secret).await.map(|fetched| fetched.version),
        }
    }

    async fn read_plain(&self, secret: SecretPath<'_>) -> Result<Fetched, VaultError> {
        let vault = &self.name;
        if secret.version.is_some() {
            return Err(no_versions(vault));
        }
        let (mount, path) = paths(vault, secret)?;
        let (answer, token) = self.session.call(&Request::of(&GetSecretRequest { mount, path })).await?;
        if answer.status != StatusCode::OK {
            return Err(read_error(vault, &answer));
        }
        let envelope: Envelope<'_> = answer.parse(vault)?;
        let content = fields(envelope.data, vault)?;
        let lease = (!envelope.lease_id.is_empty()).then(|| {
            let id = LeaseId(envelope.lease_id.into());
            self.leases.granted(
                &self.session,
                &token,
                id,
                seconds(envelope.lease_duration),
                envelope.renewable,
            )
        });
        Ok(Fetched { content, version: None, lease })
    }

    async fn read_versioned(&self, secret: SecretPath<'_>) -> Result<Fetched, VaultError> {
        let vault = &self.name;
        let (mount, path) = paths(vault, secret)?;
        let read = ReadSecretRequest { mount, path, version: secret.version };
        let answer = self.session.call(&Request::of(&read)).await?.0;
        match answer.status {
            StatusCode::OK => {
                let data = answer.parse::<Envelope<'_>>(vault)?.data;
                let read = data.and_then(|data| serde_json::from_str::<Versioned<'_>>(data.get()).ok());
                let read =
                    read.ok_or_else(|| invalid_answer(vault, "without the version of KV version 2"))?;
                let content = fields(read.data, vault)?;
                Ok(Fetched { content, version: Some(read.metadata.number.to_string()), lease: None })
            }
            StatusCode::NOT_FOUND => match deleted_version(&answer) {
                Some(version) => Err(version_gone(vault, secret, &version)),
                None if secret.version.is_some() => Err(self.what_is_missing(secret).await),
                None => Err(read_error(vault, &answer)),
            },
            _ => Err(read_error(vault, &answer)),
        }
    }

    /// Returns `None` where the metadata is inconclusive, and only a read tells.
    async fn version_by_metadata(&self, secret: SecretPath<'_>) -> Result<Option<String>, VaultError> {
        let vault = &self.name;
        if self.mounts.hides_metadata(secret) {
            return Ok(None);
        }
        let (mount, path) = paths(vault, secret)?;
        let answer = self.session.call(&Request::of(&ReadSecretMetadataRequest { mount, path })).await?.0;
        match answer.status {
            StatusCode::OK => {}
            StatusCode::FORBIDDEN => {
                self.mounts.set_hides_metadata(secret);
                return Ok(None);
            }
            _ => return Err(read_error(vault, &answer)),
        }
        let metadata: Metadata = parse_data(answer.parse::<Envelope<'_>>(vault)?.data, vault)?;
        let wanted = secret.version.unwrap_or(metadata.current_version).to_string();
        match metadata.versions.get(&wanted) {
            Some(version) if version.destroyed => Err(version_gone(vault, secret, version)),
            // It may be in the future, which only Vault's clock tells.
            Some(version) if !version.deletion_time.is_empty() => Ok(None),
            Some(_) => Ok(Some(wanted)),
            None if secret.version.is_some() => Err(no_such_version(vault)),
            // Metadata without a version, as `vault kv metadata put` creates it.
            None => Err(VaultError::new(
                VaultErrorKind::NotFound,
                format!("vault \"{vault}\" has no version of the secret yet"),
            )
            .remedy("write the secret in the vault first")),
        }
    }

    /// Returns whether the version or the secret is missing, which Vault answers alike.
    async fn what_is_missing(&self, secret: SecretPath<'_>) -> VaultError {
        let newest = SecretPath { version: None, ..secret };
        let there = match self.version_by_metadata(newest).await {
            Ok(None) => Box::pin(self.read_versioned(newest)).await.map(|_| ()),
            other => other.map(|_| ()),
        };
        match there {
            Ok(()) => no_such_version(&self.name),
            Err(error) if error.kind == VaultErrorKind::VersionGone => no_such_version(&self.name),
            Err(error) => error,
        }
    }
}

/// Returns the metadata of a version that is deleted or destroyed, which Vault includes in the error.
fn deleted_version(answer: &Answer) -> Option<Version> {
    let data = answer.parse_any::<Envelope<'_>>()?.data?;
    serde_json::from_str::<Versioned<'_>>(data.get()).ok().map(|read| read.metadata)
}

fn read_error(vault: &VaultName, answer: &Answer) -> VaultError {
    answer.error(
        vault,
        "read this secret",
        "grant the daemon's token a policy that may read the path (for KV version 2: MOUNT/data/PATH)",
    )
}

fn version_gone(vault: &VaultName, secret: SecretPath<'_>, version: &Version) -> VaultError {
    let which = if secret.version.is_some() { "this version" } else { "the newest version" };
    let (what, remedy) = if version.destroyed {
        ("destroyed", "write a new version, or select another one with ?version=")
    } else {
        ("deleted", "undelete it, write a new version, or select another one with ?version=")
    };
    VaultError::new(
        VaultErrorKind::VersionGone,
        format!("{which} of the secret is {what} in vault \"{vault}\""),
    )
    .remedy(remedy)
}

fn no_such_version(vault: &VaultName) -> VaultError {
    VaultError::new(
        VaultErrorKind::VersionGone,
        format!("vault \"{vault}\" has the secret, but not this version"),
    )
    .remedy("use a version in the secret's metadata; by default Vault keeps the newest ten")
}

fn no_versions(vault: &VaultName) -> VaultError {
    VaultError::new(
        VaultErrorKind::VersionGone,
        format!("the reference names a version, but this engine of vault \"{vault}\" keeps none"),
    )
    .remedy("remove ?version= from the reference, or store the secret in a KV version 2 engine")
}
