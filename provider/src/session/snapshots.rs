//! Environment snapshots that were read in this walk.
//!
//! A walk reads hundreds of resources, so an environment's own variables are fetched once and served from then on. Reads
//! that arrive during the first fetch share its result, even a failure. A data source can depend on writes by other
//! providers in the same walk, so its view is revalidated on every read, by the version that is held; only reads that
//! arrived before a request was sent share its response. The contents at a revision never change and are fetched once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use kontraktor_model::names::{EnvPath, ProjectName};
use kontraktor_proto::{
    client::{Client, ClientError},
    v1::{self, ProblemCode},
};
use tokio::sync::{Mutex as Turn, OnceCell};

/// What an environment holds at one point in time: plain variables, and separately its secret references.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Snapshot {
    /// The environment's own revision.
    pub(crate) revision: u64,
    /// The environments that it imports directly, in order, as `project/env`.
    pub(crate) imports: Vec<String>,
    version: String,
    /// Plain variables, by key.
    variables: HashMap<String, v1::Variable>,
    /// Secret references, by key.
    references: HashMap<String, v1::Variable>,
}

/// What a data source selects of an environment: by default everything, as of now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct View {
    /// The prefix of the selected keys.
    pub(crate) prefix: String,
    /// Whether to leave out imported variables.
    pub(crate) own_only: bool,
    /// The point in time; `None`: now.
    pub(crate) at: Option<v1::PointInTime>,
}

impl View {
    /// Returns whether the view can never change.
    fn is_immutable(&self) -> bool {
        matches!(self.at, Some(v1::PointInTime { at: Some(v1::point_in_time::At::Revision(_)) }))
    }
}

impl Snapshot {
    /// Returns the plain variable with this key.
    pub(crate) fn get(&self, key: &str) -> Option<&v1::Variable> {
        self.variables.get(key)
    }

    /// Returns all plain variables, in no particular order.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &v1::Variable> {
        self.variables.values()
    }

    /// Returns the secret reference with this key.
    pub(crate) fn reference(&self, key: &str) -> Option<&v1::Variable> {
        self.references.get(key)
    }

    /// Returns all secret references, in no particular order.
    pub(crate) fn references(&self) -> impl Iterator<Item = &v1::Variable> {
        self.references.values()
    }
}

impl From<v1::Snapshot> for Snapshot {
    fn from(snapshot: v1::Snapshot) -> Self {
        let keyed = snapshot.variables.into_iter().map(|variable| (variable.key.clone(), variable));
        let (references, variables) = keyed.partition(|(_, variable)| variable.reference().is_some());
        let imports = snapshot.imports.iter().map(|name| format!("{}/{}", name.project, name.env)).collect();
        Self { revision: snapshot.revision, imports, version: snapshot.version, variables, references }
    }
}

/// A fetch that is in flight or done; `None` inside: the environment does not exist.
type Fetch = Arc<OnceCell<Result<Option<Arc<Snapshot>>, ClientError>>>;

#[derive(Default)]
pub(super) struct SnapshotCache {
    own: Mutex<HashMap<EnvPath, Fetch>>,
    views: Mutex<HashMap<(EnvPath, View), Arc<CachedView>>>,
}

/// One view of one environment.
#[derive(Default)]
struct CachedView {
    /// The next request, which new readers join until it is sent.
    next: Mutex<Fetch>,
    /// The last snapshot. The task that holds the lock is sending a request; there is only one at a time.
    held: Turn<Option<Arc<Snapshot>>>,
}

impl SnapshotCache {
    pub(super) async fn own_snapshot(
        &self,
        client: &Client,
        env: &EnvPath,
    ) -> Result<Option<Arc<Snapshot>>, ClientError> {
        let fetch = Arc::clone(lock(&self.own).entry(env.clone()).or_default());
        let result = fetch
            .get_or_init(|| async {
                let request =
                    v1::GetSnapshotRequest { name: Some(env.into()), own_only: true, ..Default::default() };
                Ok(get(client, request).await?.map(|snapshot| Arc::new(snapshot.into())))
            })
            .await
            .clone();
        if result.is_err() {
            // Those who waited share the failure; the next read tries again.
            let mut own = lock(&self.own);
            if own.get(env).is_some_and(|held| Arc::ptr_eq(held, &fetch)) {
                own.remove(env);
            }
        }
        result
    }

    /// `None`: the environment does not exist now. If it did not exist at an earlier time, that is an error.
    pub(super) async fn view(
        &self,
        client: &Client,
        env: &EnvPath,
        view: &View,
    ) -> Result<Option<Arc<Snapshot>>, ClientError> {
        let cached = Arc::clone(lock(&self.views).entry((env.clone(), view.clone())).or_default());
        let fetch = Arc::clone(&lock(&cached.next));
        fetch.get_or_init(|| cached.fetch(client, env, view, &fetch)).await.clone()
    }

    /// Discards the snapshot of an environment that was written to.
    pub(super) fn forget(&self, env: &EnvPath) {
        lock(&self.own).remove(env);
    }

    /// Discards the snapshots of all environments of a project.
    pub(super) fn forget_project(&self, project: &ProjectName) {
        lock(&self.own).retain(|env, _| env.project != *project);
    }
}

impl CachedView {
    /// Waits for its turn, closes the request to later readers, and sends it.
    async fn fetch(
        &self,
        client: &Client,
        env: &EnvPath,
        view: &View,
        fetch: &Fetch,
    ) -> Result<Option<Arc<Snapshot>>, ClientError> {
        let mut held = self.held.lock().await;
        {
            let mut next = lock(&self.next);
            // They differ if the first reader gave up while it was fetching and another fetches in its place.
            if Arc::ptr_eq(&next, fetch) {
                *next = Fetch::default();
            }
        }
        if held.is_some() && view.is_immutable() {
            return Ok(held.clone());
        }
        let request = v1::GetSnapshotRequest {
            name: Some(env.into()),
            prefix: view.prefix.clone(),
            own_only: view.own_only,
            at: view.at,
            if_version_differs: held.as_ref().map(|held| held.version.clone()).unwrap_or_default(),
        };
        let answer = get(client, request).await?;
        if !answer.as_ref().is_some_and(|answer| answer.not_modified && held.is_some()) {
            *held = answer.map(|answer| Arc::new(answer.into()));
        }
        Ok(held.clone())
    }
}

async fn get(client: &Client, request: v1::GetSnapshotRequest) -> Result<Option<v1::Snapshot>, ClientError> {
    let now = request.at.is_none();
    match client.get_snapshot(request).await {
        Ok(snapshot) => {
            let name = snapshot.name.clone().unwrap_or_default();
            tracing::debug!(
                project = name.project,
                env = name.env,
                revision = snapshot.revision,
                variables = snapshot.variables.len(),
                not_modified = snapshot.not_modified,
                "read a snapshot"
            );
            Ok(Some(snapshot))
        }
        Err(ClientError::Refused(problem)) if now && problem.code() == ProblemCode::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Every change of these maps is a single insert or remove, so the map behind a poisoned lock is consistent.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
