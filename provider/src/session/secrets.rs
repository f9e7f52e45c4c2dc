//! Secrets: resolved by the daemon, held in memory that is wiped, and never stored. Holds on leases are released if their
//! result cannot be returned.
//!
//! It knows how secrets travel, and nothing of attributes or diagnostics.

use std::time::SystemTime;

use kontraktor_model::{
    limits::MAX_SECRET_BYTES,
    names::EnvPath,
    reference::{Reference, UnknownVault},
};
use kontraktor_proto::{
    client::ClientError,
    v1::{self, Problem, ProblemCode, secret_target},
};
use zeroize::Zeroizing;

use super::{Session, SessionError, Snapshot, View};

/// A secret, and what is known of it.
#[derive(Debug)]
pub(crate) struct Secret {
    /// Empty if the target was a reference.
    pub(crate) key: String,
    /// The vault's name in the daemon's configuration.
    pub(crate) vault: String,
    /// The vault's identifier of the version; `None` if the vault keeps no versions.
    pub(crate) version: Option<String>,
    pub(crate) value: Value,
    /// Whether the vault did not respond and this is its last known value.
    pub(crate) stale: bool,
    /// When the value was read from the vault.
    pub(crate) fetched: Option<prost_types::Timestamp>,
}

/// A secret's bytes: wiped when dropped, and never printed.
pub(crate) struct Value(Zeroizing<Vec<u8>>);

impl Value {
    /// Returns the bytes.
    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[{} bytes]", self.0.len())
    }
}

/// A secret that could not be read.
#[derive(Debug)]
pub(crate) struct UnresolvedSecret {
    /// Empty if the target was a reference.
    pub(crate) key: String,
    pub(crate) error: Box<SessionError>,
}

impl From<SessionError> for UnresolvedSecret {
    fn from(error: SessionError) -> Self {
        Self { key: String::new(), error: error.into() }
    }
}

/// A claim on leases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hold {
    pub(crate) id: String,
    /// When to renew the hold.
    pub(crate) renew_at: Option<SystemTime>,
}

impl From<v1::Hold> for Hold {
    fn from(hold: v1::Hold) -> Self {
        // A time that the clock of this machine cannot represent counts as none.
        let renew_at = hold.renew_time.and_then(|time| SystemTime::try_from(time).ok());
        Self { id: hold.id, renew_at }
    }
}

/// An environment with its secrets.
#[derive(Debug)]
pub(crate) struct ResolvedEnvironment {
    pub(crate) snapshot: Snapshot,
    pub(crate) secrets: Vec<Secret>,
    pub(crate) holds: Vec<Hold>,
}

/// Why an environment could not be read with its secrets.
#[derive(Debug)]
pub(crate) enum ReadEnvironmentError {
    /// The request failed.
    Session(SessionError),
    /// These secrets could not be read.
    Secrets(Vec<UnresolvedSecret>),
}

/// Converts the result for one secret.
fn secret_from_result(result: v1::SecretResult) -> Result<Secret, UnresolvedSecret> {
    // Moved out first, so that it is wiped on every path.
    let value = Zeroizing::new(result.value);
    if let Some(problem) = result.problem {
        let error = refused(problem).into();
        return Err(UnresolvedSecret { key: result.key, error });
    }
    Ok(Secret {
        key: result.key,
        vault: result.vault,
        version: Some(result.version).filter(|version| !version.is_empty()),
        value: Value(value),
        stale: result.stale,
        fetched: result.fetch_time,
    })
}

fn refused(problem: Problem) -> SessionError {
    ClientError::Refused(Box::new(problem)).into()
}

fn key_target(env: &EnvPath, key: &str) -> v1::SecretTarget {
    let key = v1::EnvironmentKey { environment: Some(env.into()), key: key.to_owned() };
    v1::SecretTarget { target: Some(secret_target::Target::Key(key)) }
}

