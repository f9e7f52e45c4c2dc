//! The broker before all vaults: it knows how long secrets may be kept, who shares an answer, when a vault is left alone,
//! and who still needs a lease. It refuses to know who may read what, and keeps nothing anywhere but in memory.

mod answer;
mod backend;
mod breaker;
mod cache;
mod flight;
mod holds;
mod lease;
mod leases;
mod limits;
mod tend;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use kontraktor_model::{limits::MAX_LISTED_NAMES, names::VaultName, reference::Reference};
use tokio::{task::JoinSet, time::Instant};
use uuid::Uuid;

pub use self::{
    answer::{Answers, HoldTerm, LeaseTerm, Resolved, VaultInfo},
    limits::Limits,
};
use self::{
    backend::{Backend, Begun, Got, Landfall, Order, Who},
    cache::Stored,
    holds::Holds,
    lease::Claim,
};
use super::{self as vault, Bytes, Content, Fault, Fetched, Vault, VaultError};

/// Tells the time for people.
type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// A vault as the operator configured it.
pub struct Configured {
    /// Its name.
    pub name: VaultName,
    /// `vault`, `aws-sm` or `azure-kv`.
    pub kind: &'static str,
    /// Where it is; empty where its platform decides.
    pub address: String,
    /// How it is treated.
    pub limits: Limits,
    /// The vault itself.
    pub vault: Arc<dyn Vault>,
}

impl Configured {
    /// What is said of it when it has not answered in the time that it is allowed.
    pub fn too_slow(&self) -> VaultError {
        backend::too_slow(&self.name, self.limits.timeout)
    }
}

/// All vaults. Clones are handles to the same.
#[derive(Clone)]
pub struct Broker {
    vaults: Arc<BTreeMap<VaultName, Arc<Backend>>>,
    holds: Arc<Holds>,
    clock: Clock,
}

/// A secret that was asked for, whichever of its fields.
struct Wanted<'a> {
    backend: &'a Arc<Backend>,
    locator: Arc<str>,
    reference: &'a Reference,
}

impl Broker {
    /// Stands before these vaults. Needs no runtime yet; the calls do. The clock is for moments that people see.
    pub fn new(vaults: Vec<Configured>, clock: Arc<dyn Fn() -> Timestamp + Send + Sync>) -> Self {
        let vaults = vaults.into_iter().map(|configured| {
            (configured.name.clone(), Arc::new(Backend::new(configured, Arc::clone(&clock))))
        });
        Self { vaults: Arc::new(vaults.collect()), holds: Arc::default(), clock }
    }

    /// Stands before nothing: every reference is to an unknown vault.
    pub fn none() -> Self {
        Self::new(Vec::new(), Arc::new(|| Timestamp::UNIX_EPOCH))
    }

    /// Reads secrets. Several fields of one secret are one read and one answer; what others are reading already is not
    /// read again.
    ///
    /// What was made for this actor stays for as long as its vault gave it, is not renewed, and is what the actor gets
    /// again meanwhile. With `hold`, it is renewed until the hold in the answer is released or expires.
    pub async fn read(&self, references: &[Reference], actor: &Arc<str>, hold: bool) -> Answers {
        let mut secrets = Vec::with_capacity(references.len());
        // Those of what is handed out, each once.
        let mut claims: Vec<Arc<Claim>> = Vec::new();
        for (reference, got) in references.iter().zip(self.resolve(references, Who::Reader(actor)).await) {
            secrets.push(got.and_then(|got| {
                let value = got.stored().content.select(reference.secret().field())?;
                if let Got::Leased(claim) = &got
                    && !claims.iter().any(|known| Arc::ptr_eq(known, claim))
                {
                    claims.push(Arc::clone(claim));
                }
                Ok(got.resolved(value))
            }));
        }
        if !hold || claims.is_empty() {
            for claim in &claims {
                claim.leave();
            }
            return Answers { secrets, hold: None };
        }
        let claims = claims.iter().map(|claim| claim.again()).collect();
        let hold = self.holds.open(claims, actor, Instant::now(), (self.clock)());
        Answers { secrets, hold }
    }

    /// Whether secrets can be had, without handing them out. What is cached and fresh says so; that something cannot be
    /// had, or could be an hour ago, does not.
    ///
    /// Nobody knows whether a dynamic secret can be made but by making it: it is made, and revoked at once.
    pub async fn check(&self, references: &[Reference]) -> Vec<Result<Resolved, VaultError>> {
        let answers = self.resolve(references, Who::Checker).await;
        let checked = references.iter().zip(answers).map(|(reference, got)| {
            let got = got?;
            got.stored().content.select(reference.secret().field())?;
            Ok(got.resolved(Bytes::new(Vec::new())))
        });
        checked.collect()
    }

    /// Says that a hold is still needed; only the actor who opened it can.
    ///
    /// # Errors
    /// [`Fault::LeaseGone`] where the hold is over, and where a lease under it is; then it goes on for the others.
    pub fn renew_hold(&self, id: Uuid, actor: &Arc<str>) -> Result<HoldTerm, VaultError> {
        self.holds.renew(id, actor, Instant::now(), (self.clock)())
    }

    /// Lets go of a hold; only the actor who opened it can. One that is over already is no error. What nobody else needs is
    /// revoked, without waiting for it.
    ///
    /// # Errors
    /// [`Fault::LeaseGone`] where it is somebody else's.
    pub fn release_hold(&self, id: Uuid, actor: &Arc<str>) -> Result<(), VaultError> {
        self.holds.release(id, actor)
    }

