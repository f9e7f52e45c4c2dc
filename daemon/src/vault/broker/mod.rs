//! What stands before all vaults: cache, single flight, deadlines, circuit breakers, leases and holds. A vault that is down
//! or slow degrades its own secrets and no others. It refuses to know who may read what, and where that is written down.

mod breaker;
mod cache;
mod desk;
mod holds;
mod leases;
mod limits;
mod prolong;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use kontraktor_proto::{names::VaultName, reference::Reference};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};
use uuid::Uuid;

pub use self::limits::Limits;
use self::{
    desk::{Desk, Got},
    holds::{Hold, later, term_from},
    leases::Number,
};
use super::{Bytes, Fault, Vault, VaultError};

/// Tells the time, for what people read. Deadlines and terms are measured otherwise.
pub(crate) type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// A vault as it was configured.
pub struct Configured {
    /// The name in references.
    pub name: VaultName,
    /// The scheme of references to it.
    pub kind: &'static str,
    /// Where it is; empty where its platform decides.
    pub address: String,
    /// How it is treated.
    pub limits: Limits,
    /// How it is spoken to.
    pub vault: Arc<dyn Vault>,
}

impl Configured {
    /// What is said of it when it has not answered in the time that it is allowed.
    pub fn too_slow(&self) -> VaultError {
        desk::too_slow(&self.name, self.limits.timeout)
    }
}

/// A secret, as far as a reference means it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// Empty where it was only checked.
    pub value: Bytes,
    /// What the vault calls the version; none: it keeps none.
    pub version: Option<String>,
    /// The vault did not answer, and this is the last value that it gave.
    pub stale: bool,
    /// When the vault gave it.
    pub fetched: Timestamp,
    /// Of a dynamic secret.
    pub lease: Option<LeaseTerm>,
}

/// How long a dynamic secret lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseTerm {
    /// As the vault said last.
    pub duration: Duration,
    /// Whether the vault would prolong it.
    pub renewable: bool,
    /// When it ends unless it is prolonged.
    pub expires: Timestamp,
}

/// A hold, and how long it lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldTerm {
    /// Its name.
    pub id: Uuid,
    /// When it ends unless it is renewed.
    pub expires: Timestamp,
    /// When to renew it.
    pub renew_at: Timestamp,
}

/// What came of a read.
#[derive(Debug)]
pub struct Answers {
    /// One for each reference, in their order.
    pub secrets: Vec<Result<Resolved, VaultError>>,
    /// Where one was asked for and something has a lease.
    pub hold: Option<HoldTerm>,
}

/// How a vault does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultInfo {
    /// The name in references.
    pub name: VaultName,
    /// The scheme of references to it.
    pub kind: &'static str,
    /// Where it is; empty where its platform decides.
    pub address: String,
    /// Why it is left alone for a while; none: it is not.
    pub trouble: Option<String>,
    /// Secrets in memory.
    pub cached_secrets: usize,
    /// What they take.
    pub cached_bytes: usize,
    /// Dynamic secrets that somebody claims.
    pub leases: usize,
}

/// All configured vaults. Cloning it gives another handle to the same.
#[derive(Clone)]
pub struct Broker {
    inner: Arc<Inner>,
}

struct Inner {
    desks: BTreeMap<VaultName, Arc<Desk>>,
    holds: Mutex<HashMap<Uuid, Hold>>,
    clock: Clock,
}

