//! Reading secrets: authorization, reference, broker, log, and only then the answer.

use std::sync::Arc;

use jiff::Timestamp;
use kontraktor_model::{
    limits::{MAX_SECRET_MESSAGE_BYTES, MAX_SECRET_TARGETS},
    names::{EnvPath, Key, VaultName},
};
use uuid::Uuid;

use kontraktor_access::{Action, Caller, Resource, Rights, Scope, Scopes, authorize};

use super::{
    super::{Service, Snapshot, visible::Visible},
    refuse::{refusal, too_large},
    resolve::{ResolvedTarget, Resolver, Target, as_seen, of},
};
use kontraktor_domain::{Access, AccessOperation, Code, Refusal, ReportedVersion, State, VariableKind};
use kontraktor_store::PointInTime;
use kontraktor_vault::{Bytes, HoldTerm, LeaseTerm, Resolved, VaultError, VaultInfo};

/// The result for one requested secret.
#[derive(Debug, Clone)]
pub struct SecretResult {
    /// The key, where one was requested.
    pub key: Option<Key>,
    /// The resolved reference; `None` where the target has no reference.
    pub reference: Option<Arc<str>>,
    /// The vault's name.
    pub vault: Option<VaultName>,
    /// The secret, or why it could not be read.
    pub secret: Result<Secret, Refusal>,
}

/// A secret.
#[derive(Debug, Clone)]
pub struct Secret {
    /// Empty where it was only checked.
    pub value: Bytes,
    /// What the vault calls the version.
    pub version: Option<String>,
    /// The vault did not answer, and this is the last known value.
    pub stale: bool,
    /// When the vault returned it.
    pub fetched: Timestamp,
    /// Of a dynamic secret.
    pub lease: Option<LeaseTerm>,
}

/// A result for each target, in their order.
#[derive(Debug, Clone)]
pub struct Secrets {
    /// The results.
    pub secrets: Vec<SecretResult>,
    /// Present where one was requested and a secret has a lease.
    pub hold: Option<HoldTerm>,
}

/// An environment and its secrets.
#[derive(Debug, Clone)]
pub struct EnvironmentSecrets {
    /// The environment.
    pub snapshot: Snapshot,
    /// One for each reference whose key has the prefix, by key.
    pub secrets: Secrets,
}

/// One of these shows a caller more of an environment than what they could write themselves.
const READING: Scopes = Scopes::of(&[Scope::EnvRead, Scope::SecretRead]);

/// A requested secret before it is read.
struct Asked {
    environment: Option<EnvPath>,
    key: Option<Key>,
    found: Result<ResolvedTarget, Refusal>,
    /// The caller may not have it, and `found` says so.
    is_denied: bool,
}

/// How large a secret may be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bounds {
    /// As large as one message may carry.
    Message,
    /// As large as a stream may carry; the broker enforces that.
    Stream,
}

impl Service {
    /// Reads secrets. With `hold`, leases are kept alive for the caller until it releases the hold.
    pub async fn read_secrets(
        &self,
        caller: &Caller,
        targets: &[Target],
        hold: bool,
    ) -> Result<Secrets, Refusal> {
        check_number(targets.len())?;
        self.authorize_targets(caller, Action::SecretRead, targets).await?;
        let asked = self.find_all(caller, Action::SecretRead, targets);
        self.hand_out(caller, asked, hold, Bounds::Message).await
    }

    /// Reads one secret of any size that a vault may have.
    pub async fn read_large_secret(
        &self,
        caller: &Caller,
        target: &Target,
        hold: bool,
    ) -> Result<Secrets, Refusal> {
        let targets = std::slice::from_ref(target);
        self.authorize_targets(caller, Action::SecretStream, targets).await?;
        let asked = self.find_all(caller, Action::SecretStream, targets);
        self.hand_out(caller, asked, hold, Bounds::Stream).await
    }

