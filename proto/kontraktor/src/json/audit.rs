//! Entries of the audit log.

use kontraktor_model::access::Role;
use serde::Serialize;

use super::{
    authorship::Authorship,
    text::{environment_names, non_empty, problem_code, type_name},
};
use crate::{convert::role, v1};

/// The type of entries about secret references.
const SECRET_REFERENCE: &str = "secret_reference";

/// A list of entries.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditEntryList {
    /// The entries, newest first.
    pub entries: Vec<AuditEntry>,
}

/// One entry of the log. What the operation does not have is `null`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditEntry {
    /// The position in the log, from 1.
    pub sequence: u64,
    /// Who wrote it.
    pub written: Option<Authorship>,
    /// The readable name of the actor that wrote it, as it is known now; `null` where the actor has none.
    pub actor_display_name: Option<String>,
    /// The operation in lower case, such as `variable_updated`.
    pub operation: String,
    /// The project's name.
    pub project: Option<String>,
    /// The environment's name within its project.
    pub env: Option<String>,
    /// The key.
    pub key: Option<String>,
    /// The environment's revision that the operation made.
    pub revision: Option<u64>,
    /// The value's type afterwards, or `secret_reference`.
    #[serde(rename = "type")]
    pub value_type: Option<&'static str>,
    /// The value before.
    pub old_value: Option<String>,
    /// The value afterwards; for schemas, the schema's text; for `actor_named`, the name.
    pub new_value: Option<String>,
    /// The description afterwards.
    pub description: String,
    /// The schema's name.
    pub schema: Option<String>,
    /// Whether it is protected from deletion afterwards.
    pub deletion_protection: Option<bool>,
    /// What the environment imports afterwards.
    pub imports: Option<Vec<String>>,
    /// The id of the batch of writes.
    pub batch_id: Option<String>,
    /// The access to a secret, the denial, or the token.
    pub access: Option<SecretAccess>,
    /// The role that was granted or revoked.
    pub role_binding: Option<AuditedRole>,
    /// The service account.
    pub service_account: Option<AuditedAccount>,
    /// The hash over this entry and the one before, in hexadecimal.
    pub hash: String,
}

/// A role that was granted or revoked.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditedRole {
    /// The role, such as `secret-reader`; empty for one that this version does not know.
    pub role: &'static str,
    /// To whom.
    pub subject: String,
    /// On what.
    pub pattern: String,
}

impl From<v1::RoleBinding> for AuditedRole {
    fn from(binding: v1::RoleBinding) -> Self {
        Self {
            role: role(binding.role).map(Role::as_str).unwrap_or_default(),
            subject: binding.subject,
            pattern: binding.pattern,
        }
    }
}

/// A service account as an entry shows it.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditedAccount {
    /// The name.
    pub name: String,
    /// The identifier at the token endpoint.
    pub client_id: String,
    /// The scopes that its tokens may have.
    pub scopes: Vec<String>,
    /// The first characters of its secrets.
    pub secret_hints: Vec<String>,
    /// Whether it has a public key instead of secrets.
    pub has_public_key: bool,
}

impl From<v1::ServiceAccount> for AuditedAccount {
    fn from(account: v1::ServiceAccount) -> Self {
        Self {
            name: account.name,
            client_id: account.client_id,
            scopes: account.scopes,
            secret_hints: account.secrets.into_iter().map(|secret| secret.hint).collect(),
            has_public_key: !account.public_key.is_empty(),
        }
    }
}

/// An access to a secret, a denial, a token, or a line of the lockfile.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SecretAccess {
    /// What was denied, where it was not an access to a secret, such as `variable.write`.
    pub action: Option<String>,
    /// The reference.
    pub reference: String,
    /// The version that the reference was resolved to.
    pub version: Option<String>,
    /// The process that asked.
    pub peer: Option<String>,
    /// How many equal accesses this entry stands for.
    pub count: u64,
    /// The code of the problem, such as `secret_not_found`.
    pub problem: Option<String>,
}

impl From<v1::SecretAccess> for SecretAccess {
    fn from(access: v1::SecretAccess) -> Self {
        let problem = access.problem();
        Self {
            problem: (problem != v1::ProblemCode::Unspecified).then(|| problem_code(problem)),
            action: non_empty(access.action),
            reference: access.reference,
            version: non_empty(access.version),
            peer: non_empty(access.peer),
            count: access.count,
        }
    }
}

impl From<v1::AuditEntry> for AuditEntry {
    fn from(entry: v1::AuditEntry) -> Self {
        let name = entry.operation().as_str_name();
        let operation = name.strip_prefix("AUDIT_OPERATION_").unwrap_or(name).to_ascii_lowercase();
        // Other operations do not have these, which differs from having them off or empty.
        let has_protection =
            ["project_", "environment_", "variable_"].iter().any(|kind| operation.starts_with(kind));
        let has_imports = operation.starts_with("environment_");
        Self {
            deletion_protection: has_protection.then_some(entry.deletion_protection),
            imports: has_imports.then(|| environment_names(&entry.imports)),
            schema: non_empty(entry.schema),
            operation,
            sequence: entry.sequence,
            written: entry.written.map(Authorship::from),
            actor_display_name: non_empty(entry.actor_display_name),
            project: non_empty(entry.project),
            env: non_empty(entry.env),
            key: non_empty(entry.key),
            revision: Some(entry.revision).filter(|revision| *revision != 0),
            value_type: if entry.secret_reference { Some(SECRET_REFERENCE) } else { type_name(entry.r#type) },
            access: entry.access.map(SecretAccess::from),
            role_binding: entry.role_binding.map(AuditedRole::from),
            service_account: entry.service_account.map(AuditedAccount::from),
            old_value: entry.old_value,
            new_value: entry.new_value,
            description: entry.description,
            batch_id: non_empty(entry.batch_id),
            hash: entry.hash,
        }
    }
}
