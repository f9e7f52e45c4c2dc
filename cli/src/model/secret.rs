//! Secret references, what became of them, and vaults.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use kontraktor_proto::v1;
use serde::Serialize;

use super::{Origin, Written, time};

/// A key that refers to a secret.
#[derive(Debug, Serialize)]
pub(crate) struct SecretReference {
    pub(crate) key: String,
    pub(crate) reference: String,
    pub(crate) vault: String,
    /// The lockfile: what was resolved last.
    pub(crate) version: Option<String>,
    pub(crate) version_seen: Option<String>,
    pub(crate) description: String,
    pub(crate) revision: u64,
    pub(crate) deletion_protection: bool,
    pub(crate) written: Option<Written>,
    pub(crate) origin: Option<Origin>,
    /// Where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) secret: Option<Resolved>,
}

/// What a reference was resolved to.
#[derive(Debug, Serialize)]
pub(crate) struct Resolved {
    /// Null where it is no text, or could not be had.
    pub(crate) value: Option<String>,
    /// Where it is no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) value_base64: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) stale: bool,
    pub(crate) problem: Option<Problem>,
}

/// What is known of a secret, and no value.
#[derive(Debug, Serialize)]
pub(crate) struct Secret {
    pub(crate) key: Option<String>,
    pub(crate) reference: Option<String>,
    pub(crate) vault: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) stale: bool,
    pub(crate) fetched: Option<String>,
    pub(crate) lease: Option<Lease>,
    pub(crate) problem: Option<Problem>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Secrets {
    pub(crate) secrets: Vec<Secret>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Lease {
    pub(crate) duration_ms: u64,
    pub(crate) renewable: bool,
    pub(crate) expires: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Problem {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) remedy: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Vaults {
    pub(crate) vaults: Vec<Vault>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Vault {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) address: Option<String>,
    pub(crate) available: bool,
    pub(crate) trouble: Option<String>,
    pub(crate) cached_secrets: u64,
    pub(crate) cached_bytes: u64,
    pub(crate) leases: u64,
}

fn some(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

impl SecretReference {
    /// Of a key that holds one.
    pub(super) fn of(variable: v1::Variable) -> Option<Self> {
        let reference = variable.reference()?.clone();
        Some(Self {
            key: variable.key,
            reference: reference.url,
            vault: reference.vault,
            version: some(reference.version),
            version_seen: reference.version_seen.map(time),
            description: variable.description,
            revision: variable.revision,
            deletion_protection: variable.deletion_protection,
            written: variable.written.map(Written::from),
            origin: variable.origin.map(Origin::from),
            secret: None,
        })
    }
}

impl From<v1::SecretResult> for Resolved {
    fn from(secret: v1::SecretResult) -> Self {
        let (value, value_base64) = match (&secret.problem, String::from_utf8(secret.value)) {
            (Some(_), _) => (None, None),
            (None, Ok(text)) => (Some(text), None),
            (None, Err(bytes)) => (None, Some(BASE64.encode(bytes.as_bytes()))),
        };
        Self {
            value,
            value_base64,
            version: some(secret.version),
            stale: secret.stale,
            problem: secret.problem.map(Problem::from),
        }
    }
}

impl From<v1::SecretResult> for Secret {
    fn from(secret: v1::SecretResult) -> Self {
        Self {
            key: some(secret.key),
            reference: some(secret.reference),
            vault: some(secret.vault),
            version: some(secret.version),
            stale: secret.stale,
            fetched: secret.fetched.map(time),
            lease: secret.lease.map(|lease| Lease {
                duration_ms: lease.duration_ms,
                renewable: lease.renewable,
                expires: lease.expires.map(time),
            }),
            problem: secret.problem.map(Problem::from),
        }
    }
}

impl From<v1::Problem> for Problem {
    fn from(problem: v1::Problem) -> Self {
        Self { code: code(problem.code()), message: problem.message, remedy: some(problem.remedy) }
    }
}

impl Problem {
    /// Message and remedy in one line.
    pub(crate) fn text(&self) -> String {
        match &self.remedy {
            Some(remedy) => format!("{} ({remedy})", self.message),
            None => self.message.clone(),
        }
    }
}

impl From<v1::VaultStatus> for Vault {
    fn from(vault: v1::VaultStatus) -> Self {
        Self {
            name: vault.name,
            kind: vault.kind,
            address: some(vault.address),
            available: vault.available,
            trouble: some(vault.trouble),
            cached_secrets: vault.cached_secrets,
            cached_bytes: vault.cached_bytes,
            leases: vault.leases,
        }
    }
}

/// A code in small letters, as in `secret_not_found`.
pub(super) fn code(code: v1::ProblemCode) -> String {
    let name = code.as_str_name();
    name.strip_prefix("PROBLEM_CODE_").unwrap_or(name).to_ascii_lowercase()
}
