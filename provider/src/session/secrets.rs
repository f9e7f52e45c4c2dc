//! Secrets: resolved by the daemon, held in memory that is wiped, and never kept. What is held of leases is let go of
//! where an answer cannot be handed on.
//!
//! It knows how secrets travel; it knows nothing of attributes or of what people are told.

use std::time::SystemTime;

use kontraktor_model::{limits::MAX_SECRET_BYTES, names::EnvPath, reference::Reference};
use kontraktor_proto::{
    client::ClientError,
    v1::{self, Problem, ProblemCode, secret_target},
};
use zeroize::Zeroizing;

use super::{Session, Snapshot, Trouble, View};

/// A secret, and what is known of it.
#[derive(Debug)]
pub(crate) struct Secret {
    /// Empty where it was asked for by a reference.
    pub(crate) key: String,
    /// The vault's name in the daemon's configuration.
    pub(crate) vault: String,
    /// What the vault calls the version; `None` where it keeps none.
    pub(crate) version: Option<String>,
    pub(crate) value: Value,
    /// The vault did not answer, and this is its last value.
    pub(crate) stale: bool,
    /// When the vault gave the value.
    pub(crate) fetched: Option<prost_types::Timestamp>,
}

/// A secret's bytes: wiped after use, and never printed.
pub(crate) struct Value(Zeroizing<Vec<u8>>);

impl Value {
    /// The bytes.
    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[{} bytes]", self.0.len())
    }
}

/// Why a secret could not be had.
#[derive(Debug)]
pub(crate) struct Unresolved {
    /// Empty where it was asked for by a reference.
    pub(crate) key: String,
    /// Empty where the target led to none.
    pub(crate) reference: String,
    pub(crate) trouble: Box<Trouble>,
}

impl From<Trouble> for Unresolved {
    fn from(trouble: Trouble) -> Self {
        Self { key: String::new(), reference: String::new(), trouble: trouble.into() }
    }
}

/// A claim on leases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hold {
    pub(crate) id: String,
    /// When to say that it is still needed.
    pub(crate) renew_at: Option<SystemTime>,
}

impl From<v1::Hold> for Hold {
    fn from(hold: v1::Hold) -> Self {
        // A time that no clock of this machine can show is as good as none.
        let renew_at = hold.renew_at.and_then(|time| SystemTime::try_from(time).ok());
        Self { id: hold.id, renew_at }
    }
}

/// An environment with everything in it.
#[derive(Debug)]
pub(crate) struct Everything {
    pub(crate) snapshot: Snapshot,
    pub(crate) secrets: Vec<Secret>,
    pub(crate) holds: Vec<Hold>,
}

/// Why an environment could not be had with its secrets.
#[derive(Debug)]
pub(crate) enum NotEverything {
    /// The call failed.
    Trouble(Trouble),
    /// These secrets could not be had.
    Secrets(Vec<Unresolved>),
}

/// What one secret came to.
fn outcome(result: v1::SecretResult) -> Result<Secret, Unresolved> {
    // Taken out first: whatever becomes of the rest, it is wiped.
    let value = Zeroizing::new(result.value);
    if let Some(problem) = result.problem {
        let trouble = refused(problem).into();
        return Err(Unresolved { key: result.key, reference: result.reference, trouble });
    }
    Ok(Secret {
        key: result.key,
        vault: result.vault,
        version: Some(result.version).filter(|version| !version.is_empty()),
        value: Value(value),
        stale: result.stale,
        fetched: result.fetched,
    })
}

fn refused(problem: Problem) -> Trouble {
    ClientError::Refused(Box::new(problem)).into()
}

fn key_of(env: &EnvPath, key: &str) -> v1::SecretTarget {
    let key = v1::KeyOfEnvironment { environment: Some(env.into()), key: key.to_owned() };
    v1::SecretTarget { target: Some(secret_target::Target::Key(key)) }
}