    /// Reads an environment with its secrets, now or as of a point in time: then in the versions that were seen until the
    /// next revision.
    pub async fn read_environment(
        &self,
        caller: &Caller,
        path: &EnvPath,
        prefix: &str,
        own_only: bool,
        at: Option<PointInTime>,
        hold: bool,
    ) -> Result<EnvironmentSecrets, Refusal> {
        let action = Action::SecretReadEnvironment;
        let resource = Resource::Environment(path);
        if let Err(refusal) = self.decide(caller, action, resource) {
            return Err(self.deny(caller, refusal, vec![access(Some(path), None)]).await);
        }
        let snapshot = match at {
            None => self.current(path, own_only)?,
            Some(at) => self.earlier(caller, path, own_only, at).await?,
        };
        let state = self.inner.state.load_full();
        let asked = snapshot
            .variables(prefix)
            .iter()
            .filter(|entry| entry.variable.kind == VariableKind::Reference)
            .map(|entry| {
                let found = if at.is_some() { as_seen(entry) } else { of(entry) };
                let key = &entry.variable.key;
                self.asked(&state, caller, Action::SecretRead, Some((path, key)), found)
            })
            .collect();
        drop(state);
        let secrets = self.hand_out(caller, asked, hold, Bounds::Message).await?;
        Ok(EnvironmentSecrets { snapshot, secrets })
    }

    /// Checks whether targets can be resolved, and hands out nothing.
    pub async fn check_secrets(
        &self,
        caller: &Caller,
        targets: &[Target],
    ) -> Result<Vec<SecretResult>, Refusal> {
        check_number(targets.len())?;
        self.authorize_targets(caller, Action::SecretCheck, targets).await?;
        let asked = self.find_all(caller, Action::SecretCheck, targets);
        let references: Vec<_> =
            asked.iter().filter_map(|asked| Some(asked.found.as_ref().ok()?.reference.clone())).collect();
        let answers = self.inner.broker.check(&references).await;
        let results = zip(asked, answers, Bounds::Stream);
        self.record_access(caller, AccessOperation::Checked, &results).await?;
        Ok(results.into_iter().map(|(_, result)| result).collect())
    }

    /// Extends a hold.
    pub fn renew_hold(&self, caller: &Caller, id: Uuid) -> Result<HoldTerm, Refusal> {
        self.authorize(caller, Action::HoldRenew, Resource::Hold(id))?;
        self.inner.broker.renew_hold(id, &caller.actor).map_err(refusal)
    }

    /// Releases a hold.
    pub fn release_hold(&self, caller: &Caller, id: Uuid) -> Result<(), Refusal> {
        self.authorize(caller, Action::HoldRelease, Resource::Hold(id))?;
        self.inner.broker.release_hold(id, &caller.actor).map_err(refusal)
    }

    /// Purges the cached secrets of one vault, or of all, and returns how many there were.
    pub fn purge_secrets(&self, caller: &Caller, vault: Option<&VaultName>) -> Result<usize, Refusal> {
        let resource = vault.map_or(Resource::Daemon, Resource::Vault);
        self.authorize(caller, Action::SecretPurge, resource)?;
        self.inner.broker.purge(vault).map_err(refusal)
    }

    /// Returns the configured vaults, by name: those that grant something to an environment that the caller may read.
    pub fn vaults(&self, caller: &Caller) -> Result<Vec<VaultInfo>, Refusal> {
        self.authorize(caller, Action::VaultList, Resource::Daemon)?;
        let state = self.inner.state.load();
        let rights = Rights::new(caller, state.roles());
        let visible = Visible::new(rights);
        let mut vaults = self.inner.broker.vaults();
        vaults.retain(|vault| Self::sees_vault(rights, visible.patterns(), vault));
        Ok(vaults)
    }

