//! Secret references, and what resolving them returned.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde::Serialize;

use super::{
    authorship::Authorship,
    text::{non_empty, problem_code, time},
    variable::Origin,
};
use crate::v1;

/// A key that holds a reference to a secret.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SecretReference {
    /// The key.
    pub key: String,
    /// The reference, such as `vault://team/secret/app/db#password`.
    pub reference: String,
    /// The vault's name.
    pub vault: String,
    /// The lockfile: the version that the reference was last resolved to.
    pub version: Option<String>,
    /// When the vault first reported that version.
    pub version_seen_time: Option<String>,
    /// What the secret is for.
    pub description: String,
    /// The environment's revision that last wrote this key.
    pub revision: u64,
    /// Whether it is protected from deletion.
    pub deletion_protection: bool,
    /// Who wrote it last.
    pub written: Option<Authorship>,
    /// The environment that it comes from.
    pub origin: Option<Origin>,
    /// The secret; absent unless it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<ResolvedSecret>,
}

/// The secret that a reference was resolved to. `Debug` does not show the value.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ResolvedSecret {
    /// The value; `null` where it is not UTF-8 or could not be read.
    pub value: Option<String>,
    /// The value in base64; absent unless the value is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_base64: Option<String>,
    /// The version in its vault.
    pub version: Option<String>,
    /// Whether the vault did not answer and this is the last value known.
    pub stale: bool,
    /// Why it could not be read.
    pub problem: Option<Problem>,
}

/// What is known about a secret, without its value.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SecretMetadata {
    /// The key; `null` where the secret was named by its reference.
    pub key: Option<String>,
    /// The reference.
    pub reference: Option<String>,
    /// The vault's name.
    pub vault: Option<String>,
    /// The version in its vault.
    pub version: Option<String>,
    /// Whether the vault did not answer and this is about the last value known.
    pub stale: bool,
    /// When the daemon read it from the vault.
    pub fetch_time: Option<String>,
    /// The lease of a dynamic secret.
    pub lease: Option<Lease>,
    /// Why it could not be read.
    pub problem: Option<Problem>,
}

/// A list of secrets without their values.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SecretMetadataList {
    /// The secrets, in the order in which they were named.
    pub secrets: Vec<SecretMetadata>,
}

/// The lease of a dynamic secret.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Lease {
    /// How long it was granted for, in milliseconds.
    pub duration_ms: u64,
    /// Whether it can be renewed.
    pub renewable: bool,
    /// When it ends.
    pub expire_time: Option<String>,
}

/// Why the daemon refused, or could not read a secret.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = SecretProblem))]
pub struct Problem {
    /// The code in lower case, such as `secret_not_found`.
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

impl SecretReference {
    /// Makes the shape of a key that holds a reference; none for a plain variable.
    pub fn from_variable(variable: v1::Variable) -> Option<Self> {
        let reference = variable.reference()?.clone();
        Some(Self {
            key: variable.key,
            reference: reference.url,
            vault: reference.vault,
            version: non_empty(reference.version),
            version_seen_time: reference.version_seen_time.map(time),
            description: variable.description,
            revision: variable.revision,
            deletion_protection: variable.deletion_protection,
            written: variable.written.map(Authorship::from),
            origin: variable.origin.map(Origin::from),
            secret: None,
        })
    }
}

impl From<v1::SecretResult> for ResolvedSecret {
    fn from(secret: v1::SecretResult) -> Self {
        let (value, value_base64) = match (&secret.problem, String::from_utf8(secret.value)) {
            (Some(_), _) => (None, None),
            (None, Ok(text)) => (Some(text), None),
            (None, Err(bytes)) => (None, Some(BASE64.encode(bytes.as_bytes()))),
        };
        Self {
            value,
            value_base64,
            version: non_empty(secret.version),
            stale: secret.stale,
            problem: secret.problem.map(Problem::from),
        }
    }
}

impl fmt::Debug for ResolvedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResolvedSecret")
            .field("version", &self.version)
            .field("stale", &self.stale)
            .field("problem", &self.problem)
            .finish_non_exhaustive()
    }
}

impl From<v1::SecretResult> for SecretMetadata {
    fn from(secret: v1::SecretResult) -> Self {
        Self {
            key: non_empty(secret.key),
            reference: non_empty(secret.reference),
            vault: non_empty(secret.vault),
            version: non_empty(secret.version),
            stale: secret.stale,
            fetch_time: secret.fetch_time.map(time),
            lease: secret.lease.map(|lease| Lease {
                duration_ms: lease.duration_ms,
                renewable: lease.renewable,
                expire_time: lease.expire_time.map(time),
            }),
            problem: secret.problem.map(Problem::from),
        }
    }
}

impl From<v1::Problem> for Problem {
    fn from(problem: v1::Problem) -> Self {
        Self {
            code: problem_code(problem.code()),
            message: problem.message,
            remedy: non_empty(problem.remedy),
        }
    }
}

/// The message, with the remedy in parentheses behind it.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.remedy {
            Some(remedy) => write!(f, "{} ({remedy})", self.message),
            None => f.write_str(&self.message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_holds_no_secret() {
        for value in [&b"hunter2"[..], b"hunter2\xff"] {
            let secret = v1::SecretResult { value: value.to_vec(), ..v1::SecretResult::default() };
            let shown = format!("{:?}", ResolvedSecret::from(secret));
            assert!(!shown.contains("hunter2") && !shown.contains("aHVudGVy"), "{shown}");
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_are_in_base64() {
        let resolved = |value: &[u8]| {
            ResolvedSecret::from(v1::SecretResult { value: value.to_vec(), ..v1::SecretResult::default() })
        };
        assert_eq!(resolved(b"text").value.as_deref(), Some("text"));
        assert_eq!(resolved(b"\xff").value_base64.as_deref(), Some("/w=="));
    }
}
