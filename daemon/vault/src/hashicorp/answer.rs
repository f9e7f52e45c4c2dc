//! What Vault answered: JSON that is read without copies that nobody wipes, or a status that becomes an error.
//!
//! An error's text comes from here and never from Vault: Vault's may repeat what it was sent. What Vault says is searched
//! for a few fixed words, where the status alone does not tell.

use std::{collections::BTreeMap, time::Duration};

use kontraktor_model::{limits::MAX_SECRET_BYTES, names::VaultName};
use reqwest::StatusCode;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::{Bytes, Content, Fault, VaultError};

/// An answer, whatever its status.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// Whether it says that it is JSON.
    pub(super) json: bool,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Zeroizing<Vec<u8>>,
}

/// What Vault puts around most answers.
#[derive(Deserialize)]
pub(super) struct Envelope<'a> {
    #[serde(borrow, default)]
    pub(super) data: Option<&'a RawValue>,
    #[serde(default)]
    pub(super) lease_id: String,
    #[serde(default)]
    pub(super) lease_duration: u64,
    #[serde(default)]
    pub(super) renewable: bool,
}

/// What Vault answers to a sign-in and to the renewal of a token.
#[derive(Deserialize)]
pub(super) struct SignedIn<'a> {
    #[serde(borrow)]
    pub(super) auth: Option<Auth<'a>>,
}

/// A token that was made or prolonged.
#[derive(Deserialize)]
pub(super) struct Auth<'a> {
    #[serde(borrow, default)]
    client_token: Option<&'a RawValue>,
    #[serde(default)]
    pub(super) lease_duration: u64,
    #[serde(default)]
    pub(super) renewable: bool,
}

impl Auth<'_> {
    /// Empty where Vault wants a second factor first.
    pub(super) fn token(&self) -> Option<Zeroizing<Vec<u8>>> {
        self.client_token.and_then(text).map(Zeroizing::new)
    }
}

impl Answer {
    /// Whether Vault's own words about an error hold these.
    pub(super) fn says(&self, words: &str) -> bool {
        self.body.windows(words.len()).any(|window| window == words.as_bytes())
    }

    /// Whether it refuses the token itself, and not what was asked with it.
    pub(super) fn refuses_the_token(&self) -> bool {
        self.says("invalid token") || self.says("bad token")
    }

    /// Reads the body. What is no JSON, or says that it is something else, is not understood.
    pub(super) fn read<'a, T: Deserialize<'a>>(&'a self, vault: &VaultName) -> Result<T, VaultError> {
        if !self.json {
            return Err(misunderstood(vault, "with something else than JSON"));
        }
        self.read_any()
            .ok_or_else(|| misunderstood(vault, "with JSON that is cut off or not what Vault says there"))
    }

    /// Reads the body of an error, if it can be.
    pub(super) fn read_any<'a, T: Deserialize<'a>>(&'a self) -> Option<T> {
        // The error would repeat a part of the text.
        serde_json::from_slice(&self.body).ok()
    }

    /// What a status means that was not asked for. `what` completes "does not let the daemon …".
    pub(super) fn refusal(&self, vault: &VaultName, what: &str, remedy: &str) -> VaultError {
        let status = self.status.as_u16();
        let error =
            |fault, text: &str| VaultError::new(fault, format!("vault \"{vault}\" {text} ({status})"));
        match status {
            300..=399 => error(Fault::Answer, "redirects elsewhere, where no token is sent").remedy(
                "name the load balancer or the active node of the cluster in `address`: redirects are not followed",
            ),
            400 if self.says("Upgrading from non-versioned") => {
                error(Fault::Unavailable, "is making the engine a versioned one")
                    .remedy("wait until it has done so")
                    .retry_after(self.retry_after.unwrap_or(Duration::from_secs(1)))
            }
            400 => error(Fault::NotFound, "does not accept the request")
                .remedy("check mount and path; a dynamic engine answers like this for a role that it does not have"),
            401 | 403 => error(Fault::Denied, &format!("does not let the daemon {what}")).remedy(remedy),
            404 => error(Fault::NotFound, "has nothing there").remedy("check mount and path of the reference"),
            405 => error(Fault::NotFound, "has nothing there that can be read")
                .remedy("refer to something that Vault answers a read with"),
            412 | 429 | 500..=599 | 472..=474 => {
                let (text, remedy) = self.outage();
                let mut error = error(Fault::Unavailable, text).remedy(remedy);
                error.retry_after = self.retry_after;
                error
            }
            _ => error(Fault::Answer, "answers with a status that Vault has no reason for")
                .remedy("check that `address` leads to Vault, and to nothing between that answers instead"),
        }
    }

