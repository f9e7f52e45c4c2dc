//! Reading secrets and their versions. What is read is asked for in the way of the mount's engine.

use std::collections::HashMap;

use kontraktor_model::{names::VaultName, reference::VaultSecret};
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    HashicorpVault,
    answer::{Answer, Envelope, fields, misunderstood, plain},
    mounts::{Engine, paths},
    token::seconds,
    transport::Request,
};
use crate::{Fault, Fetched, LeaseId, VaultError};

/// A version of a secret in KV version 2.
#[derive(Deserialize)]
struct Versioned<'a> {
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    metadata: Version,
}

#[derive(Deserialize)]
struct Version {
    /// Only where the metadata is of one version.
    #[serde(default, rename = "version")]
    number: u64,
    #[serde(default)]
    deletion_time: String,
    #[serde(default)]
    destroyed: bool,
}

/// All that KV version 2 knows of a secret but its values.
#[derive(Deserialize)]
struct Metadata {
    current_version: u64,
    #[serde(default)]
    versions: HashMap<String, Version>,
}

impl HashicorpVault {
    pub(super) async fn read(&self, engine: Engine, secret: &VaultSecret) -> Result<Fetched, VaultError> {
        match engine {
            Engine::Versioned => self.read_versioned(secret).await,
            Engine::Plain => self.read_plain(secret).await,
        }
    }

    pub(super) async fn newest(
        &self,
        engine: Engine,
        secret: &VaultSecret,
    ) -> Result<Option<String>, VaultError> {
        if engine == Engine::Plain {
            // Reading it would make a new secret, in a dynamic engine.
            return if secret.version.is_some() { Err(no_versions(&self.name)) } else { Ok(None) };
        }
        match self.version_by_metadata(secret).await? {
            Some(version) => Ok(Some(version)),
            None => self.read_versioned(secret).await.map(|fetched| fetched.version),
        }
    }

    async fn read_plain(&self, secret: &VaultSecret) -> Result<Fetched, VaultError> {
        let vault = &self.name;
        if secret.version.is_some() {
            return Err(no_versions(vault));
        }
        let (mount, path) = paths(vault, secret)?;
        let (answer, token) = self.session.call(&Request::get(format!("{mount}/{path}"))).await?;
        if answer.status != StatusCode::OK {
            return Err(refused(vault, &answer));
        }
        let envelope: Envelope<'_> = answer.read(vault)?;
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

    async fn read_versioned(&self, secret: &VaultSecret) -> Result<Fetched, VaultError> {
        let vault = &self.name;
        let (mount, path) = paths(vault, secret)?;
        let query = secret.version.map(|version| format!("?version={version}")).unwrap_or_default();
        let request = Request::get(format!("{mount}/data/{path}{query}"));
        let answer = self.session.call(&request).await?.0;
        match answer.status {
            StatusCode::OK => {
                let data = answer.read::<Envelope<'_>>(vault)?.data;
                let read = data.and_then(|data| serde_json::from_str::<Versioned<'_>>(data.get()).ok());
                let read =
                    read.ok_or_else(|| misunderstood(vault, "with no version where KV version 2 has one"))?;
                let content = fields(read.data, vault)?;
                Ok(Fetched { content, version: Some(read.metadata.number.to_string()), lease: None })
            }
            StatusCode::NOT_FOUND => match gone(&answer) {
                Some(version) => Err(version_gone(vault, secret, &version)),
                None if secret.version.is_some() => Err(self.no_version_or_no_secret(secret).await),
                None => Err(refused(vault, &answer)),
            },
            _ => Err(refused(vault, &answer)),
        }
    }

    /// `None`: the metadata does not tell, and a read will.
    async fn version_by_metadata(&self, secret: &VaultSecret) -> Result<Option<String>, VaultError> {
        let vault = &self.name;
        if self.mounts.hides_metadata(secret) {
            return Ok(None);
        }
        let (mount, path) = paths(vault, secret)?;
        let answer = self.session.call(&Request::get(format!("{mount}/metadata/{path}"))).await?.0;
        match answer.status {
            StatusCode::OK => {}
            StatusCode::FORBIDDEN => {
                self.mounts.set_hides_metadata(secret);
                return Ok(None);
            }
            _ => return Err(refused(vault, &answer)),
        }
        let metadata: Metadata = plain(answer.read::<Envelope<'_>>(vault)?.data, vault)?;
        let wanted = secret.version.map_or(metadata.current_version, std::num::NonZeroU64::get).to_string();
        match metadata.versions.get(&wanted) {
            Some(version) if version.destroyed => Err(version_gone(vault, secret, version)),
            // It may lie ahead, which only Vault's clock can tell.
            Some(version) if !version.deletion_time.is_empty() => Ok(None),
            Some(_) => Ok(Some(wanted)),
            None if secret.version.is_some() => Err(never_there(vault)),
            // Metadata without a version, as `vault kv metadata put` makes it.
            None => Err(VaultError::new(
                Fault::NotFound,
                format!("vault \"{vault}\" has no version of the secret yet"),
            )
            .remedy("write the secret in the vault first")),
        }
    }

    /// Vault gives the same answer whether there is no such version or no such secret.
    async fn no_version_or_no_secret(&self, secret: &VaultSecret) -> VaultError {
        let mut newest = secret.clone();
        newest.version = None;
        let there = match self.version_by_metadata(&newest).await {
            Ok(None) => Box::pin(self.read_versioned(&newest)).await.map(|_| ()),
            other => other.map(|_| ()),
        };
        match there {
            Ok(()) => never_there(&self.name),
            Err(error) if error.fault == Fault::VersionGone => never_there(&self.name),
            Err(error) => error,
        }
    }
}

/// Of a version that is deleted or destroyed, Vault tells this although nothing is there.
fn gone(answer: &Answer) -> Option<Version> {
    let data = answer.read_any::<Envelope<'_>>()?.data?;
    serde_json::from_str::<Versioned<'_>>(data.get()).ok().map(|read| read.metadata)
}

fn refused(vault: &VaultName, answer: &Answer) -> VaultError {
    answer.refusal(
        vault,
        "read this",
        "give the daemon's token a policy that may read the path (for KV version 2: MOUNT/data/PATH)",
    )
}

fn version_gone(vault: &VaultName, secret: &VaultSecret, version: &Version) -> VaultError {
    let which = if secret.version.is_some() { "this version" } else { "the newest version" };
    let (what, remedy) = if version.destroyed {
        ("destroyed", "write a new version, or refer to one that is still there with ?version=")
    } else {
        ("deleted", "undelete it, write a new version, or refer to one that is still there with ?version=")
    };
    VaultError::new(Fault::VersionGone, format!("{which} of the secret is {what} in vault \"{vault}\""))
        .remedy(remedy)
}

fn never_there(vault: &VaultName) -> VaultError {
    VaultError::new(Fault::VersionGone, format!("vault \"{vault}\" has the secret, and not in this version"))
        .remedy("take a number from the secret's metadata; Vault keeps the newest ten versions unless it is told otherwise")
}

fn no_versions(vault: &VaultName) -> VaultError {
    VaultError::new(
        Fault::VersionGone,
        format!("the reference names a version, and this engine of vault \"{vault}\" keeps none"),
    )
    .remedy("leave ?version= out, or keep the secret in a KV engine of version 2")
}
