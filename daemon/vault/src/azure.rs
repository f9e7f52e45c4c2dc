//! Azure Key Vault: secrets by name and version. It knows the SDK and what its errors mean; it keeps no secret, and
//! leaves deadlines to its caller.
//!
//! An expired secret is returned like any other: Key Vault itself returns it, and calls the date informational.

mod connection;
mod error;
mod response;
mod sdk_error;
mod settings;
mod sign_in;
mod transport;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use azure_core::http::Transport;
use azure_security_keyvault_secrets::{SecretClient, models::SecretClientGetSecretOptions};
use bytes::Bytes as Shared;
use kontraktor_model::{
    limits::MAX_SECRET_BYTES,
    names::VaultName,
    reference::{Secret, azure::SCHEME},
};
use serde::Deserialize;
use zeroize::Zeroize as _;

pub use self::settings::{AzureAuth, AzureSettings};
use super::{
    cloud::{Authorities, Lazy},
    error::{VaultError, VaultErrorKind},
    kind::{VaultKind, check_scheme},
    secret::{Bytes, Content, Fetched, Lease, LeaseId, null_secret},
    vault::Vault,
};

/// The kind `azure-kv`.
pub(super) static KIND: VaultKind = VaultKind {
    scheme: &SCHEME,
    build: |name, settings| Ok(Arc::new(AzureVault::new(name, settings.read()?)?)),
};

/// One configured vault of kind `azure-kv`.
pub struct AzureVault {
    name: VaultName,
    settings: AzureSettings,
    http: Transport,
    connection: Lazy<SecretClient>,
}

impl AzureVault {
    /// Makes a vault that connects with its first request.
    ///
    /// # Errors
    /// What is wrong with the settings, by the setting's name.
    pub fn new(name: &VaultName, settings: AzureSettings) -> Result<Self, String> {
        settings.validate()?;
        let authorities = settings.ca_file.as_deref().map(Authorities::read).transpose()?;
        let http = transport::transport(authorities.as_ref())?;
        Ok(Self { name: name.clone(), settings, http, connection: Lazy::new() })
    }

    /// Returns the body of a secret's current version, or of this one. Signs in again, once, where the token is rejected: the
    /// SDK keeps a revoked one until it expires.
    async fn get(&self, name: &str, version: Option<&str>) -> Result<azure_core::Result<Shared>, VaultError> {
        let mut retried = false;
        loop {
            let connect = async || connection::connect(&self.name, &self.settings, &self.http);
            let client = self.connection.get(connect).await?;
            let options = SecretClientGetSecretOptions {
                secret_version: version.map(str::to_owned),
                ..SecretClientGetSecretOptions::default()
            };
            let answer = client.get_secret(name, Some(options)).await;
            let rejected = answer.as_ref().is_err_and(sdk_error::rejects_token);
            if rejected || answer.as_ref().is_err_and(sdk_error::has_no_token) {
                self.connection.forget(&client).await;
            }
            if rejected && !retried {
                retried = true;
                continue;
            }
            return Ok(answer.map(|response| response.into_body().into()));
        }
    }

    async fn read(&self, secret: &Secret) -> Result<Fetched, VaultError> {
        check_scheme(&self.name, &SCHEME, secret)?;
        let version = secret.pinned_version();
        let error = match self.get(secret.path(), version).await? {
            Ok(body) => return parse(&self.name, secret, body),
            Err(error) => error,
        };
        // The same code is for a missing secret and for a missing version.
        if version.is_some() && (sdk_error::is_not_found(&error) || sdk_error::is_malformed(&error)) {
            return Err(match self.get(secret.path(), None).await? {
                Ok(mut body) => {
                    wipe(&mut body);
                    error::version_gone(&self.name)
                }
                Err(error) if sdk_error::is_disabled(&error) => error::version_gone(&self.name),
                Err(error) => sdk_error::describe(&self.name, &error),
            });
        }
        Err(sdk_error::describe(&self.name, &error))
    }
}

#[async_trait]
impl Vault for AzureVault {
    async fn fetch(&self, secret: &Secret) -> Result<Fetched, VaultError> {
        self.read(secret).await
    }

    async fn version(&self, secret: &Secret) -> Result<Option<String>, VaultError> {
        // The list of versions is unordered, with dates in whole seconds: only a read tells which one is current.
        self.read(secret).await.map(|fetched| fetched.version)
    }

    async fn renew(&self, _: &LeaseId, _: Duration) -> Result<Lease, VaultError> {
        Err(VaultError::new(VaultErrorKind::LeaseGone, format!("vault \"{}\" has no leases", self.name)))
    }

    async fn revoke(&self, _: &LeaseId) -> Result<(), VaultError> {
        Ok(())
    }

    async fn check(&self) -> Result<Vec<String>, VaultError> {
        /// A name that no secret has, so that requesting it reads nothing.
        const UNUSED_NAME: &str = "kontraktor-vault-check-there-is-no-such-secret";

        let mut findings = vec![format!("vault: {}", self.settings.address)];
        if let Some(authority) = &self.settings.authority {
            findings.push(format!("authority: {authority}"));
        }
        findings.push(format!("identity: {}", self.settings.auth.describe()));
        match self.get(UNUSED_NAME, None).await? {
            Err(error) if sdk_error::is_not_found(&error) => {
                findings.push("signed in: the vault accepts the token, and secrets can be read".to_owned());
            }
            Ok(mut body) => {
                wipe(&mut body);
                findings.push("signed in: the vault accepts the token, and secrets can be read".to_owned());
            }
            Err(error) => {
                let error = sdk_error::describe(&self.name, &error);
                if error.kind != VaultErrorKind::Denied {
                    return Err(error);
                }
                // A role can be assigned for single secrets only.
                findings.push(format!(
                    "signed in: the vault accepts the token, but not for every secret; {}",
                    error.remedy.as_deref().unwrap_or_default()
                ));
            }
        }
        Ok(findings)
    }
}

/// The part of Key Vault's response that is used here.
#[derive(Deserialize)]
struct Bundle {
    value: Option<String>,
    id: Option<String>,
}

fn parse(vault: &VaultName, requested: &Secret, mut body: Shared) -> Result<Fetched, VaultError> {
    let bundle: Option<Bundle> = serde_json::from_slice(&body).ok();
    wipe(&mut body);
    let invalid = || error::invalid_response(vault);
    let Bundle { value, id } = bundle.ok_or_else(invalid)?;
    let value = value.map(Bytes::from);
    let version = id.as_deref().and_then(|id| version_of(id, requested.path())).ok_or_else(invalid)?;
    if requested.pinned_version().is_some_and(|pinned| !pinned.eq_ignore_ascii_case(version)) {
        return Err(invalid());
    }
    let value = value.ok_or_else(|| null_secret(vault))?;
    if value.len() > MAX_SECRET_BYTES {
        return Err(error::too_large(vault));
    }
    Ok(Fetched { content: Content::Whole(value), version: Some(version.to_owned()), lease: None })
}

/// Returns the version in `https://HOST/secrets/NAME/VERSION`, where that is this secret's id.
fn version_of<'a>(id: &'a str, name: &str) -> Option<&'a str> {
    let mut parts = id.rsplit('/');
    let (version, named, kind) = (parts.next()?, parts.next()?, parts.next()?);
    (kind == "secrets" && named.eq_ignore_ascii_case(name) && !version.is_empty()).then_some(version)
}

/// Overwrites the SDK's copy of a response, which has no other owner.
fn wipe(body: &mut Shared) {
    if let Ok(mut bytes) = std::mem::take(body).try_into_mut() {
        bytes.zeroize();
    }
}
