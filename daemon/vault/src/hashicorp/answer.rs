//! Vault's answers: JSON that is parsed without unwiped copies, or a status that becomes an error.
//!
//! The texts of errors are the daemon's own: Vault's may repeat what it was sent. Vault's are searched for a few fixed words,
//! where the status alone is ambiguous.

use std::{collections::BTreeMap, time::Duration};

use kontraktor_model::{limits::MAX_SECRET_BYTES, names::VaultName};
use reqwest::StatusCode;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::{
    error::{VaultError, VaultErrorKind},
    secret::{Bytes, Content, NULL, null_secret},
};

/// An answer, whatever its status.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// Whether its content type is JSON.
    pub(super) json: bool,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Zeroizing<Vec<u8>>,
}

/// The envelope of most answers.
#[derive(Deserialize)]
pub(super) struct Envelope<'a> {
    /// `Some` where it is null, too.
    #[serde(borrow, default, deserialize_with = "present")]
    pub(super) data: Option<&'a RawValue>,
    #[serde(default)]
    pub(super) lease_id: String,
    #[serde(default)]
    pub(super) lease_duration: u64,
    #[serde(default)]
    pub(super) renewable: bool,
}

/// The answer to a sign-in and to the renewal of a token.
#[derive(Deserialize)]
pub(super) struct SignedIn<'a> {
    #[serde(borrow)]
    pub(super) auth: Option<Auth<'a>>,
}

/// A token that was issued or renewed.
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
    /// Returns the token. None: Vault requires a second factor first, and says so with an empty text.
    pub(super) fn token(&self) -> Option<Zeroizing<Vec<u8>>> {
        self.client_token.and_then(text).map(Zeroizing::new).filter(|text| !text.is_empty())
    }
}

impl Answer {
    /// Returns whether Vault's text contains these words.
    pub(super) fn says(&self, words: &str) -> bool {
        self.body.windows(words.len()).any(|window| window == words.as_bytes())
    }

    /// Returns whether Vault rejects the token itself, and not the request.
    pub(super) fn rejects_token(&self) -> bool {
        self.says("invalid token") || self.says("bad token")
    }

    /// Parses the body, which must be JSON by its content type too.
    pub(super) fn parse<'a, T: Deserialize<'a>>(&'a self, vault: &VaultName) -> Result<T, VaultError> {
        if !self.json {
            return Err(invalid_answer(vault, "that is not JSON"));
        }
        self.parse_any().ok_or_else(|| invalid_answer(vault, "whose JSON is truncated or unexpected"))
    }

    /// Parses the body of an error, where possible.
    pub(super) fn parse_any<'a, T: Deserialize<'a>>(&'a self) -> Option<T> {
        // The parser's error would repeat a part of the text.
        serde_json::from_slice(&self.body).ok()
    }

    /// Describes an unexpected status. `action` completes "does not allow the daemon to …".
    pub(super) fn error(&self, vault: &VaultName, action: &str, remedy: &str) -> VaultError {
        let status = self.status.as_u16();
        let error = |kind, text: &str| VaultError::new(kind, format!("vault \"{vault}\" {text} ({status})"));
        match status {
            300..=399 => error(VaultErrorKind::InvalidResponse, "returned a redirect, which is not followed")
                .remedy("set `address` to the load balancer or the active node of the cluster"),
            400 if self.says("Upgrading from non-versioned") => {
                error(VaultErrorKind::Unavailable, "is upgrading the engine to KV version 2")
                    .remedy("try again when the upgrade is done")
                    .retry_after(self.retry_after.unwrap_or(Duration::from_secs(1)))
            }
            400 => error(VaultErrorKind::NotFound, "rejects the request")
                .remedy("check mount and path; a dynamic engine rejects unknown roles like this"),
            401 | 403 => error(VaultErrorKind::Denied, &format!("does not allow the daemon to {action}"))
                .remedy(remedy),
            404 => error(VaultErrorKind::NotFound, "has no such secret")
                .remedy("check mount and path of the reference"),
            405 => error(VaultErrorKind::NotFound, "has nothing at this path that can be read")
                .remedy("use a path that supports reads in the reference"),
            412 | 429 | 500..=599 | 472..=474 => {
                let (text, remedy) = self.outage();
                let mut error = error(VaultErrorKind::Unavailable, text).remedy(remedy);
                error.retry_after = self.retry_after;
                error
            }
            _ => error(VaultErrorKind::InvalidResponse, "returned an unexpected status")
                .remedy("check that Vault, and not a proxy, answers at `address`"),
        }
    }

