//! Watching environments: each commit that changes what a watched environment holds, once and in order.
//!
//! The writer hands over what it has committed; a thread of its own (`hub`) finds the watched environments that it is about
//! and sends one shared change to all watchers of each. A watcher that comes back first gets what it missed from the log
//! (`resume`). One that does not keep up loses changes, and receives a reset.

mod hub;
mod open_watches;
mod resume;
mod touch;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use kontraktor_access::{Caller, Resource};
use kontraktor_domain::{Authorship, Code, Refusal};
use kontraktor_model::names::{EnvPath, Key};
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::{Instant, timeout, timeout_at},
};

pub(crate) use self::hub::{Hub, Step};
use self::open_watches::OpenWatch;
use super::{Service, Snapshot, read::snapshot_action};

/// How often a watcher's rights are checked while nothing happens.
const CHECK_INTERVAL: Duration = Duration::from_secs(15);

/// How long one watch lasts. After that the client asks again.
const LIFETIME: Duration = Duration::from_hours(1);

/// One commit that changed the effective variables, the settings or the imports of a watched environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentChange {
    /// The version of the snapshot afterwards. None: the environment was deleted. Where one commit wrote several of
    /// the environments, only the last of its changes has the new version, so that resuming loses none.
    pub version: Option<String>,
    /// The environment's own revision afterwards.
    pub revision: u64,
    /// The environment that was written: the watched one, or one that it imports.
    pub origin: EnvPath,
    /// The keys that were written or deleted there, in order; empty where only settings changed.
    pub keys: Vec<Key>,
    /// Who wrote it. None: not known, for a reset.
    pub written: Option<Authorship>,
    /// Changes before this one are not known.
    pub reset: bool,
    /// The environment was deleted.
    pub deleted: bool,
    /// The newest row of the log that it is about.
    pub(crate) seq: u64,
}

/// What is watched: an environment, with what it imports or without.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Watched {
    pub(super) path: EnvPath,
    pub(super) own_only: bool,
}

/// The changes of one environment.
pub struct Watch {
    service: Service,
    caller: Caller,
    watched: Watched,
    /// Changes from the log that come before those of `live`.
    missed: VecDeque<Arc<EnvironmentChange>>,
    /// None: the watch is over.
    live: Option<Receiver<Arc<EnvironmentChange>>>,
    /// Changes up to this row are known already.
    seen: u64,
    ends: Instant,
    /// Whether it is the credentials that end then.
    expires: bool,
    _open: OpenWatch,
}

impl Service {
    /// Watches an environment: every change after the version `after`, or from now on.
    pub async fn watch(
        &self,
        caller: &Caller,
        path: EnvPath,
        own_only: bool,
        after: Option<&str>,
    ) -> Result<Watch, Refusal> {
        let watched = Watched { path, own_only };
        self.authorize_watch(caller, &watched)?;
        let open = self.inner.hub.open_watches().open(caller)?;
        // First the subscription, then the state: what is committed in between is in both, and known by its row.
        let live = self.inner.hub.subscribe(&watched, &self.inner.state)?;
        let state = self.inner.state.load_full();
        let now = Instant::now();
        let left = caller.expires.map(|end| self.now().duration_until(end).try_into().unwrap_or_default());
        let mut watch = Watch {
            service: self.clone(),
            caller: caller.clone(),
            seen: state.head().seq,
            watched,
            missed: VecDeque::new(),
            live: Some(live),
            ends: now + left.map_or(LIFETIME, |left: Duration| left.min(LIFETIME)),
            expires: left.is_some_and(|left| left < LIFETIME),
            _open: open,
        };
        let current = hub::snapshot(&state, &watch.watched)?;
        if let Some(after) = after.filter(|after| *after != current.version()) {
            let _turn = self.inner.turns.of(caller).await;
            watch.missed = match resume::missed(self, &watch.watched, after, watch.seen).await? {
                Some(missed) => missed,
                None => VecDeque::from([Arc::new(reset(&current, watch.seen))]),
            };
        }
        Ok(watch)
    }