impl Session {
    /// Resolves one secret of up to 16 MiB. `hold`: if it has a lease, the lease lives until the hold is released.
    pub(crate) async fn read_secret(
        &self,
        target: v1::SecretTarget,
        hold: bool,
    ) -> Result<(Secret, Option<Hold>), UnresolvedSecret> {
        let client = self.client()?;
        let request = v1::ReadSecretsRequest { targets: vec![target.clone()], hold };
        let mut answer = client.read_secrets(request).await.map_err(SessionError::from)?;
        let held = answer.hold.take().map(Hold::from);
        let (Some(result), true) = (answer.secrets.pop(), answer.secrets.is_empty()) else {
            return Err(self.unexpected_response("ReadSecrets").into());
        };
        match secret_from_result(result) {
            Ok(secret) => Ok((secret, held)),
            Err(unresolved) => {
                self.release_holds(held).await;
                if !unresolved.error.is(ProblemCode::SecretTooLarge) {
                    return Err(unresolved);
                }
                let streamed = self.stream_secret(target, hold).await;
                streamed.map_err(|error| UnresolvedSecret { error: error.into(), ..unresolved })
            }
        }
    }

    /// Resolves a secret that is too large for one message.
    async fn stream_secret(
        &self,
        target: v1::SecretTarget,
        hold: bool,
    ) -> Result<(Secret, Option<Hold>), SessionError> {
        let request = v1::StreamSecretRequest { target: Some(target), hold };
        let (info, value) = self.client()?.stream_secret(request).await?;
        let held = info.hold.map(Hold::from);
        let Some(result) = info.secret else { return Err(self.unexpected_response("StreamSecret")) };
        match secret_from_result(result) {
            Ok(secret) => Ok((Secret { value: Value(value), ..secret }, held)),
            Err(unresolved) => {
                self.release_holds(held).await;
                Err(*unresolved.error)
            }
        }
    }

    /// Resolves an environment's variables and secrets as the view selects them. Leases live until the holds are released.
    pub(crate) async fn read_environment(
        &self,
        env: &EnvPath,
        view: &View,
    ) -> Result<ResolvedEnvironment, ReadEnvironmentError> {
        let client = self.client().map_err(ReadEnvironmentError::Session)?;
        let request = v1::ReadEnvironmentRequest {
            environment: Some(env.into()),
            prefix: view.prefix.clone(),
            own_only: view.own_only,
            at: view.at,
            hold: true,
        };
        let answer = client
            .read_environment(request)
            .await
            .map_err(|error| ReadEnvironmentError::Session(error.into()))?;
        let mut holds: Vec<Hold> = answer.hold.map(Hold::from).into_iter().collect();
        let results: Vec<_> = answer.secrets.into_iter().map(secret_from_result).collect();
        let snapshot: Snapshot = answer.snapshot.unwrap_or_default().into();
        let resolved = self.with_large_secrets(env, view, &snapshot, results, &mut holds).await;
        match resolved {
            Ok(secrets) => Ok(ResolvedEnvironment { snapshot, secrets, holds }),
            Err(error) => {
                // The host closes only what was opened.
                self.release_holds(holds).await;
                Err(error)
            }
        }
    }

    /// Returns all secrets, including those that are too large for the response, or why some could not be read.
    async fn with_large_secrets(
        &self,
        env: &EnvPath,
        view: &View,
        snapshot: &Snapshot,
        results: Vec<Result<Secret, UnresolvedSecret>>,
        holds: &mut Vec<Hold>,
    ) -> Result<Vec<Secret>, ReadEnvironmentError> {
        if results.len() != snapshot.references().count() {
            return Err(ReadEnvironmentError::Session(self.unexpected_response("ReadEnvironment")));
        }
        let mut secrets = Vec::with_capacity(results.len());
        let mut unresolved = Vec::new();
        let mut large = Vec::new();
        for result in results {
            match result {
                Ok(secret) => secrets.push(secret),
                Err(too_large) if too_large.error.is(ProblemCode::SecretTooLarge) => large.push(too_large),
                Err(other) => unresolved.push(other),
            }
        }
        // If one secret cannot be read, the large ones need not be fetched.
        if unresolved.is_empty() {
            let mut bytes: usize = secrets.iter().map(|secret| secret.value.expose().len()).sum();
            for UnresolvedSecret { key, .. } in large {
                let target = large_target(env, view, snapshot, &key);
                match self.stream_secret(target, true).await {
                    Ok((secret, hold)) => {
                        holds.extend(hold);
                        bytes += secret.value.expose().len();
                        secrets.push(Secret { key: key.clone(), ..secret });
                        if bytes > MAX_SECRET_BYTES {
                            let error = refused(total_too_large(env)).into();
                            unresolved.push(UnresolvedSecret { key, error });
                            break;
                        }
                    }
                    Err(error) => {
                        unresolved.push(UnresolvedSecret { key, error: error.into() });
                    }
                }
            }
        }
        if unresolved.is_empty() { Ok(secrets) } else { Err(ReadEnvironmentError::Secrets(unresolved)) }
    }

