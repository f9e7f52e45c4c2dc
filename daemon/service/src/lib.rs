//! What the daemon does: it authorizes callers, reads from an immutable state, writes through the one writer, and hands out
//! secrets. It does not know how requests travel and how rows are stored.

mod audit;
mod authorize;
mod batch;
mod clock;
mod compose;
mod grants;
mod log;
mod offload;
mod order;
mod page;
mod point_in_time;
mod queue;
mod read;
mod roles;
mod rollback;
mod secrets;
mod service_accounts;
mod submit;
mod tokens;
mod turns;
mod visible;
mod watching;
mod writer;

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use tokio::sync::{Semaphore, watch};

use kontraktor_access::{Action, Caller, Resource, Rights};
use kontraktor_domain::{Head, Refusal, State};
use kontraktor_store::{Store, StoreError, StoreInfo};
use kontraktor_vault::Broker;

use self::{
    audit::AuditBatcher,
    queue::Sender,
    turns::Turns,
    visible::{Counts, Visible},
    watching::Hub,
    writer::Health,
};
pub use self::{
    clock::Clock,
    compose::{Entry, Snapshot},
    log::NamedEntry,
    offload::{DAMAGED_REMEDY, SMALL_ANSWER},
    order::{Order, SortKey},
    page::{Page, PageRequest},
    roles::GrantedRole,
    secrets::{EnvironmentSecrets, Secret, SecretResult, Secrets, Target},
    service_accounts::{Credentials, NewAccount, NewCredential},
    tokens::TokenOutcome,
    watching::{EnvironmentChange, Watch},
    writer::StoreLost,
};

/// Limits and intervals of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceOptions {
    /// How many requests may wait for the writer.
    pub queue_requests: usize,
    /// How many bytes the waiting requests may hold together.
    pub queue_bytes: usize,
    /// Items after which a commit accepts no further request.
    pub flush_items: usize,
    /// How long to wait between attempts to reopen a store whose disk was full.
    pub retry: Duration,
}

impl Default for ServiceOptions {
    fn default() -> Self {
        Self {
            queue_requests: 1024,
            queue_bytes: 256 * 1024 * 1024,
            flush_items: 4096,
            retry: Duration::from_secs(1),
        }
    }
}

/// The state of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// When the service was started.
    pub started: Timestamp,
    /// The store and its version.
    pub store: StoreInfo,
    /// How many projects the caller may see.
    pub projects: usize,
    /// How many environments the caller may see.
    pub environments: usize,
    /// How many variables the caller may see, without secret references.
    pub variables: usize,
    /// How many secret references the caller may see.
    pub references: usize,
    /// The newest row of the log; none where the caller does not own everything.
    pub head: Option<Head>,
    /// Why writes fail for now; none: they succeed.
    pub write_error: Option<Arc<str>>,
}

/// The service on one store. A clone is another handle to the same.
#[derive(Clone)]
pub struct Service {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    state: Arc<ArcSwap<State>>,
    started: Timestamp,
    /// None: the service is draining and accepts nothing anymore.
    sender: RwLock<Option<Sender>>,
    health: watch::Receiver<Health>,
    finished: watch::Receiver<bool>,
    /// How many pages and points in time of the log are read at a time, and how many verifications run. Each takes up to
    /// 128 MiB of the engine's memory, which commits need too.
    pages: Arc<Semaphore>,
    /// Whose turn it is to wait for those.
    turns: Turns,
    walks: Arc<Semaphore>,
    /// A probe does not wait for those.
    probes: Arc<Semaphore>,
    /// How many large answers are made at a time. One core is left to the writer and to small requests.
    answers: Arc<Semaphore>,
    broker: Broker,
    audit: AuditBatcher,
    hub: Arc<Hub>,
}

impl Service {
    /// Loads the state and starts the writer, a thread of its own. It knows no vault.
    pub fn start(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        options: ServiceOptions,
    ) -> Result<Self, StoreError> {
        Self::start_with(store, clock, options, Broker::none())
    }

    /// The same with the vaults of a broker.
    pub fn start_with(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        options: ServiceOptions,
        broker: Broker,
    ) -> Result<Self, StoreError> {
        let started = clock.now();
        let state = Arc::new(ArcSwap::from_pointee(store.load(started)?));
        let hub = Hub::start()
            .map_err(|error| StoreError::Fatal(format!("cannot start the thread of watchers: {error}")))?;
        let hub = Arc::new(hub);
        let shared = writer::Shared { state: Arc::clone(&state), hub: Arc::clone(&hub) };
        let writer = writer::start(Arc::clone(&store), Arc::clone(&clock), shared, options)?;
        Ok(Self {
            inner: Arc::new(Inner {
                store,
                clock,
                state,
                started,
                sender: RwLock::new(Some(writer.sender)),
                health: writer.health,
                finished: writer.finished,
                pages: Arc::new(Semaphore::new(2)),
                turns: Turns::default(),
                walks: Arc::new(Semaphore::new(1)),
                probes: Arc::new(Semaphore::new(1)),
                answers: Arc::new(Semaphore::new(large_answers())),
                broker,
                audit: AuditBatcher::default(),
                hub,
            }),
        })
    }

    /// Returns the time by the clock that the service was started with.
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// Returns how the service is. Every known caller may ask.
    pub fn status(&self, caller: &Caller) -> Result<Status, Refusal> {
        self.authorize(caller, Action::DaemonStatus, Resource::Daemon)?;
        let state = self.inner.state.load();
        let rights = Rights::new(caller, state.roles());
        let Counts { projects, environments, variables, references } = Visible::new(rights).counts(&state);
        Ok(Status {
            started: self.inner.started,
            store: self.inner.store.info(),
            projects,
            environments,
            variables,
            references,
            head: rights.sees_everything().then(|| state.head()),
            write_error: match &*self.inner.health.borrow() {
                Health::Good => None,
                Health::Trouble(reason) | Health::Fatal(StoreLost { reason, .. }) => Some(Arc::clone(reason)),
            },
        })
    }

    /// Waits until this process cannot use the store anymore, and returns the reason. It never returns after a drain.
    pub async fn fatal(&self) -> StoreLost {
        let mut health = self.inner.health.clone();
        let lost = match health.wait_for(|health| matches!(health, Health::Fatal(_))).await.as_deref() {
            Ok(Health::Fatal(lost)) => Some(lost.clone()),
            _ => None,
        };
        match lost {
            Some(lost) => lost,
            None => std::future::pending().await,
        }
    }

    /// Stops accepting writes, answers those that were accepted, tidies the store up and closes it. Returns false where that
    /// takes longer than the deadline; it continues then.
    pub async fn drain(&self, deadline: Duration) -> bool {
        if let Some(denials) = self.take_denials() {
            self.queue_last(denials);
        }
        // The writer ends when the last sender is gone and the queue is empty.
        drop(self.inner.sender.write().unwrap_or_else(PoisonError::into_inner).take());
        let mut finished = self.inner.finished.clone();
        let done = finished.wait_for(|finished| *finished);
        matches!(tokio::time::timeout(deadline, done).await, Ok(Ok(_)))
    }
}

fn large_answers() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| (cores.get() - 1).max(1))
}
