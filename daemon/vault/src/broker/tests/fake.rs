//! A scripted vault that records its calls.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use kontraktor_model::reference::{Reference, Secret};
use tokio::time::{Instant, sleep};

use super::super::{Answers, Broker, ConfiguredVault, Limits, Resolved};
use crate::{Bytes, Content, Fetched, Lease, LeaseId, Vault, VaultError, VaultErrorKind};

type Answer = Box<dyn FnMut(usize) -> Result<Fetched, VaultError> + Send>;
type Renewal = Result<Lease, VaultError>;

/// The script of the vault, and its calls.
pub(super) struct Script {
    /// By how many fetches there were before.
    pub(super) answer: Answer,
    pub(super) takes: Duration,
    pub(super) batch: usize,
    /// The answers to the next renewals; after them, what is requested is granted.
    pub(super) renewals: VecDeque<Renewal>,
    /// Renewals are granted up to then.
    pub(super) no_renewal_beyond: Option<Instant>,
    pub(super) renewing_takes: Duration,
    /// The answers to the next revocations; after them, all goes well.
    pub(super) revocations: VecDeque<Result<(), VaultError>>,
    pub(super) revoking_hangs: bool,
    pub(super) fetched: usize,
    pub(super) calls: usize,
    pub(super) running: usize,
    pub(super) most_running: usize,
    /// When, and for which increment.
    pub(super) renewed: Vec<(Instant, Duration)>,
    pub(super) revoked: Vec<String>,
    pub(super) signing_out_takes: Duration,
    pub(super) signed_out: bool,
}

pub(super) struct Fake(Mutex<Script>);

impl Fake {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Script {
            answer: Box::new(|number| Ok(fields(&format!("value {number}")))),
            takes: Duration::from_millis(10),
            batch: 1,
            renewals: VecDeque::new(),
            no_renewal_beyond: None,
            renewing_takes: Duration::ZERO,
            revocations: VecDeque::new(),
            revoking_hangs: false,
            fetched: 0,
            calls: 0,
            running: 0,
            most_running: 0,
            renewed: Vec::new(),
            revoked: Vec::new(),
            signing_out_takes: Duration::ZERO,
            signed_out: false,
        }))
    }

    pub(super) fn script(&self) -> MutexGuard<'_, Script> {
        // One test lets an answer panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on the vault answers so.
    pub(super) fn answers(&self, answer: impl FnMut(usize) -> Result<Fetched, VaultError> + Send + 'static) {
        self.script().answer = Box::new(answer);
    }

    pub(super) fn fetched(&self) -> usize {
        self.script().fetched
    }

    pub(super) fn revoked(&self) -> Vec<String> {
        self.script().revoked.clone()
    }

    fn answer(&self) -> Result<Fetched, VaultError> {
        let mut script = self.script();
        let number = script.fetched;
        script.fetched += 1;
        (script.answer)(number)
    }

    async fn run(&self) -> Running<'_> {
        let takes = {
            let mut script = self.script();
            script.calls += 1;
            script.running += 1;
            script.most_running = script.most_running.max(script.running);
            script.takes
        };
        let running = Running(self);
        sleep(takes).await;
        running
    }
}

/// A call that runs, until it has ended or was given up.
struct Running<'a>(&'a Fake);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.script().running -= 1;
    }
}

#[async_trait]
impl Vault for Fake {
    async fn fetch(&self, _: &Secret) -> Result<Fetched, VaultError> {
        let _running = self.run().await;
        self.answer()
    }

    fn batch_size(&self) -> usize {
        self.script().batch
    }

    async fn fetch_many(&self, secrets: &[&Secret]) -> Vec<Result<Fetched, VaultError>> {
        let _running = self.run().await;
        secrets.iter().map(|_| self.answer()).collect()
    }

    async fn version(&self, _: &Secret) -> Result<Option<String>, VaultError> {
        Ok(None)
    }

    async fn renew(&self, lease: &LeaseId, increment: Duration) -> Result<Lease, VaultError> {
        let takes = {
            let mut script = self.script();
            script.renewed.push((Instant::now(), increment));
            script.renewing_takes
        };
        sleep(takes).await;
        let mut script = self.script();
        let left = script.no_renewal_beyond.map(|end| end.saturating_duration_since(Instant::now()));
        let duration = left.map_or(increment, |left| left.min(increment));
        let granted = Lease { id: lease.clone(), duration, renewable: true };
        script.renewals.pop_front().unwrap_or(Ok(granted))
    }