    /// Finds the references of targets. One that the caller may not see does not exist for them.
    fn find_all(&self, caller: &Caller, action: Action, targets: &[Target]) -> Vec<Asked> {
        let state = self.inner.state.load_full();
        let rights = Rights::new(caller, state.roles());
        let mut resolver = Resolver::new(self);
        targets
            .iter()
            .map(|target| match target {
                Target::Reference(_) => self.asked(&state, caller, action, None, resolver.find(target, true)),
                Target::Key(path, key) => match self.decide(caller, action, Resource::Key(path, key)) {
                    Ok(()) => {
                        // Those who write without reading know nothing of what is imported.
                        let own_only = action == Action::SecretCheck
                            && !rights.on(Resource::Key(path, key)).intersects(READING);
                        let found = resolver.find(target, own_only);
                        self.asked(&state, caller, action, Some((path, key)), found)
                    }
                    Err(refusal) => Asked {
                        environment: Some(path.clone()),
                        key: Some(key.clone()),
                        found: Err(refusal),
                        is_denied: true,
                    },
                },
            })
            .collect()
    }

    /// Returns what was asked for and found. What an import brings requires the right to its origin too, and the vault must
    /// grant the path to the environment that holds the reference.
    fn asked(
        &self,
        state: &State,
        caller: &Caller,
        action: Action,
        target: Option<(&EnvPath, &Key)>,
        found: Result<ResolvedTarget, Refusal>,
    ) -> Asked {
        let allowed = found.as_ref().ok().map_or(Ok(()), |found| {
            if let (Some(origin), Some((path, key))) = (&found.origin, target)
                && origin != path
            {
                // The origin is known to all who may read the environment.
                let resource = Resource::Key(origin, key);
                authorize(caller, state.roles(), action, resource)
                    .map_err(|denied| Refusal::from(&denied))?;
            }
            self.decide_reference(state, caller, found.origin.as_ref(), &found.reference)
        });
        Asked {
            environment: target.map(|(path, _)| path.clone()),
            key: target.map(|(_, key)| key.clone()),
            is_denied: allowed.is_err(),
            found: allowed.and(found),
        }
    }

    /// Reads what was found, records each access, and hands the secrets out.
    async fn hand_out(
        &self,
        caller: &Caller,
        asked: Vec<Asked>,
        hold: bool,
        bounds: Bounds,
    ) -> Result<Secrets, Refusal> {
        let references: Vec<_> =
            asked.iter().filter_map(|asked| Some(asked.found.as_ref().ok()?.reference.clone())).collect();
        let answers = self.inner.broker.read(&references, &caller.actor, hold).await;
        let results = zip(asked, answers.secrets, bounds);
        if let Err(refusal) = self.record_access(caller, AccessOperation::Read, &results).await {
            if let Some(hold) = answers.hold {
                // Where this fails, the hold expires.
                let _ = self.inner.broker.release_hold(hold.id, &caller.actor);
            }
            return Err(refusal);
        }
        let secrets = results.into_iter().map(|(_, result)| result).collect();
        Ok(Secrets { secrets, hold: answers.hold })
    }

    /// Records each access with its result, and the versions that are new.
    async fn record_access(
        &self,
        caller: &Caller,
        success: AccessOperation,
        results: &[(Asked, SecretResult)],
    ) -> Result<(), Refusal> {
        if results.is_empty() {
            return Ok(());
        }
        let state = self.inner.state.load();
        let mut accesses = Vec::with_capacity(results.len());
        let mut versions = Vec::new();
        for (asked, result) in results {
            let (operation, version, problem) = match &result.secret {
                Ok(secret) => (success, secret.version.as_deref(), None),
                Err(refusal) if asked.is_denied => (AccessOperation::Denied, None, Some(refusal.code)),
                Err(refusal) => (AccessOperation::Failed, None, Some(refusal.code)),
            };
            accesses.push((
                caller.author(),
                Access {
                    operation,
                    reference: result.reference.clone(),
                    version: version.map(Into::into),
                    peer: caller.peer.clone(),
                    problem,
                    ..access(asked.environment.as_ref(), asked.key.as_ref())
                },
            ));
            let (Some(version), Ok(ResolvedTarget { text, owner: Some((environment, key)), .. })) =
                (version, &asked.found)
            else {
                continue;
            };
            let known = state.environment(environment).and_then(|environment| environment.versions.get(key));
            if known.is_none_or(|known| *known.version != *version || known.reference != *text) {
                versions.push(ReportedVersion {
                    author: caller.author(),
                    environment: environment.clone(),
                    key: key.clone(),
                    reference: Arc::clone(text),
                    version: version.into(),
                });
            }
        }
        drop(state);
        self.record_accesses(accesses, versions).await
    }

