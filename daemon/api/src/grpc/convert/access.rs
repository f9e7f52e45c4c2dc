//! Role bindings and service accounts.

use jiff::{SignedDuration, Timestamp};
use kontraktor_domain::{
    AccountSecret, Refusal, RoleBinding, RoleGrant, ServiceAccount, ServiceAccountEvent,
};
use kontraktor_model::access::{AccessError, Pattern, Scope, Scopes, Subject};
use kontraktor_proto::{role, v1};
use kontraktor_service::Credentials;
use tonic::Status;

use super::{authorship, timestamp};
use crate::grpc::status::status;

pub(crate) fn role_grant(wire: i32, subject: &str, pattern: &str) -> Result<RoleGrant, Status> {
    let role = role(wire).ok_or_else(|| {
        status(
            Refusal::invalid("role", "the role is missing or unknown")
                .remedy("use one of viewer, editor, secret-reader and owner"),
        )
    })?;
    Ok(RoleGrant { pattern: self::pattern(pattern)?, subject: self::subject(subject)?, role })
}

pub(crate) fn subject(text: &str) -> Result<Subject, Status> {
    text.parse().map_err(|error: AccessError| status(error))
}

pub(crate) fn pattern(text: &str) -> Result<Pattern, Status> {
    text.parse().map_err(|error: AccessError| status(error))
}

pub(crate) fn scopes(names: &[String]) -> Result<Scopes, Status> {
    names
        .iter()
        .map(|name| name.parse::<Scope>())
        .collect::<Result<_, _>>()
        .map_err(|error: AccessError| status(error))
}

/// A duration in milliseconds.
pub(crate) fn duration(milliseconds: u64) -> SignedDuration {
    SignedDuration::from_millis(i64::try_from(milliseconds).unwrap_or(i64::MAX))
}

/// A duration in milliseconds of which 0 means that there is no end.
pub(crate) fn lifetime(milliseconds: u64) -> Option<SignedDuration> {
    (milliseconds > 0).then(|| duration(milliseconds))
}

pub(crate) fn role_binding(binding: &RoleBinding) -> v1::RoleBinding {
    v1::RoleBinding { created: Some(authorship(&binding.created)), ..role_of(&binding.grant) }
}

/// A role binding without its authorship.
pub(super) fn role_of(grant: &RoleGrant) -> v1::RoleBinding {
    v1::RoleBinding {
        role: v1::Role::from(grant.role).into(),
        subject: grant.subject.to_string(),
        pattern: grant.pattern.to_string(),
        created: None,
    }
}

/// A service account with the secrets that are valid now.
pub(crate) fn service_account(account: &ServiceAccount, now: Timestamp) -> v1::ServiceAccount {
    v1::ServiceAccount {
        name: account.name.to_string(),
        client_id: account.client_id.to_string(),
        description: account.description.to_string(),
        scopes: scope_names(account.scopes),
        secrets: account.valid_secrets(now).map(secret).collect(),
        public_key: account.public_key.as_deref().unwrap_or_default().to_owned(),
        created: Some(authorship(&account.created)),
        last_used_time: account.last_used.map(timestamp),
    }
}

/// A service account as an entry of the log has it.
pub(super) fn logged_account(account: &ServiceAccountEvent) -> v1::ServiceAccount {
    v1::ServiceAccount {
        name: account.name.to_string(),
        client_id: account.client_id.to_string(),
        description: account.description.to_string(),
        scopes: scope_names(account.scopes),
        secrets: account.secrets.iter().map(secret).collect(),
        public_key: account.public_key.as_deref().unwrap_or_default().to_owned(),
        created: None,
        last_used_time: None,
    }
}

pub(crate) fn credentials(credentials: &Credentials, now: Timestamp) -> v1::ServiceAccountCredentials {
    v1::ServiceAccountCredentials {
        account: Some(service_account(&credentials.account, now)),
        client_secret: credentials.secret.as_ref().map(|secret| secret.to_string()).unwrap_or_default(),
    }
}

fn scope_names(scopes: Scopes) -> Vec<String> {
    scopes.iter().map(|scope| scope.to_string()).collect()
}

fn secret(secret: &AccountSecret) -> v1::ServiceAccountSecret {
    v1::ServiceAccountSecret {
        hint: secret.hint.clone(),
        create_time: Some(timestamp(secret.created)),
        expire_time: secret.expires.map(timestamp),
    }
}