    /// Forgets what is cached of one vault, or of all; how many secrets that were. Leases stay.
    ///
    /// # Errors
    /// [`Fault::UnknownVault`].
    pub fn purge(&self, vault: Option<&VaultName>) -> Result<usize, VaultError> {
        match vault {
            None => Ok(self.vaults.values().map(|backend| backend.purge()).sum()),
            Some(name) => match self.vaults.get(name) {
                Some(backend) => Ok(backend.purge()),
                None => Err(self.unknown(format!("no vault \"{name}\" is configured"))),
            },
        }
    }

    /// The configured vaults, by name.
    pub fn vaults(&self) -> Vec<VaultInfo> {
        self.vaults.values().map(|backend| backend.info()).collect()
    }

    /// Ends everything within this time: reads are refused, all leases are revoked at once, and the vaults sign out.
    pub async fn close(&self, deadline: Duration) {
        // All of them are told before the claims go, so that none begins to renew or to try at leisure.
        self.vaults.values().for_each(|backend| backend.closing.cancel());
        self.holds.close();
        let mut closing = JoinSet::new();
        for backend in self.vaults.values() {
            let backend = Arc::clone(backend);
            closing.spawn(async move { backend.close(deadline).await });
        }
        while closing.join_next().await.is_some() {}
    }

    /// What each reference leads to, whichever field it means.
    async fn resolve(&self, references: &[Reference], who: Who<'_>) -> Vec<Result<Got, VaultError>> {
        let mut wanted: Vec<Wanted<'_>> = Vec::with_capacity(references.len());
        let mut places = Vec::with_capacity(references.len());
        let mut known = HashMap::new();
        for reference in references {
            places.push(self.backend(reference).map(|backend| {
                let locator: Arc<str> = reference.locator().into();
                *known.entry(Arc::clone(&locator)).or_insert_with(|| {
                    wanted.push(Wanted { backend, locator, reference });
                    wanted.len() - 1
                })
            }));
        }
        let got = gather(&wanted, who).await;
        places.into_iter().map(|place| got[place?].clone()).collect()
    }

    /// The vault that a reference means.
    fn backend(&self, reference: &Reference) -> Result<&Arc<Backend>, VaultError> {
        let (name, kind) = (reference.vault(), reference.secret().scheme());
        self.vaults
            .get(name)
            .filter(|backend| backend.kind == kind)
            .ok_or_else(|| self.unknown(format!("no vault \"{name}\" of the kind \"{kind}\" is configured")))
    }

    fn unknown(&self, message: String) -> VaultError {
        let mut names: Vec<_> = self
            .vaults
            .values()
            .take(MAX_LISTED_NAMES)
            .map(|backend| format!("{} ({})", backend.name, backend.kind))
            .collect();
        match self.vaults.len() {
            0 => names.push("none at all".to_owned()),
            all if all > names.len() => names.push(format!("{} more", all - names.len())),
            _ => {}
        }
        VaultError::new(Fault::UnknownVault, message).remedy(format!(
            "name one that is: {}; vaults are the [[vault]] tables of kontraktord.toml",
            names.join(", ")
        ))
    }
}

/// Gets everything that is wanted, at once.
async fn gather(wanted: &[Wanted<'_>], who: Who<'_>) -> Vec<Result<Got, VaultError>> {
    let mut got: Vec<_> = wanted.iter().map(|_| None).collect();
    let mut open: Vec<usize> = (0..wanted.len()).collect();
    // Whoever waited for what turns out to be made for somebody else asks again for themselves, and nobody a third time.
    for first in [true, false] {
        let mut seats = Vec::new();
        let mut orders: BTreeMap<&VaultName, (&Arc<Backend>, Vec<Order>)> = BTreeMap::new();
        for index in open.drain(..) {
            let Wanted { backend, locator, reference } = &wanted[index];
            match backend.begin(locator, who, first) {
                Begun::Done(result) => got[index] = Some(result),
                Begun::Follow(seat) => seats.push((index, seat, false)),
                Begun::Lead(takeoff, seat) => {
                    let order = Order { takeoff, secret: reference.secret().clone(), owner: who.owner() };
                    let (_, orders) = orders.entry(&backend.name).or_insert((backend, Vec::new()));
                    orders.push(order);
                    seats.push((index, seat, true));
                }
            }
        }
        for (backend, orders) in orders.into_values() {
            backend.launch(orders);
        }
        for (index, seat, led) in seats {
            let landing = seat.landing().await;
            let Wanted { backend, locator, .. } = &wanted[index];
            match backend.land(landing, locator, who, led, first) {
                Landfall::Done(result) => got[index] = Some(result),
                Landfall::Again => open.push(index),
            }
        }
    }
    let all = got.into_iter().zip(wanted);
    all.map(|(got, wanted)| got.unwrap_or_else(|| Err(wanted.backend.broken_off()))).collect()
}

impl Got {
    fn stored(&self) -> &Stored {
        match self {
            Self::Shared { stored, .. } => stored,
            Self::Leased(claim) => &claim.lease().stored,
        }
    }

    fn resolved(&self, value: Bytes) -> Resolved {
        let Stored { version, fetched, .. } = self.stored();
        let (stale, lease) = match self {
            Self::Shared { stale, .. } => (*stale, None),
            Self::Leased(claim) => (false, Some(claim.lease().term())),
        };
        Resolved { value, version: version.clone(), stale, fetched: *fetched, lease }
    }
}
