//! The rules of service accounts. Randomness is a parameter: who asks for a secret makes it, and only its hash is here.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use kontraktor_model::{access::Subject, limits::MAX_SERVICE_ACCOUNTS};

use super::{
    super::{
        AccountCredential, AccountSecret, Body, Code, CreateServiceAccount, DeleteServiceAccount, NewSecret,
        Refusal, RoleBindingOperation, RotateServiceAccount, ServiceAccount, ServiceAccountEvent,
        ServiceAccountOperation,
    },
    Command, Draft, checked_description, find_service_account, roles,
};

/// The longest that a secret may be valid, or overlap with the one after it, where it ends at all.
const MAX_LIFETIME: SignedDuration = SignedDuration::from_hours(24 * 3_650);

impl Command for CreateServiceAccount {
    type Outcome = Arc<ServiceAccount>;

    fn apply(&self, draft: &mut Draft<'_>) -> Result<Self::Outcome, Refusal> {
        let Self { name, description, scopes, client_id, credential } = self;
        checked_description(description)?;
        let accounts = draft.state().service_accounts();
        if accounts.get(name).is_some() {
            return Err(Refusal::new(
                Code::AlreadyExists,
                format!("service account \"{name}\" already exists"),
            )
            .field("name")
            .remedy("choose another name, or rotate its secret with `ktr service-account rotate`"));
        }
        if accounts.all().len() >= MAX_SERVICE_ACCOUNTS {
            return Err(Refusal::invalid(
                "name",
                format!("there are {MAX_SERVICE_ACCOUNTS} service accounts already, which is the limit"),
            )
            .remedy("delete accounts that nobody uses"));
        }
        let (secrets, public_key) = match credential {
            AccountCredential::Secret(secret) => (vec![account_secret(secret, draft.now())?], None),
            AccountCredential::PublicKey(key) => (Vec::new(), Some(Arc::clone(key))),
        };
        draft.record(
            None,
            Body::ServiceAccount(ServiceAccountEvent {
                name: name.clone(),
                operation: ServiceAccountOperation::Created,
                client_id: Arc::clone(client_id),
                description: description.as_str().into(),
                scopes: *scopes,
                secrets: secrets.into(),
                public_key,
            }),
        );
        find_service_account(draft.state(), name).cloned()
    }
}

impl Command for RotateServiceAccount {
    type Outcome = Arc<ServiceAccount>;

    fn apply(&self, draft: &mut Draft<'_>) -> Result<Self::Outcome, Refusal> {
        let Self { name, secret, overlap } = self;
        let account = Arc::clone(find_service_account(draft.state(), name)?);
        if account.public_key.is_some() {
            return Err(Refusal::invalid(
                "name",
                format!("service account \"{name}\" has a public key and no secret to rotate"),
            )
            .remedy("create another account with the new key, then delete this one"));
        }
        let now = draft.now();
        let end = ending("overlap_ms", *overlap, now)?;
        // At most two are valid: what is older than the newest ends at once.
        let kept = account.valid_secrets(now).last().filter(|_| *overlap > SignedDuration::ZERO);
        let kept = kept.map(|newest| {
            let expires = newest.expires.map_or(end, |expires| expires.min(end));
            AccountSecret { expires: Some(expires), ..newest.clone() }
        });
        let secrets: Vec<_> = kept.into_iter().chain([account_secret(secret, now)?]).collect();
        let event = event_of(&account, ServiceAccountOperation::Rotated, secrets.into());
        draft.record(None, Body::ServiceAccount(event));
        find_service_account(draft.state(), name).cloned()
    }
}

impl Command for DeleteServiceAccount {
    type Outcome = ();

    fn apply(&self, draft: &mut Draft<'_>) -> Result<Self::Outcome, Refusal> {
        let Self { name, keep_last_owner } = self;
        let account = Arc::clone(find_service_account(draft.state(), name)?);
        // Another account of this name must not have them.
        let grants = draft.state().roles().of_subject(&Subject::of_account(name));
        if *keep_last_owner {
            roles::check_owner_remains(draft.state(), &grants).map_err(|refusal| refusal.field("name"))?;
        }
        for grant in &grants {
            roles::record(draft, grant, RoleBindingOperation::Revoked);
        }
        let event = event_of(&account, ServiceAccountOperation::Deleted, Arc::default());
        draft.record(None, Body::ServiceAccount(event));
        Ok(())
    }
}

fn event_of(
    account: &ServiceAccount,
    operation: ServiceAccountOperation,
    secrets: Arc<[AccountSecret]>,
) -> ServiceAccountEvent {
    ServiceAccountEvent {
        name: account.name.clone(),
        operation,
        client_id: Arc::clone(&account.client_id),
        description: Arc::clone(&account.description),
        scopes: account.scopes,
        secrets,
        public_key: account.public_key.clone(),
    }
}

fn account_secret(secret: &NewSecret, now: Timestamp) -> Result<AccountSecret, Refusal> {
    let expires = secret.lifetime.map(|lifetime| ending("secret_lifetime_ms", lifetime, now)).transpose()?;
    Ok(AccountSecret { hash: secret.hash, hint: secret.hint.clone(), created: now, expires })
}

fn ending(field: &'static str, after: SignedDuration, now: Timestamp) -> Result<Timestamp, Refusal> {
    let allowed = SignedDuration::ZERO..=MAX_LIFETIME;
    let end =
        Some(after).filter(|after| allowed.contains(after)).and_then(|after| now.checked_add(after).ok());
    // The log holds whole microseconds.
    let end = end.and_then(|end| Timestamp::from_microsecond(end.as_microsecond()).ok());
    end.ok_or_else(|| {
        Refusal::invalid(field, format!("{field} is more than 3,650 days"))
            .remedy("choose a shorter time, or 0 for a secret that does not expire")
    })
}
