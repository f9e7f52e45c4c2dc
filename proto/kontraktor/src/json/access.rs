//! Role bindings and service accounts.

use kontraktor_model::access::Role;
use serde::Serialize;

use super::{
    authorship::Authorship,
    text::{non_empty, time},
};
use crate::{convert::role, v1};

/// A list of role bindings.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RoleBindingList {
    /// The bindings, by pattern, subject and role.
    pub role_bindings: Vec<RoleBinding>,
}

/// A role that a subject has on what a pattern matches.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RoleBinding {
    /// The role, such as `secret-reader`; empty for one that this version does not know.
    pub role: &'static str,
    /// Who has it.
    pub subject: String,
    /// On what.
    pub pattern: String,
    /// Who granted it.
    pub created: Option<Authorship>,
}

impl From<v1::RoleBinding> for RoleBinding {
    fn from(binding: v1::RoleBinding) -> Self {
        Self {
            role: role(binding.role).map(Role::as_str).unwrap_or_default(),
            subject: binding.subject,
            pattern: binding.pattern,
            created: binding.created.map(Authorship::from),
        }
    }
}

/// A list of service accounts.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServiceAccountList {
    /// The service accounts, by name.
    pub service_accounts: Vec<ServiceAccount>,
}

/// A service account.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServiceAccount {
    /// Its name.
    pub name: String,
    /// What identifies it at the token endpoint.
    pub client_id: String,
    /// What it is for.
    pub description: String,
    /// The scopes that its tokens may have.
    pub scopes: Vec<String>,
    /// Its valid secrets, oldest first.
    pub secrets: Vec<ServiceAccountSecret>,
    /// The public key that verifies its assertions, in PEM.
    pub public_key: Option<String>,
    /// Who created it.
    pub created: Option<Authorship>,
    /// When a token was last issued to it.
    pub last_used_time: Option<String>,
}

/// What is known of a secret.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServiceAccountSecret {
    /// Its first characters.
    pub hint: String,
    /// When it was created.
    pub create_time: Option<String>,
    /// When it expires; `null`: never.
    pub expire_time: Option<String>,
}

impl From<v1::ServiceAccount> for ServiceAccount {
    fn from(account: v1::ServiceAccount) -> Self {
        Self {
            name: account.name,
            client_id: account.client_id,
            description: account.description,
            scopes: account.scopes,
            secrets: account.secrets.into_iter().map(ServiceAccountSecret::from).collect(),
            public_key: non_empty(account.public_key),
            created: account.created.map(Authorship::from),
            last_used_time: account.last_used_time.map(time),
        }
    }
}

impl From<v1::ServiceAccountSecret> for ServiceAccountSecret {
    fn from(secret: v1::ServiceAccountSecret) -> Self {
        Self {
            hint: secret.hint,
            create_time: secret.create_time.map(time),
            expire_time: secret.expire_time.map(time),
        }
    }
}

/// A service account with its new secret, which is shown only once. There is no `Debug`.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServiceAccountCredentials {
    /// What identifies the account at the token endpoint.
    pub client_id: String,
    /// The secret; `null` where the account has a public key.
    pub client_secret: Option<String>,
    /// The account.
    pub account: ServiceAccount,
}

impl From<v1::ServiceAccountCredentials> for ServiceAccountCredentials {
    fn from(credentials: v1::ServiceAccountCredentials) -> Self {
        let account = ServiceAccount::from(credentials.account.unwrap_or_default());
        Self {
            client_id: account.client_id.clone(),
            client_secret: non_empty(credentials.client_secret),
            account,
        }
    }
}
