//! Service accounts: identities of pipelines, which get short-lived tokens for a secret or an assertion.

use std::{fmt, sync::Arc};

use imbl::{HashMap, OrdMap};
use jiff::Timestamp;
use kontraktor_model::{
    access::{SERVICE_ACCOUNT_PREFIX, Scopes, Subject},
    names::AccountName,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::{Authorship, Hash};

/// A service account. The secrets themselves are in nobody's memory but their owner's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAccount {
    /// The name.
    pub name: AccountName,
    /// The actor of its requests: `service-account:NAME`.
    pub actor: Arc<str>,
    /// What it is at the token endpoint; no other account had it or gets it.
    pub client_id: Arc<str>,
    /// May be empty.
    pub description: Arc<str>,
    /// The scopes that its tokens may have.
    pub scopes: Scopes,
    /// Oldest first; expired ones may be among them. None where it has a public key.
    pub secrets: Arc<[AccountSecret]>,
    /// The key that verifies its assertions, in PEM.
    pub public_key: Option<Arc<str>>,
    /// Who created it.
    pub created: Authorship,
    /// When a token was last issued to it.
    pub last_used: Option<Timestamp>,
}

impl ServiceAccount {
    /// Returns its secrets that are valid at a time, oldest first.
    pub fn valid_secrets(&self, now: Timestamp) -> impl Iterator<Item = &AccountSecret> {
        self.secrets.iter().filter(move |secret| secret.is_valid(now))
    }

    /// Returns whether a text is one of its secrets that are valid at a time. Hashes are compared in constant time.
    pub fn accepts(&self, secret: &str, now: Timestamp) -> bool {
        let hash = AccountSecret::hash_of(secret);
        self.valid_secrets(now)
            .fold(false, |found, valid| bool::from(valid.hash.as_bytes().ct_eq(hash.as_bytes())) | found)
    }
}

/// What is kept of a secret of a service account. A secret has 256 random bits, so that a plain hash of it is enough.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountSecret {
    /// SHA-256 of the secret.
    #[serde(with = "hash_text")]
    pub hash: Hash,
    /// Its first characters, to tell it from others.
    pub hint: String,
    /// When it was created, UTC, in whole microseconds.
    pub created: Timestamp,
    /// When it ends. None: it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
}

impl AccountSecret {
    /// Returns the hash that is kept of a secret.
    pub fn hash_of(secret: &str) -> Hash {
        Hash::of_digest(Sha256::digest(secret.as_bytes()).into())
    }

    /// Returns whether it is valid at a time.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}

/// Without the hash: it is no secret, but nobody needs it in a log.
impl fmt::Debug for AccountSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { hash: _, hint, created, expires } = self;
        f.debug_struct("AccountSecret")
            .field("hint", hint)
            .field("created", created)
            .field("expires", expires)
            .finish_non_exhaustive()
    }
}

mod hash_text {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use super::Hash;

    pub(super) fn serialize<S: Serializer>(hash: &Hash, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(hash)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Hash, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// What happened to a service account.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, strum::Display, strum::EnumString, strum::IntoStaticStr,
)]
#[strum(serialize_all = "snake_case")]
pub enum ServiceAccountOperation {
    /// It was created.
    Created,
    /// It got another secret.
    Rotated,
    /// It was deleted.
    Deleted,
}

impl ServiceAccountOperation {
    /// Returns the word that the log holds.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// What happened to a service account, and its state afterwards; for a deletion, its state before, without secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAccountEvent {
    /// The name.
    pub name: AccountName,
    /// What happened.
    pub operation: ServiceAccountOperation,
    /// Its identifier at the token endpoint.
    pub client_id: Arc<str>,
    /// Afterwards.
    pub description: Arc<str>,
    /// Afterwards.
    pub scopes: Scopes,
    /// Afterwards, oldest first.
    pub secrets: Arc<[AccountSecret]>,
    /// Afterwards.
    pub public_key: Option<Arc<str>>,
}

/// All service accounts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ServiceAccounts {
    by_name: OrdMap<AccountName, Arc<ServiceAccount>>,
    by_client_id: HashMap<Arc<str>, AccountName>,
}

impl ServiceAccounts {
    /// Returns all, by name.
    pub fn all(&self) -> &OrdMap<AccountName, Arc<ServiceAccount>> {
        &self.by_name
    }

    /// Returns one by its name.
    pub fn get(&self, name: &AccountName) -> Option<&Arc<ServiceAccount>> {
        self.by_name.get(name)
    }

    /// Returns one by its identifier at the token endpoint.
    pub fn client(&self, client_id: &str) -> Option<&Arc<ServiceAccount>> {
        self.by_name.get(self.by_client_id.get(client_id)?)
    }

    pub(crate) fn apply(&mut self, event: &ServiceAccountEvent, written: Authorship) {
        if event.operation == ServiceAccountOperation::Deleted {
            if let Some(account) = self.by_name.remove(&event.name) {
                self.by_client_id.remove(&account.client_id);
            }
            return;
        }
        let before = self.by_name.get(&event.name).filter(|before| before.client_id == event.client_id);
        let account = ServiceAccount {
            name: event.name.clone(),
            actor: Subject::of_account(&event.name).as_str().into(),
            client_id: Arc::clone(&event.client_id),
            description: Arc::clone(&event.description),
            scopes: event.scopes,
            secrets: Arc::clone(&event.secrets),
            public_key: event.public_key.clone(),
            created: before.map_or(written, |before| before.created.clone()),
            last_used: before.and_then(|before| before.last_used),
        };
        self.by_client_id.insert(Arc::clone(&account.client_id), account.name.clone());
        self.by_name.insert(account.name.clone(), Arc::new(account));
    }

    /// Remembers that a token was issued to an actor, where that is a service account.
    pub(crate) fn use_by(&mut self, actor: &str, at: Timestamp) {
        let Some(name) = actor.strip_prefix(SERVICE_ACCOUNT_PREFIX) else { return };
        if let Some(account) = self.by_name.get_mut(name) {
            Arc::make_mut(account).last_used = Some(at);
        }
    }
}
