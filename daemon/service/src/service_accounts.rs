//! Service accounts: their secrets are made here, shown once, and forgotten.

mod public_key;

use std::{fmt, ops::Bound, sync::Arc};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::SignedDuration;
use kontraktor_access::{Action, Authority, Caller, Resource};
use kontraktor_domain::{
    AccountCredential, AccountSecret, Code, CreateServiceAccount, DeleteServiceAccount, NewSecret, Refusal,
    RotateServiceAccount, ServiceAccount, find_service_account,
};
use kontraktor_model::{
    access::{Scope, Scopes},
    limits::MAX_PAGE_SIZE,
    names::AccountName,
};
use zeroize::Zeroizing;

use super::{
    Page, PageRequest, Service,
    page::{Listing, cut, page_size},
    read::parsed,
};

/// What every secret of a service account begins with, so that scanners of repositories can find it.
const SECRET_PREFIX: &str = "kontraktor_";

/// How many characters of a secret tell it from others. What follows the prefix here are 24 of its 256 random bits.
const HINT_CHARS: usize = SECRET_PREFIX.len() + 4;

/// A service account to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAccount {
    /// The name.
    pub name: AccountName,
    /// 1,024 bytes at most.
    pub description: String,
    /// The scopes that its tokens may have; none: `env.read`, `env.write` and `secret.read`.
    pub scopes: Scopes,
    /// What it proves its identity with.
    pub credential: NewCredential,
}

/// What a new service account proves its identity with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewCredential {
    /// A secret that the daemon makes, valid for so long. None: for ever.
    Secret(Option<SignedDuration>),
    /// The key that belongs to this public one, in PEM.
    PublicKey(String),
}

/// A service account and its new secret, which nobody can read again.
#[derive(Clone)]
pub struct Credentials {
    /// The account.
    pub account: Arc<ServiceAccount>,
    /// None: it has a public key.
    pub secret: Option<Zeroizing<String>>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("account", &self.account).finish_non_exhaustive()
    }
}

impl Service {
    /// Creates a service account. The caller can give it no scope that they do not have.
    pub async fn create_service_account(
        &self,
        caller: &Caller,
        new: NewAccount,
    ) -> Result<Credentials, Refusal> {
        const DEFAULT: Scopes = Scopes::of(&[Scope::EnvRead, Scope::EnvWrite, Scope::SecretRead]);
        let NewAccount { name, description, scopes, credential } = new;
        self.authorize(caller, Action::ServiceAccountCreate, Resource::ServiceAccount(&name))?;
        let scopes = if scopes.is_empty() { DEFAULT } else { scopes };
        let missing = scopes.without(caller.scopes);
        if !missing.is_empty() {
            self.count_denial(caller, Action::ServiceAccountCreate, Resource::ServiceAccount(&name));
            let message = format!(
                "permission denied: {} cannot give a service account scopes that the request's own credentials do not have: {missing}",
                caller.actor
            );
            return Err(Refusal::new(Code::Denied, message)
                .field("scopes")
                .remedy("choose fewer scopes, or use credentials that have these"));
        }
        let (credential, secret) = match credential {
            NewCredential::PublicKey(pem) => {
                (AccountCredential::PublicKey(public_key::checked(&pem)?.into()), None)
            }
            NewCredential::Secret(lifetime) => {
                let (kept, secret) = make_secret(lifetime)?;
                (AccountCredential::Secret(kept), Some(secret))
            }
        };
        let client_id = format!("sa-{}", hex::encode(random::<16>()?)).into();
        let command = CreateServiceAccount { name, description, scopes, client_id, credential };
        let account = self.queue(caller, command).await?;
        Ok(Credentials { account, secret })
    }

    /// Returns a service account.
    pub fn service_account(
        &self,
        caller: &Caller,
        name: &AccountName,
    ) -> Result<Arc<ServiceAccount>, Refusal> {
        self.authorize(caller, Action::ServiceAccountRead, Resource::ServiceAccount(name))?;
        find_service_account(&self.inner.state.load(), name).cloned()
    }