impl Session {
    /// Resolves one secret of up to 16 MiB. `hold`: its lease, where it has one, is to live until it is released.
    pub(crate) async fn read_secret(
        &self,
        target: v1::SecretTarget,
        hold: bool,
    ) -> Result<(Secret, Option<Hold>), Unresolved> {
        let client = self.client()?;
        let request = v1::ReadSecretsRequest { targets: vec![target.clone()], hold };
        let mut answer = client.read_secrets(request).await.map_err(Trouble::from)?;
        let held = answer.hold.take().map(Hold::from);
        let (Some(result), true) = (answer.secrets.pop(), answer.secrets.is_empty()) else {
            return Err(self.misfit("ReadSecrets").into());
        };
        match outcome(result) {
            Ok(secret) => Ok((secret, held)),
            Err(unresolved) => {
                self.let_go(held).await;
                if !unresolved.trouble.is(ProblemCode::SecretTooLarge) {
                    return Err(unresolved);
                }
                let streamed = self.stream_secret(target, hold).await;
                streamed.map_err(|trouble| Unresolved { trouble: trouble.into(), ..unresolved })
            }
        }
    }

    /// A secret that is too large for one message.
    async fn stream_secret(
        &self,
        target: v1::SecretTarget,
        hold: bool,
    ) -> Result<(Secret, Option<Hold>), Trouble> {
        let request = v1::StreamSecretRequest { target: Some(target), hold };
        let (head, value) = self.client()?.stream_secret(request).await?;
        let held = head.hold.map(Hold::from);
        let Some(result) = head.secret else { return Err(self.misfit("StreamSecret")) };
        match outcome(result) {
            Ok(secret) => Ok((Secret { value: Value(value), ..secret }, held)),
            Err(unresolved) => {
                self.let_go(held).await;
                Err(*unresolved.trouble)
            }
        }
    }

    /// Resolves all that a view shows of an environment. Leases live until the holds are released.
    pub(crate) async fn read_everything(
        &self,
        env: &EnvPath,
        view: &View,
    ) -> Result<Everything, NotEverything> {
        let client = self.client().map_err(NotEverything::Trouble)?;
        let request = v1::ReadEnvironmentRequest {
            environment: Some(env.into()),
            prefix: view.prefix.clone(),
            own_only: view.own_only,
            at: view.at,
            hold: true,
        };
        let answer =
            client.read_environment(request).await.map_err(|error| NotEverything::Trouble(error.into()))?;
        let mut holds: Vec<Hold> = answer.hold.map(Hold::from).into_iter().collect();
        let outcomes: Vec<_> = answer.secrets.into_iter().map(outcome).collect();
        let snapshot: Snapshot = answer.snapshot.unwrap_or_default().into();
        let resolved = self.with_large(env, view, &snapshot, outcomes, &mut holds).await;
        match resolved {
            Ok(secrets) => Ok(Everything { snapshot, secrets, holds }),
            Err(not) => {
                // Nobody will close what was not opened.
                self.let_go(holds).await;
                Err(not)
            }
        }
    }