    fn outage(&self) -> (&'static str, &'static str) {
        match self.status.as_u16() {
            501 => ("is not initialized", "initialize and unseal it"),
            412 => ("has not caught up with its cluster yet", "try again in a moment"),
            429 => ("throttles requests", "raise its rate limit for the daemon, or raise `cache.ttl`"),
            472..=474 => (
                "is a standby that does not serve requests",
                "set `address` to the load balancer or the active node of the cluster",
            ),
            _ if self.says("Vault is sealed") || self.says("\"sealed\":true") => ("is sealed", "unseal it"),
            _ if self.says("standby mode") => (
                "is a standby that does not serve requests",
                "set `address` to the load balancer or the active node of the cluster",
            ),
            503 => ("is unavailable", "see Vault's log, and that of the proxy in front of it"),
            _ => ("reports an internal error", "see Vault's log for the reason"),
        }
    }
}

/// The answer is invalid; `why` follows "an answer".
pub(super) fn invalid_answer(vault: &VaultName, why: &str) -> VaultError {
    VaultError::new(VaultErrorKind::InvalidResponse, format!("vault \"{vault}\" returned an answer {why}"))
        .remedy("check that Vault, and not a proxy, answers at `address`")
}

/// Parses an object without secrets in `data`.
pub(super) fn parse_data<T: DeserializeOwned>(
    data: Option<&RawValue>,
    vault: &VaultName,
) -> Result<T, VaultError> {
    data.and_then(|data| serde_json::from_str(data.get()).ok())
        .ok_or_else(|| invalid_answer(vault, "with unexpected JSON"))
}

/// Deserializes a value that may be left out, where null is not the same as left out.
pub(super) fn present<'de: 'a, 'a, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// Parses the fields of a secret: the text of a string, the JSON of everything else.
pub(super) fn fields(data: Option<&RawValue>, vault: &VaultName) -> Result<Content, VaultError> {
    if data.is_some_and(|data| data.get() == NULL) {
        return Err(null_secret(vault));
    }
    let object: Option<BTreeMap<String, &RawValue>> =
        data.and_then(|data| serde_json::from_str(data.get()).ok());
    let object = object.ok_or_else(|| invalid_answer(vault, "without a secret's fields"))?;
    let mut fields = BTreeMap::new();
    for (name, raw) in object {
        if raw.get() == NULL {
            fields.insert(name, None);
            continue;
        }
        let value = text(raw).ok_or_else(|| invalid_answer(vault, "with an invalid string"))?;
        if value.len() > MAX_SECRET_BYTES {
            return Err(VaultError::new(
                VaultErrorKind::TooLarge,
                format!(
                    "a field of the secret in vault \"{vault}\" has {} bytes; the limit is {MAX_SECRET_BYTES}",
                    value.len()
                ),
            )
            .remedy("store something smaller, such as a reference to the large object"));
        }
        fields.insert(name, Some(Bytes::new(value)));
    }
    Ok(Content::Fields(fields))
}

/// Returns the text of a string, the JSON of everything else, in a buffer of its final size.
fn text(raw: &RawValue) -> Option<Vec<u8>> {
    let json = raw.get();
    match json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        None => Some(json.as_bytes().to_vec()),
        Some(plain) if !plain.contains('\\') => Some(plain.as_bytes().to_vec()),
        Some(_) => serde_json::from_str::<String>(json).ok().map(String::into_bytes),
    }
}