    /// Returns the service accounts, by name, to those who own everything.
    pub fn service_accounts(
        &self,
        caller: &Caller,
        page: &PageRequest,
    ) -> Result<Page<Arc<ServiceAccount>>, Refusal> {
        self.authorize(caller, Action::ServiceAccountList, Resource::Daemon)?;
        let listing = Listing::new(&["service accounts"]);
        let after = parsed::<AccountName>(listing.after(page.token.as_deref())?)?;
        let state = self.inner.state.load();
        let shown = kontraktor_access::Rights::new(caller, state.roles()).sees_everything();
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let accounts = state
            .service_accounts()
            .all()
            .range::<_, AccountName>((start, Bound::Unbounded))
            .filter(|_| shown)
            .map(|(_, account)| Arc::clone(account));
        let size = page_size(page.size, MAX_PAGE_SIZE, MAX_PAGE_SIZE);
        let weigh = |account: &Arc<ServiceAccount>| {
            account.description.len() + account.public_key.as_ref().map_or(0, |key| key.len())
        };
        Ok(cut(accounts, size, &listing, weigh, |account| account.name.to_string()))
    }

    /// Gives a service account another secret; the one before remains valid for so long.
    pub async fn rotate_service_account(
        &self,
        caller: &Caller,
        name: AccountName,
        overlap: SignedDuration,
        lifetime: Option<SignedDuration>,
    ) -> Result<Credentials, Refusal> {
        self.authorize(caller, Action::ServiceAccountRotate, Resource::ServiceAccount(&name))?;
        self.check_scopes_of(caller, &name)?;
        let (kept, secret) = make_secret(lifetime)?;
        let account = self.queue(caller, RotateServiceAccount { name, secret: kept, overlap }).await?;
        Ok(Credentials { account, secret: Some(secret) })
    }

    /// Deletes a service account and its role bindings.
    pub async fn delete_service_account(&self, caller: &Caller, name: AccountName) -> Result<(), Refusal> {
        let keep_last_owner = caller.authority != Authority::Unrestricted;
        self.submit(caller, DeleteServiceAccount { name, keep_last_owner }).await
    }

    /// Refuses a caller who would get a secret for more than their own credentials allow.
    fn check_scopes_of(&self, caller: &Caller, name: &AccountName) -> Result<(), Refusal> {
        let missing = find_service_account(&self.inner.state.load(), name)?.scopes.without(caller.scopes);
        if missing.is_empty() {
            return Ok(());
        }
        self.count_denial(caller, Action::ServiceAccountRotate, Resource::ServiceAccount(name));
        let message = format!(
            "permission denied: the service account \"{name}\" has scopes that the request's own credentials do not have: {missing}"
        );
        Err(Refusal::new(Code::Denied, message)
            .field("name")
            .remedy("use credentials that have these scopes"))
    }
}

/// Returns what is kept of a new secret, and the secret.
fn make_secret(lifetime: Option<SignedDuration>) -> Result<(NewSecret, Zeroizing<String>), Refusal> {
    let bytes = Zeroizing::new(random::<32>()?);
    let mut secret = Zeroizing::new(String::with_capacity(SECRET_PREFIX.len() + 43));
    secret.push_str(SECRET_PREFIX);
    BASE64_URL_SAFE_NO_PAD.encode_string(bytes.as_slice(), &mut secret);
    let kept = NewSecret {
        hash: AccountSecret::hash_of(&secret),
        hint: secret.chars().take(HINT_CHARS).collect(),
        lifetime,
    };
    Ok((kept, secret))
}

/// Returns random bytes of the operating system.
fn random<const N: usize>() -> Result<[u8; N], Refusal> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| {
        Refusal::new(Code::Storage, format!("the operating system has no random numbers: {error}"))
    })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_has_a_prefix_and_256_random_bits() {
        let (kept, secret) = make_secret(None).unwrap();
        assert_eq!(secret.len(), "kontraktor_".len() + 43);
        assert_eq!(kept.hash, AccountSecret::hash_of(&secret));
        assert!(secret.starts_with(&kept.hint) && kept.hint.len() == 15);
        assert_ne!(make_secret(None).unwrap().1, secret);
    }
}