    /// The secrets, those included that are too large for the answer; all, or why not.
    async fn with_large(
        &self,
        env: &EnvPath,
        view: &View,
        snapshot: &Snapshot,
        outcomes: Vec<Result<Secret, Unresolved>>,
        holds: &mut Vec<Hold>,
    ) -> Result<Vec<Secret>, NotEverything> {
        if outcomes.len() != snapshot.references().count() {
            return Err(NotEverything::Trouble(self.misfit("ReadEnvironment")));
        }
        let mut secrets = Vec::with_capacity(outcomes.len());
        let mut unresolved = Vec::new();
        let mut large = Vec::new();
        for outcome in outcomes {
            match outcome {
                Ok(secret) => secrets.push(secret),
                Err(too_large) if too_large.trouble.is(ProblemCode::SecretTooLarge) => large.push(too_large),
                Err(other) => unresolved.push(other),
            }
        }
        // Where one cannot be had, the others need not be fetched.
        if unresolved.is_empty() {
            let mut bytes: usize = secrets.iter().map(|secret| secret.value.expose().len()).sum();
            for Unresolved { key, reference, .. } in large {
                let target = large_target(env, view, snapshot, &key);
                match self.stream_secret(target, true).await {
                    Ok((secret, hold)) => {
                        holds.extend(hold);
                        bytes += secret.value.expose().len();
                        secrets.push(Secret { key: key.clone(), ..secret });
                        if bytes > MAX_SECRET_BYTES {
                            let trouble = refused(together(env)).into();
                            unresolved.push(Unresolved { key, reference, trouble });
                            break;
                        }
                    }
                    Err(trouble) => {
                        unresolved.push(Unresolved { key, reference, trouble: trouble.into() });
                    }
                }
            }
        }
        if unresolved.is_empty() { Ok(secrets) } else { Err(NotEverything::Secrets(unresolved)) }
    }

    /// Whether a reference resolves. Nothing of the secret is handed out.
    pub(crate) async fn check_secret(&self, reference: &Reference) -> Result<(), Trouble> {
        let target =
            v1::SecretTarget { target: Some(secret_target::Target::Reference(reference.to_string())) };
        let request = v1::CheckSecretsRequest { targets: vec![target] };
        let mut answer = self.client()?.check_secrets(request).await?;
        match (answer.secrets.pop(), answer.secrets.is_empty()) {
            (Some(result), true) => outcome(result).map(|_| ()).map_err(|unresolved| *unresolved.trouble),
            _ => Err(self.misfit("CheckSecrets")),
        }
    }

    /// Says that a hold is still needed.
    pub(crate) async fn renew_hold(&self, id: &str) -> Result<Hold, Trouble> {
        let hold = self.client()?.renew_hold(v1::RenewHoldRequest { id: id.to_owned() }).await?;
        Ok(hold.into())
    }

    /// Lets go of a hold.
    pub(crate) async fn release_hold(&self, id: &str) -> Result<(), Trouble> {
        self.client()?.release_hold(v1::ReleaseHoldRequest { id: id.to_owned() }).await?;
        Ok(())
    }

    /// Lets go of what nobody was told of. Where that fails, it expires.
    pub(crate) async fn let_go(&self, holds: impl IntoIterator<Item = Hold>) {
        for hold in holds {
            if let Err(trouble) = self.release_hold(&hold.id).await {
                tracing::debug!(%trouble, "a hold is left to expire");
            }
        }
    }

    /// The answer does not fit the request.
    fn misfit(&self, operation: &'static str) -> Trouble {
        let target = self.client().map(|client| client.options().host.to_string()).unwrap_or_default();
        let reason = "the answer does not fit what was asked for".to_owned();
        ClientError::Protocol { target, operation, reason }.into()
    }
}

/// How a secret is asked for that was too large for the answer: by its key, or as it was at the moment that is looked at.
fn large_target(env: &EnvPath, view: &View, snapshot: &Snapshot, key: &str) -> v1::SecretTarget {
    let reference = snapshot.reference(key).and_then(v1::Variable::reference);
    match (view.at, reference) {
        (Some(_), Some(reference)) => {
            let pinned =
                reference.url.parse::<Reference>().and_then(|url| url.at_version(&reference.version));
            let text = pinned.map_or_else(|_| reference.url.clone(), |pinned| pinned.to_string());
            v1::SecretTarget { target: Some(secret_target::Target::Reference(text)) }
        }
        _ => key_of(env, key),
    }
}

fn together(env: &EnvPath) -> Problem {
    let message =
        format!("with it, the secrets of {env} are larger together than {MAX_SECRET_BYTES} bytes (16 MiB)");
    Problem::new(ProblemCode::SecretTooLarge, message).with_remedy(
        "narrow the environment with prefix, and read what is large with ephemeral kontraktor_secret",
    )
}