impl Inner {
    /// The map is only changed by whole inserts and removes, so a panic elsewhere leaves it sound.
    fn holds(&self) -> MutexGuard<'_, HashMap<Uuid, Hold>> {
        self.holds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Broker {
    /// A broker before these vaults. Of two of one name the later one counts; the configuration has no such.
    pub fn new(vaults: Vec<Configured>, clock: Arc<dyn Fn() -> Timestamp + Send + Sync>) -> Self {
        let desks = vaults
            .into_iter()
            .map(|vault| (vault.name.clone(), Arc::new(Desk::new(vault, Arc::clone(&clock)))))
            .collect();
        Self { inner: Arc::new(Inner { desks, holds: Mutex::default(), clock }) }
    }

    /// A broker before no vault.
    pub fn none() -> Self {
        Self::new(Vec::new(), Arc::new(|| Timestamp::UNIX_EPOCH))
    }

    /// One answer for each reference, in their order. Several fields of one secret are one read. With `hold`, leases are
    /// kept alive for the actor until the hold is released or not renewed.
    pub async fn read(&self, references: &[Reference], actor: &Arc<str>, hold: bool) -> Answers {
        let mut places: HashMap<&VaultName, Vec<usize>> = HashMap::new();
        let mut answers: Vec<Option<Result<Got, VaultError>>> = vec![None; references.len()];
        for (place, reference) in references.iter().enumerate() {
            match self.desk(reference) {
                Ok(desk) => places.entry(&desk.name).or_default().push(place),
                Err(error) => answers[place] = Some(Err(error)),
            }
        }
        let reads = places.into_iter().filter_map(|(name, places)| {
            let desk = self.inner.desks.get(name)?;
            Some(async move {
                let wanted: Vec<(String, &Reference)> =
                    places.iter().map(|&place| (references[place].locator(), &references[place])).collect();
                (Arc::clone(desk), places, desk.read(&wanted, actor).await)
            })
        });
        let mut leased: Vec<(Arc<Desk>, Number)> = Vec::new();
        for (desk, places, got) in futures_util::future::join_all(reads).await {
            for (place, got) in places.into_iter().zip(got) {
                if let Ok(Got { lease: Some(number), .. }) = &got {
                    leased.push((Arc::clone(&desk), *number));
                }
                answers[place] = Some(got);
            }
        }
        leased.sort_by(|(a, m), (b, n)| (&a.name, m).cmp(&(&b.name, n)));
        leased.dedup_by(|(a, m), (b, n)| a.name == b.name && m == n);
        let hold = self.claim(leased, actor, hold);
        let secrets = references
            .iter()
            .zip(answers)
            .map(|(reference, answer)| {
                let got = answer.unwrap_or_else(|| {
                    Err(VaultError::new(Fault::Answer, "the vault gave fewer answers than it was asked for"))
                })?;
                self.resolved(reference, got)
            })
            .collect();
        Answers { secrets, hold }
    }

    /// Whether references can be resolved right now: each is read in its vault, whatever is cached, and nothing of it is
    /// kept. A dynamic secret is made to find out, and ended at once.
    pub async fn check(&self, references: &[Reference]) -> Vec<Result<Resolved, VaultError>> {
        futures_util::future::join_all(references.iter().map(|reference| self.check_one(reference))).await
    }

    async fn check_one(&self, reference: &Reference) -> Result<Resolved, VaultError> {
        let desk = self.desk(reference)?;
        let fetched = desk.call(desk.vault.fetch(reference.secret())).await?;
        if let Some(lease) = &fetched.lease {
            desk.in_time(desk.vault.revoke(&lease.id)).await??;
        }
        fetched.content.select(reference.secret().field())?;
        Ok(Resolved {
            value: Bytes::new(Vec::new()),
            version: fetched.version,
            stale: false,
            fetched: (self.inner.clock)(),
            lease: None,
        })
    }

    /// Says that a hold is still needed.
    ///
    /// # Errors
    /// [`Fault::LeaseGone`]: it is over, was never given to this actor, or one of its leases has ended.
    pub fn renew_hold(&self, id: Uuid, actor: &Arc<str>) -> Result<HoldTerm, VaultError> {
        let now = Instant::now();
        let mut holds = self.inner.holds();
        let hold =
            holds.get_mut(&id).filter(|hold| hold.actor == *actor && now < hold.expires).ok_or_else(over)?;
        let term = hold.term().ok_or_else(|| {
            VaultError::new(Fault::LeaseGone, "a lease of this hold has ended in its vault")
                .remedy("read the secrets again: that makes new ones")
        })?;
        hold.expires = now + term;
        Ok(term_from(id, (self.inner.clock)(), term))
    }

    /// Lets go of a hold. One that is over is no error, and what cannot be revoked ends in its vault by itself.
    pub async fn release_hold(&self, id: Uuid, actor: &Arc<str>) {
        let hold = {
            let mut holds = self.inner.holds();
            if holds.get(&id).is_some_and(|hold| hold.actor == *actor) { holds.remove(&id) } else { None }
        };
        if let Some(hold) = hold {
            prolong::let_go(hold).await;
        }
    }

    /// Forgets what is cached of one vault, or of all; says how many secrets that were. Leases stay.
    ///
    /// # Errors
    /// [`Fault::UnknownVault`].
    pub fn purge(&self, vault: Option<&VaultName>) -> Result<usize, VaultError> {
        match vault {
            None => Ok(self.inner.desks.values().map(|desk| desk.purge()).sum()),
            Some(name) => {
                self.inner.desks.get(name).map(|desk| desk.purge()).ok_or_else(|| self.unknown(name))
            }
        }
    }

    /// The configured vaults, by name.
    pub fn vaults(&self) -> Vec<VaultInfo> {
        self.inner.desks.values().map(|desk| desk.info()).collect()
    }

    /// Ends every lease and lets the vaults sign out, in so much time as there is.
    pub async fn close(&self, deadline: Duration) {
        self.inner.holds().clear();
        let mut ending = JoinSet::new();
        for desk in self.inner.desks.values() {
            let desk = Arc::clone(desk);
            ending.spawn(async move {
                let leases = desk.leases().drain();
                let revoked = leases.iter().map(|leased| prolong::revoke(&desk, leased));
                futures_util::future::join_all(revoked).await;
                desk.vault.close().await;
            });
        }
        if timeout(deadline, ending.join_all()).await.is_err() {
            tracing::warn!("not every lease could be revoked in time; the rest ends by itself");
        }
    }

    fn desk(&self, reference: &Reference) -> Result<&Arc<Desk>, VaultError> {
        let name = reference.vault();
        let desk = self.inner.desks.get(name).ok_or_else(|| self.unknown(name))?;
        let scheme = reference.secret().scheme();
        if desk.kind != scheme {
            return Err(VaultError::new(
                Fault::UnknownVault,
                format!(
                    "vault \"{name}\" is of the kind {}, and the reference is to one of the kind {scheme}",
                    desk.kind
                ),
            )
            .remedy(format!("begin the reference with {}://{name}/, or name another vault", desk.kind)));
        }
        Ok(desk)
    }

    fn unknown(&self, name: &VaultName) -> VaultError {
        let names: Vec<&str> = self.inner.desks.keys().map(VaultName::as_str).collect();
        let remedy = if names.is_empty() {
            "no vault is configured: add a [[vault]] table to kontraktord.toml and restart the daemon"
                .to_owned()
        } else {
            format!("name one of {}, or add it to kontraktord.toml and restart the daemon", names.join(", "))
        };
        VaultError::new(Fault::UnknownVault, format!("no vault of the name \"{name}\" is configured"))
            .remedy(remedy)
    }

    /// Claims leases for who has just read them.
    fn claim(&self, leased: Vec<(Arc<Desk>, Number)>, actor: &Arc<str>, hold: bool) -> Option<HoldTerm> {
        if leased.is_empty() {
            return None;
        }
        if !hold {
            for (desk, number) in &leased {
                desk.leases().claim(*number);
            }
            return None;
        }
        let now = Instant::now();
        let mut held = Hold { actor: Arc::clone(actor), leases: leased, expires: now };
        held.leases.retain(|(desk, number)| desk.leases().hold(*number));
        let term = held.term()?;
        held.expires = now + term;
        let id = Uuid::new_v4();
        self.inner.holds().insert(id, held);
        self.expire(id);
        Some(term_from(id, (self.inner.clock)(), term))
    }

    /// Lets go of a hold whose holder is not heard of any more.
    fn expire(&self, id: Uuid) {
        let inner = Arc::downgrade(&self.inner);
        tokio::spawn(async move {
            loop {
                let expires = inner.upgrade().and_then(|inner| Some(inner.holds().get(&id)?.expires));
                let Some(expires) = expires else { return };
                sleep_until(expires).await;
                let Some(inner) = inner.upgrade() else { return };
                let over = {
                    let mut holds = inner.holds();
                    let over = holds.get(&id).is_some_and(|hold| hold.expires <= Instant::now());
                    if over { holds.remove(&id) } else { None }
                };
                if let Some(hold) = over {
                    prolong::let_go(hold).await;
                }
            }
        });
    }

    fn resolved(&self, reference: &Reference, got: Got) -> Result<Resolved, VaultError> {
        let value = got.content.select(reference.secret().field())?;
        let lease = got.lease.and_then(|number| {
            let desk = self.inner.desks.get(reference.vault())?;
            let leases = desk.leases();
            let leased = leases.get(number)?;
            let left = leased.expires.saturating_duration_since(Instant::now());
            Some(LeaseTerm {
                duration: leased.duration,
                renewable: leased.renewable,
                expires: later((self.inner.clock)(), left),
            })
        });
        Ok(Resolved { value, version: got.version, stale: got.stale, fetched: got.fetched, lease })
    }
}

fn over() -> VaultError {
    VaultError::new(Fault::LeaseGone, "the hold is over, or was never given to you")
        .remedy("read the secrets again: that gives a new hold")
}
