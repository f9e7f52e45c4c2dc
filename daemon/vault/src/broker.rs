//! The broker in front of all vaults: how long secrets are kept, who shares an answer, when a vault is not called, and which
//! leases are still needed. It knows what vaults grant to environments, not who may
//! read what, and keeps everything in memory only.

mod answer;
mod backend;
mod breaker;
mod cache;
mod configured;
mod fetch;
mod holds;
mod lease;
mod lease_task;
mod leases;
mod limits;
mod reload;
mod request;
mod single_flight;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use kontraktor_model::{
    names::{EnvPath, VaultName},
    reference::{Reference, choose_vault},
};
use tokio::{
    task::JoinSet,
    time::{Instant, timeout},
};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

pub use self::{
    answer::{Answers, HoldTerm, LeaseTerm, Resolved, VaultInfo},
    configured::ConfiguredVault,
    limits::Limits,
    reload::VaultChanges,
};
use self::{
    backend::Backend,
    configured::Clock,
    holds::Holds,
    lease::Claim,
    request::{FetchJob, Granted, NextStep, Outcome, Requester},
};
use crate::{
    error::{VaultError, VaultErrorKind},
    secret::Bytes,
};

/// All vaults. Clones are handles to the same broker.
#[derive(Clone)]
pub struct Broker {
    vaults: Arc<ArcSwap<Vaults>>,
    /// The vaults that were removed from the configuration while they are being closed.
    removed: TaskTracker,
    holds: Arc<Holds>,
    clock: Clock,
}

type Vaults = BTreeMap<VaultName, Arc<Backend>>;

/// A secret that is requested, whichever of its fields.
struct Wanted<'a> {
    backend: &'a Arc<Backend>,
    locator: Arc<str>,
    reference: &'a Reference,
}

impl Broker {
    /// Makes a broker for these vaults. This needs no runtime; the other methods do. The clock is for times that people see.
    pub fn new(vaults: Vec<ConfiguredVault>, clock: Arc<dyn Fn() -> Timestamp + Send + Sync>) -> Self {
        let vaults = vaults.into_iter().map(|configured| {
            (configured.name.clone(), Arc::new(Backend::new(configured, Arc::clone(&clock))))
        });
        Self {
            vaults: Arc::new(ArcSwap::from_pointee(vaults.collect())),
            removed: TaskTracker::new(),
            holds: Arc::default(),
            clock,
        }
    }

    /// Makes a broker without vaults: every reference is to an unknown one.
    pub fn none() -> Self {
        Self::new(Vec::new(), Arc::new(|| Timestamp::UNIX_EPOCH))
    }

    /// Reads secrets. Several fields of one secret are one read and one answer; a secret that is being read already is not
    /// read again.
    ///
    /// A secret that was made for this actor lasts as long as its vault granted, is not renewed, and is what the actor gets
    /// again in the meantime. With `hold`, it is renewed until the hold in the answer is released or expires.
    pub async fn read(&self, references: &[Reference], actor: &Arc<str>, hold: bool) -> Answers {
        let mut secrets = Vec::with_capacity(references.len());
        // The claims on the secrets of the answer, each once.
        let mut claims: Vec<Arc<Claim>> = Vec::new();
        let granted = self.resolve(references, Requester::Reader(actor)).await;
        for (reference, granted) in references.iter().zip(granted) {
            secrets.push(granted.and_then(|granted| {
                let value = granted.secret().content.select(reference.secret().field())?;
                if let Granted::Leased(claim) = &granted
                    && !claims.iter().any(|known| Arc::ptr_eq(known, claim))
                {
                    claims.push(Arc::clone(claim));
                }
                Ok(granted.resolved(value))
            }));
        }
        if !hold || claims.is_empty() {
            for claim in &claims {
                claim.detach();
            }
            return Answers { secrets, hold: None };
        }
        let claims = claims.iter().map(|claim| claim.duplicate()).collect();
        let hold = self.holds.open(claims, actor, Instant::now(), (self.clock)());
        Answers { secrets, hold }
    }

    /// Checks whether secrets can be read, without returning them. A fresh value in the cache is trusted; a cached error or
    /// a stale value is not.
    ///
    /// Whether a dynamic secret can be made is known only by making it: it is made, and revoked at once.
    pub async fn check(&self, references: &[Reference]) -> Vec<Result<Resolved, VaultError>> {
        let answers = self.resolve(references, Requester::Checker).await;
        let checked = references.iter().zip(answers).map(|(reference, granted)| {
            let granted = granted?;
            granted.secret().content.select(reference.secret().field())?;
            Ok(granted.resolved(Bytes::new(Vec::new())))
        });
        checked.collect()
    }

    /// Renews a hold, which only the actor who opened it can.
    ///
    /// # Errors
    /// [`VaultErrorKind::LeaseGone`] where the hold has expired, and where one of its leases has; then the hold continues
    /// for the others.
    pub fn renew_hold(&self, id: Uuid, actor: &Arc<str>) -> Result<HoldTerm, VaultError> {
        self.holds.renew(id, actor, Instant::now(), (self.clock)())
    }

    /// Releases a hold, which only the actor who opened it can. One that has ended already is not an error. Leases that
    /// nobody else needs are revoked in the background.
    ///
    /// # Errors
    /// [`VaultErrorKind::LeaseGone`] where the hold belongs to another actor.
    pub fn release_hold(&self, id: Uuid, actor: &Arc<str>) -> Result<(), VaultError> {
        self.holds.release(id, actor)
    }

