//! Azure Key Vault: secrets by name and version. It knows the SDK and what its errors mean; it keeps no secret, and
//! leaves deadlines to its caller.
//!
//! An expired secret is given like any other: Key Vault itself gives it, and calls the date an information.

mod connection;
mod faults;
mod settings;
mod sign_in;
mod transport;

use std::time::Duration;

use async_trait::async_trait;
use azure_core::http::Transport;
use azure_security_keyvault_secrets::{SecretClient, models::SecretClientGetSecretOptions};
use bytes::Bytes as Shared;
use kontraktor_model::{
    limits::MAX_SECRET_BYTES,
    names::VaultName,
    reference::{AzureSecret, Secret},
};
use serde::Deserialize;
use zeroize::Zeroize as _;

pub use self::settings::{AzureAuth, AzureSettings};
use super::{
    Bytes, Content, Fault, Fetched, Lease, LeaseId, Vault, VaultError,
    cloud::{Authorities, Lazy},
};

/// One configured vault of kind `azure-kv`.
pub struct AzureVault {
    name: VaultName,
    settings: AzureSettings,
    http: Transport,
    connection: Lazy<SecretClient>,
}

impl AzureVault {
    /// A vault that connects when it is first asked.
    ///
    /// # Errors
    /// What is wrong with the settings, for people, by the setting's name.
    pub fn new(name: &VaultName, settings: AzureSettings) -> Result<Self, String> {
        settings.validate()?;
        let authorities = settings.ca_file.as_deref().map(Authorities::read).transpose()?;
        let http = transport::transport(authorities.as_ref())?;
        Ok(Self { name: name.clone(), settings, http, connection: Lazy::new() })
    }

    /// The body of a secret's current version, or of this one. Signs in anew once more where the token is refused: the
    /// SDK keeps a revoked one until it expires.
    async fn get(&self, name: &str, version: Option<&str>) -> Result<azure_core::Result<Shared>, VaultError> {
        let mut tried_anew = false;
        loop {
            let connect = async || connection::connect(&self.name, &self.settings, &self.http);
            let client = self.connection.get(connect).await?;
            let options = SecretClientGetSecretOptions {
                secret_version: version.map(str::to_owned),
                ..SecretClientGetSecretOptions::default()
            };
            let answer = client.get_secret(name, Some(options)).await;
            let refused = answer.as_ref().is_err_and(faults::refuses_token);
            if refused || answer.as_ref().is_err_and(faults::has_no_token) {
                self.connection.forget(&client).await;
            }
            if refused && !tried_anew {
                tried_anew = true;
                continue;
            }
            return Ok(answer.map(|response| response.into_body().into()));
        }
    }

    async fn read(&self, secret: &AzureSecret) -> Result<Fetched, VaultError> {
        let version = secret.version.as_deref();
        let error = match self.get(&secret.name, version).await? {
            Ok(body) => return parse(&self.name, secret, body),
            Err(error) => error,
        };
        // The same code says that the secret is missing and that its version is.
        if version.is_some() && (faults::is_not_found(&error) || faults::is_malformed(&error)) {
            return Err(match self.get(&secret.name, None).await? {
                Ok(mut body) => {
                    wipe(&mut body);
                    faults::version_gone(&self.name)
                }
                Err(error) if faults::is_disabled(&error) => faults::version_gone(&self.name),
                Err(error) => faults::explain(&self.name, &error),
            });
        }
        Err(faults::explain(&self.name, &error))
    }

    fn own<'a>(&self, secret: &'a Secret) -> Result<&'a AzureSecret, VaultError> {
        match secret {
            Secret::AzureKv(secret) => Ok(secret),
            _ => Err(VaultError::new(
                Fault::UnknownVault,
                format!("vault \"{}\" is of kind azure-kv, and the reference is for another kind", self.name),
            )
            .remedy("begin the reference with azure-kv://")),
        }
    }
}

#[async_trait]
impl Vault for AzureVault {
    async fn fetch(&self, secret: &Secret) -> Result<Fetched, VaultError> {
        self.read(self.own(secret)?).await
    }

    async fn version(&self, secret: &Secret) -> Result<Option<String>, VaultError> {
        // The list of versions has no order, and dates in whole seconds: only a read says which one is current.
        self.read(self.own(secret)?).await.map(|fetched| fetched.version)
    }

    async fn renew(&self, _: &LeaseId, _: Duration) -> Result<Lease, VaultError> {
        Err(VaultError::new(Fault::LeaseGone, format!("vault \"{}\" gives no leases", self.name)))
    }

    async fn revoke(&self, _: &LeaseId) -> Result<(), VaultError> {
        Ok(())
    }

    async fn check(&self) -> Result<Vec<String>, VaultError> {
        /// A name that nobody gives to a secret; asking for it reads nothing.
        const NOBODYS: &str = "kontraktor-vault-check-there-is-no-such-secret";

        let mut findings = vec![format!("vault: {}", self.settings.address)];
        if let Some(authority) = &self.settings.authority {
            findings.push(format!("authority: {authority}"));
        }
        findings.push(format!("identity: {}", self.settings.auth.described()));
        match self.get(NOBODYS, None).await? {
            Err(error) if faults::is_not_found(&error) => {
                findings.push("signed in: the vault accepts the token, and secrets can be read".to_owned());
            }
            Ok(mut body) => {
                wipe(&mut body);
                findings.push("signed in: the vault accepts the token, and secrets can be read".to_owned());
            }
            Err(error) => {
                let told = faults::explain(&self.name, &error);
                if told.fault != Fault::Denied {
                    return Err(told);
                }
                // A role can be given for single secrets only.
                findings.push(format!(
                    "signed in: the vault accepts the token, but not for every secret; {}",
                    told.remedy
                ));
            }
        }
        Ok(findings)
    }
}

/// What Key Vault says of a secret, as far as it is of use here.
#[derive(Deserialize)]
struct Bundle {
    value: Option<String>,
    id: Option<String>,
}

fn parse(vault: &VaultName, asked: &AzureSecret, mut body: Shared) -> Result<Fetched, VaultError> {
    let bundle: Option<Bundle> = serde_json::from_slice(&body).ok();
    wipe(&mut body);
    let garbled = || faults::garbled(vault);
    let Bundle { value, id } = bundle.ok_or_else(garbled)?;
    let value = Bytes::from(value.ok_or_else(garbled)?);
    let version = id.as_deref().and_then(|id| version_of(id, &asked.name)).ok_or_else(garbled)?;
    if asked.version.as_ref().is_some_and(|asked| !asked.eq_ignore_ascii_case(version)) {
        return Err(garbled());
    }
    if value.len() > MAX_SECRET_BYTES {
        return Err(faults::too_large(vault));
    }
    Ok(Fetched { content: Content::Whole(value), version: Some(version.to_owned()), lease: None })
}

/// The version in `https://HOST/secrets/NAME/VERSION`, when that is this secret's id.
fn version_of<'a>(id: &'a str, name: &str) -> Option<&'a str> {
    let mut parts = id.rsplit('/');
    let (version, named, kind) = (parts.next()?, parts.next()?, parts.next()?);
    (kind == "secrets" && named.eq_ignore_ascii_case(name) && !version.is_empty()).then_some(version)
}

/// Overwrites the SDK's copy of an answer, which nobody else holds any more.
fn wipe(body: &mut Shared) {
    if let Ok(mut bytes) = std::mem::take(body).try_into_mut() {
        bytes.zeroize();
    }
}