    /// Refuses a caller who may not do this to every target that they see. That they tried is in the log before they hear of it.
    async fn authorize_targets(
        &self,
        caller: &Caller,
        action: Action,
        targets: &[Target],
    ) -> Result<(), Refusal> {
        let state = self.inner.state.load_full();
        let denied = targets.iter().find_map(|target| {
            let resource = match target {
                Target::Key(path, key) => Resource::Key(path, key),
                Target::Reference(reference) => Resource::Reference(reference),
            };
            let denied = authorize(caller, state.roles(), action, resource).err()?;
            (!denied.is_unseen()).then(|| Refusal::from(&denied))
        });
        drop(state);
        let Some(refusal) = denied else { return Ok(()) };
        let attempts = targets.iter().map(|target| match target {
            Target::Key(path, key) => access(Some(path), Some(key)),
            Target::Reference(reference) => {
                Access { reference: Some(reference.to_string().into()), ..access(None, None) }
            }
        });
        Err(self.deny(caller, refusal, attempts.collect()).await)
    }

    /// Records denied attempts, and returns the refusal to answer.
    async fn deny(&self, caller: &Caller, refusal: Refusal, attempts: Vec<Access>) -> Refusal {
        let attempts = attempts
            .into_iter()
            .map(|access| {
                let peer = caller.peer.clone();
                let problem = Some(refusal.code);
                (caller.author(), Access { operation: AccessOperation::Denied, peer, problem, ..access })
            })
            .collect();
        match self.record_accesses(attempts, Vec::new()).await {
            Ok(()) => refusal,
            Err(unaudited) => unaudited,
        }
    }
}

/// Returns an access to a key, before its result is known.
fn access(environment: Option<&EnvPath>, key: Option<&Key>) -> Access {
    Access {
        operation: AccessOperation::Failed,
        action: None,
        project: None,
        environment: environment.cloned(),
        key: key.cloned(),
        reference: None,
        version: None,
        peer: None,
        problem: None,
    }
}

fn check_number(targets: usize) -> Result<(), Refusal> {
    if (1..=MAX_SECRET_TARGETS).contains(&targets) {
        return Ok(());
    }
    Err(Refusal::invalid(
        "targets",
        format!("the request names {targets} secrets; expected 1 to {MAX_SECRET_TARGETS}"),
    )
    .remedy("name at least one secret, and split larger requests"))
}

/// Pairs the requested secrets with the broker's answers: there is one for each reference that was found.
fn zip(
    asked: Vec<Asked>,
    answers: Vec<Result<Resolved, VaultError>>,
    bounds: Bounds,
) -> Vec<(Asked, SecretResult)> {
    let mut answers = answers.into_iter();
    asked
        .into_iter()
        .map(|asked| {
            let (reference, vault, secret) = match &asked.found {
                Err(refusal) => (None, None, Err(refusal.clone())),
                Ok(found) => {
                    let vault = found.reference.vault().clone();
                    let secret = match answers.next() {
                        Some(Ok(resolved)) => within(bounds, resolved),
                        Some(Err(error)) => Err(refusal(error)),
                        None => Err(Refusal::new(
                            Code::VaultAnswer,
                            "the broker returned fewer secrets than were requested",
                        )),
                    };
                    (Some(Arc::clone(&found.text)), Some(vault), secret)
                }
            };
            let result = SecretResult { key: asked.key.clone(), reference, vault, secret };
            (asked, result)
        })
        .collect()
}

fn within(bounds: Bounds, resolved: Resolved) -> Result<Secret, Refusal> {
    if bounds == Bounds::Message && resolved.value.len() > MAX_SECRET_MESSAGE_BYTES {
        return Err(too_large(resolved.value.len()));
    }
    let Resolved { value, version, stale, fetched, lease } = resolved;
    Ok(Secret { value, version, stale, fetched, lease })
}