    async fn revoke(&self, lease: &LeaseId) -> Result<(), VaultError> {
        let (hangs, result) = {
            let mut script = self.script();
            (script.revoking_hangs, script.revocations.pop_front().unwrap_or(Ok(())))
        };
        if hangs {
            std::future::pending::<()>().await;
        }
        if result.is_ok() {
            self.script().revoked.push(lease.0.to_string());
        }
        result
    }

    async fn check(&self) -> Result<Vec<String>, VaultError> {
        Ok(Vec::new())
    }

    async fn sign_out(&self) {
        let takes = self.script().signing_out_takes;
        sleep(takes).await;
        self.script().signed_out = true;
    }
}

pub(super) const SECOND: Duration = Duration::from_secs(1);

pub(super) fn reference(text: &str) -> Reference {
    text.parse().unwrap()
}

pub(super) fn ada() -> Arc<str> {
    "unix:ada".into()
}

pub(super) fn bob() -> Arc<str> {
    "unix:bob".into()
}

/// The vault `team` with these limits, and the broker before it.
pub(super) fn with(limits: Limits) -> (Broker, Arc<Fake>) {
    let fake = Arc::new(Fake::new());
    let configured = ConfiguredVault {
        name: "team".parse().unwrap(),
        kind: "vault",
        address: Some("https://vault.example".to_owned()),
        grants: Default::default(),
        limits,
        ca_digest: None,
        vault: Arc::clone(&fake) as _,
    };
    let started = Instant::now();
    let clock = Arc::new(move || Timestamp::UNIX_EPOCH + started.elapsed());
    (Broker::new(vec![configured], clock), fake)
}

pub(super) fn usual() -> (Broker, Arc<Fake>) {
    with(Limits::default())
}

/// The same, where each secret is made for its reader, with a lease of so many seconds.
pub(super) fn leasing(seconds: u64) -> (Broker, Arc<Fake>) {
    let (broker, fake) = usual();
    fake.answers(move |number| Ok(leased(number, seconds)));
    (broker, fake)
}

/// A secret with the fields `user` and `password`.
pub(super) fn fields(value: &str) -> Fetched {
    let bytes = |text: &str| Some(Bytes::from(text.to_owned()));
    let fields = [("user".to_owned(), bytes("u")), ("password".to_owned(), bytes(value))];
    Fetched { content: Content::Fields(fields.into()), version: Some("1".to_owned()), lease: None }
}

/// The same, made for one reader, with a lease that is named after its number.
pub(super) fn leased(number: usize, seconds: u64) -> Fetched {
    let id = LeaseId(format!("lease {number}").into());
    let lease = Lease { id, duration: Duration::from_secs(seconds), renewable: true };
    Fetched { lease: Some(lease), version: None, ..fields(&format!("value {number}")) }
}

#[expect(clippy::unnecessary_wraps, reason = "it is put where refusals are put too")]
pub(super) fn granted(seconds: u64) -> Renewal {
    let id = LeaseId("any".into());
    Ok(Lease { id, duration: Duration::from_secs(seconds), renewable: true })
}

pub(super) fn down() -> VaultError {
    VaultError::new(VaultErrorKind::Unavailable, "vault \"team\" answered 503")
        .remedy("see whether it is sealed")
}

pub(super) const DB: &str = "vault://team/secret/db#password";

/// Reads one secret as this actor.
pub(super) async fn read_as(broker: &Broker, actor: &Arc<str>, text: &str) -> Result<Resolved, VaultError> {
    read_many(broker, actor, &[text], false).await.secrets.remove(0)
}

pub(super) async fn read(broker: &Broker, text: &str) -> Result<Resolved, VaultError> {
    read_as(broker, &ada(), text).await
}

pub(super) async fn read_many(broker: &Broker, actor: &Arc<str>, texts: &[&str], hold: bool) -> Answers {
    let references: Vec<_> = texts.iter().map(|text| reference(text)).collect();
    broker.read(&references, actor, hold).await
}

pub(super) fn value(resolved: &Resolved) -> &str {
    std::str::from_utf8(resolved.value.expose()).unwrap()
}

/// Returns what a read returned: the value, with a star where it is stale; or the kind of the error.
pub(super) async fn describe_read(broker: &Broker, text: &str) -> String {
    match read(broker, text).await {
        Ok(resolved) => format!("{}{}", value(&resolved), if resolved.stale { " *" } else { "" }),
        Err(error) => format!("{:?}", error.kind),
    }
}