    fn outage(&self) -> (&'static str, &'static str) {
        match self.status.as_u16() {
            501 => ("is not initialised", "initialise and unseal it"),
            412 => ("has not caught up with its cluster yet", "try again in a moment"),
            429 => (
                "asks to be left alone for a while",
                "raise its rate limit for the daemon, or cache for longer",
            ),
            472..=474 => (
                "is a standby that does not serve requests",
                "name the load balancer or the active node of the cluster in `address`",
            ),
            _ if self.says("Vault is sealed") || self.says("\"sealed\":true") => ("is sealed", "unseal it"),
            _ if self.says("standby mode") => (
                "is a standby that does not serve requests",
                "name the load balancer or the active node of the cluster in `address`",
            ),
            503 => ("is not available", "see Vault's own log, and that of what stands before it"),
            _ => ("failed", "see Vault's own log for the reason"),
        }
    }
}

/// An answer that cannot be understood; `how` completes "answers …".
pub(super) fn misunderstood(vault: &VaultName, how: &str) -> VaultError {
    VaultError::new(Fault::Answer, format!("vault \"{vault}\" answers {how}"))
        .remedy("check that `address` leads to Vault, and to nothing between that answers instead")
}

/// An object that holds no secrets, inside of `data`.
pub(super) fn plain<T: DeserializeOwned>(
    data: Option<&RawValue>,
    vault: &VaultName,
) -> Result<T, VaultError> {
    data.and_then(|data| serde_json::from_str(data.get()).ok())
        .ok_or_else(|| misunderstood(vault, "with JSON that is not what Vault says there"))
}

/// The fields of a secret: the text of a string, the JSON of everything else.
pub(super) fn fields(data: Option<&RawValue>, vault: &VaultName) -> Result<Content, VaultError> {
    let object: Option<BTreeMap<String, &RawValue>> =
        data.and_then(|data| serde_json::from_str(data.get()).ok());
    let object = object.ok_or_else(|| misunderstood(vault, "with no fields where a secret's should be"))?;
    let mut fields = BTreeMap::new();
    for (name, raw) in object {
        let value = text(raw).ok_or_else(|| misunderstood(vault, "with a text that cannot be read"))?;
        if value.len() > MAX_SECRET_BYTES {
            return Err(VaultError::new(
                Fault::TooLarge,
                format!(
                    "vault \"{vault}\" holds {} bytes in one field there; a secret may have {MAX_SECRET_BYTES}",
                    value.len()
                ),
            )
            .remedy("keep something smaller in the vault, such as where the large thing is"));
        }
        fields.insert(name, Bytes::new(value));
    }
    Ok(Content::Fields(fields))
}

/// The text of a string, the JSON of everything else, in a buffer of its size.
fn text(raw: &RawValue) -> Option<Vec<u8>> {
    let json = raw.get();
    match json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        None => Some(json.as_bytes().to_vec()),
        Some(plain) if !plain.contains('\\') => Some(plain.as_bytes().to_vec()),
        Some(_) => serde_json::from_str::<String>(json).ok().map(String::into_bytes),
    }
}