    /// Empties the cache of one vault, or of all; returns how many secrets were cached. Leases stay.
    ///
    /// # Errors
    /// [`VaultErrorKind::UnknownVault`].
    pub fn purge(&self, vault: Option<&VaultName>) -> Result<usize, VaultError> {
        let vaults = self.vaults.load_full();
        match vault {
            None => Ok(vaults.values().map(|backend| backend.purge()).sum()),
            Some(name) => match vaults.get(name) {
                Some(backend) => Ok(backend.purge()),
                None => Err(unknown(&vaults, format!("no vault \"{name}\" is configured"))),
            },
        }
    }

    /// Returns the configured vaults, by name.
    pub fn vaults(&self) -> Vec<VaultInfo> {
        self.vaults.load().values().map(|backend| backend.info()).collect()
    }

    /// Returns whether the vault of a reference grants it to an environment; without one, whether it grants it to any. A vault
    /// that is not configured grants nothing.
    pub fn grants(&self, environment: Option<&EnvPath>, reference: &Reference) -> bool {
        let vaults = self.vaults.load();
        vaults.get(reference.vault()).is_some_and(|backend| backend.grants.allow(environment, reference))
    }

    /// Ends everything within this time: refuses reads, revokes all leases at once, and signs out of the vaults.
    pub async fn close(&self, deadline: Duration) {
        // All backends learn of it before the claims go, so that none begins to renew, or to retry at leisure.
        let vaults = self.vaults.load_full();
        vaults.values().for_each(|backend| backend.closing.cancel());
        self.holds.close();
        let mut closing = JoinSet::new();
        for backend in vaults.values() {
            let backend = Arc::clone(backend);
            closing.spawn(async move { backend.close(deadline).await });
        }
        let removed = self.removed.clone();
        removed.close();
        closing.spawn(async move { drop(timeout(deadline, removed.wait()).await) });
        while closing.join_next().await.is_some() {}
    }

    /// Returns the secret of each reference, whichever field it means.
    async fn resolve(
        &self,
        references: &[Reference],
        requester: Requester<'_>,
    ) -> Vec<Result<Granted, VaultError>> {
        let vaults = self.vaults.load_full();
        let mut wanted: Vec<Wanted<'_>> = Vec::with_capacity(references.len());
        let mut indexes = Vec::with_capacity(references.len());
        let mut known = HashMap::new();
        for reference in references {
            indexes.push(backend(&vaults, reference).map(|backend| {
                let locator: Arc<str> = reference.locator().into();
                *known.entry(Arc::clone(&locator)).or_insert_with(|| {
                    wanted.push(Wanted { backend, locator, reference });
                    wanted.len() - 1
                })
            }));
        }
        let granted = gather(&wanted, requester).await;
        indexes.into_iter().map(|index| granted[index?].clone()).collect()
    }
}

/// Returns the vault that a reference names.
fn backend<'a>(vaults: &'a Vaults, reference: &Reference) -> Result<&'a Arc<Backend>, VaultError> {
    let (name, kind) = (reference.vault(), reference.secret().scheme().name);
    vaults
        .get(name)
        .filter(|backend| backend.kind == kind)
        .ok_or_else(|| unknown(vaults, format!("no vault \"{name}\" of kind \"{kind}\" is configured")))
}

fn unknown(vaults: &Vaults, message: String) -> VaultError {
    let remedy = choose_vault(vaults.values().map(|backend| (backend.name.as_str(), backend.kind)));
    VaultError::new(VaultErrorKind::UnknownVault, message).remedy(remedy)
}

/// Gets all wanted secrets, at once.
async fn gather(wanted: &[Wanted<'_>], requester: Requester<'_>) -> Vec<Result<Granted, VaultError>> {
    let mut granted: Vec<_> = wanted.iter().map(|_| None).collect();
    let mut open: Vec<usize> = (0..wanted.len()).collect();
    // A request that waited for a secret which turns out to be made for another actor begins again, once.
    for first in [true, false] {
        let mut followers = Vec::new();
        let mut jobs: BTreeMap<&VaultName, (&Arc<Backend>, Vec<FetchJob>)> = BTreeMap::new();
        for index in open.drain(..) {
            let Wanted { backend, locator, reference } = &wanted[index];
            match backend.begin(locator, requester, first) {
                NextStep::Done(result) => granted[index] = Some(result),
                NextStep::Follow(follower) => followers.push((index, follower, false)),
                NextStep::Lead(leader, follower) => {
                    let secret = reference.secret().clone();
                    let job = FetchJob { leader, secret, owner: requester.owner() };
                    let (_, jobs) = jobs.entry(&backend.name).or_insert((backend, Vec::new()));
                    jobs.push(job);
                    followers.push((index, follower, true));
                }
            }
        }
        for (backend, jobs) in jobs.into_values() {
            backend.launch(jobs);
        }
        for (index, follower, led) in followers {
            let result = follower.result().await;
            let Wanted { backend, locator, .. } = &wanted[index];
            match backend.outcome(result, locator, requester, led, first) {
                Outcome::Done(result) => granted[index] = Some(result),
                Outcome::Retry => open.push(index),
            }
        }
    }
    let all = granted.into_iter().zip(wanted);
    all.map(|(granted, wanted)| granted.unwrap_or_else(|| Err(wanted.backend.interrupted()))).collect()
}