    /// Checks whether a reference resolves. Nothing of the secret is returned.
    pub(crate) async fn check_secret(&self, reference: &Reference) -> Result<(), SessionError> {
        let target =
            v1::SecretTarget { target: Some(secret_target::Target::Reference(reference.to_string())) };
        let request = v1::CheckSecretsRequest { targets: vec![target] };
        let mut answer = self.client()?.check_secrets(request).await?;
        match (answer.secrets.pop(), answer.secrets.is_empty()) {
            (Some(result), true) => {
                secret_from_result(result).map(|_| ()).map_err(|unresolved| *unresolved.error)
            }
            _ => Err(self.unexpected_response("CheckSecrets")),
        }
    }

    /// Checks whether the reference's vault is configured. `None`: it is, or the daemon does not say which vaults it has. They
    /// are listed once in a walk.
    pub(crate) async fn unknown_vault(&self, reference: &Reference) -> Option<UnknownVault> {
        let list = async {
            let response = self.client().ok()?.list_vaults(v1::ListVaultsRequest {}).await.ok()?;
            Some(response.vaults)
        };
        let vaults = self.vaults.get_or_init(|| list).await.as_ref()?;
        let vaults = vaults.iter().map(|vault| (vault.name.as_str(), vault.kind.as_str()));
        reference.find_vault(vaults).err()
    }

    /// Renews a hold.
    pub(crate) async fn renew_hold(&self, id: &str) -> Result<Hold, SessionError> {
        let hold = self.client()?.renew_hold(v1::RenewHoldRequest { id: id.to_owned() }).await?;
        Ok(hold.into())
    }

    /// Releases a hold.
    pub(crate) async fn release_hold(&self, id: &str) -> Result<(), SessionError> {
        self.client()?.release_hold(v1::ReleaseHoldRequest { id: id.to_owned() }).await?;
        Ok(())
    }

    /// Releases holds that no caller knows of. A hold that cannot be released expires.
    pub(crate) async fn release_holds(&self, holds: impl IntoIterator<Item = Hold>) {
        for hold in holds {
            if let Err(error) = self.release_hold(&hold.id).await {
                tracing::debug!(%error, "cannot release a hold; it will expire");
            }
        }
    }

    /// Returns the error for a response that does not match the request.
    fn unexpected_response(&self, operation: &'static str) -> SessionError {
        let target = self.client().map(|client| client.options().host.to_string()).unwrap_or_default();
        let reason = "the response does not match the request".to_owned();
        ClientError::Protocol { target, operation, reason }.into()
    }
}

/// Returns the target for a secret that was too large for the response: its key, or its reference as of the view's time.
fn large_target(env: &EnvPath, view: &View, snapshot: &Snapshot, key: &str) -> v1::SecretTarget {
    let reference = snapshot.reference(key).and_then(v1::Variable::reference);
    match (view.at, reference) {
        (Some(_), Some(reference)) => {
            let pinned =
                reference.url.parse::<Reference>().and_then(|url| url.at_version(&reference.version));
            let text = pinned.map_or_else(|_| reference.url.clone(), |pinned| pinned.to_string());
            v1::SecretTarget { target: Some(secret_target::Target::Reference(text)) }
        }
        _ => key_target(env, key),
    }
}

fn total_too_large(env: &EnvPath) -> Problem {
    let message =
        format!("together with this one, the secrets of {env} exceed {MAX_SECRET_BYTES} bytes (16 MiB)");
    Problem::new(ProblemCode::SecretTooLarge, message).with_remedy(
        "narrow the environment with prefix, and read large secrets with ephemeral kontraktor_secret",
    )
}