    /// Waits until an environment is at another version than `version`, but not longer than `wait`.
    pub async fn changed(
        &self,
        caller: &Caller,
        path: &EnvPath,
        own_only: bool,
        version: &str,
        wait: Duration,
    ) -> Result<(), Refusal> {
        let mut watch = self.watch(caller, path.clone(), own_only, Some(version)).await?;
        match timeout(wait, watch.next()).await {
            Ok(Some(Err(refusal))) => Err(refusal),
            _ => Ok(()),
        }
    }

    /// Ends every watch, and refuses new ones: the daemon stops.
    pub fn end_watches(&self) {
        self.inner.hub.close();
    }

    fn authorize_watch(&self, caller: &Caller, watched: &Watched) -> Result<(), Refusal> {
        self.authorize(caller, snapshot_action(watched.own_only), Resource::Environment(&watched.path))
    }
}

impl Watch {
    /// Returns the next change. None: the environment was deleted, the daemon stops, or the watch has lasted for an hour.
    /// An error is the last item: the caller may not see the environment any more, or their credentials have expired.
    pub async fn next(&mut self) -> Option<Result<Arc<EnvironmentChange>, Refusal>> {
        loop {
            let change = match self.missed.pop_front() {
                Some(change) => change,
                None => match self.receive().await {
                    Ok(Some(change)) => change,
                    Ok(None) => continue,
                    Err(ended) => {
                        self.live = None;
                        return ended.map(Err);
                    }
                },
            };
            if let Err(denied) = self.service.authorize_watch(&self.caller, &self.watched) {
                self.live = None;
                return Some(Err(denied));
            }
            if change.deleted {
                self.live = None;
                self.missed.clear();
            }
            return Some(Ok(change));
        }
    }

    /// Waits for a change that is not known yet. `Ok(None)`: there was none so far. Err: the watch is over.
    async fn receive(&mut self) -> Result<Option<Arc<EnvironmentChange>>, Option<Refusal>> {
        let live = self.live.as_mut().ok_or(None)?;
        let wake = self.ends.min(Instant::now() + CHECK_INTERVAL);
        match timeout_at(wake, live.recv()).await {
            Ok(Ok(change)) => Ok((change.seq > self.seen).then_some(change)),
            Ok(Err(RecvError::Lagged(_))) => Ok(Some(self.start_over())),
            Ok(Err(RecvError::Closed)) => Err(None),
            Err(_) if Instant::now() >= self.ends => Err(self.expires.then(expired)),
            Err(_) => self.service.authorize_watch(&self.caller, &self.watched).map(|()| None).map_err(Some),
        }
    }

    /// The watcher was too slow, and changes are lost: it receives where the environment is now.
    fn start_over(&mut self) -> Arc<EnvironmentChange> {
        // What still waits is older than the state that is loaded next.
        self.live = self.live.take().map(|live| live.resubscribe());
        let state = self.service.inner.state.load();
        self.seen = state.head().seq;
        Arc::new(match hub::snapshot(&state, &self.watched) {
            Ok(current) => reset(&current, self.seen),
            Err(_) => EnvironmentChange {
                version: None,
                revision: state.tombstone(&self.watched.path).map_or(0, |gone| gone.revision),
                origin: self.watched.path.clone(),
                keys: Vec::new(),
                written: None,
                reset: true,
                deleted: true,
                seq: self.seen,
            },
        })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.live = None;
        self.service.inner.hub.release(&self.watched);
    }
}

/// Changes before this one are not known.
fn reset(current: &Snapshot, seq: u64) -> EnvironmentChange {
    let environment = current.environment();
    EnvironmentChange {
        version: Some(current.version()),
        revision: environment.revision,
        origin: environment.path.clone(),
        keys: Vec::new(),
        written: Some(environment.written.clone()),
        reset: true,
        deleted: false,
        seq,
    }
}

/// The credentials that the watch was asked for with are not accepted any more.
fn expired() -> Refusal {
    Refusal::new(Code::Unauthenticated, "the access token has expired, which ends the stream")
        .remedy("watch again from the last version on, with a new access token")
}

/// The daemon stops.
fn stopping() -> Refusal {
    Refusal::new(Code::ShuttingDown, "the daemon is shutting down")
        .remedy("try again when the daemon is running again")
}
