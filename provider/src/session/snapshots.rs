//! What was read of environments in this walk.
//!
//! Resources are read by the hundred, so an environment's own variables are fetched once and served from then on; reads
//! that come while the first is under way share it, and its failure. A data source can depend on writes of other
//! providers in the same walk, so its view is always asked for, with the version that is held; only those who came
//! before a request was sent share its answer. What stood at a revision never changes, and is asked for once.

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

/// What an environment holds at one moment: plain variables, and secret references apart from them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Snapshot {
    /// The environment's own revision.
    pub(crate) revision: u64,
    /// What it imports directly, in order, as `project/env`.
    pub(crate) imports: Vec<String>,
    version: String,
    /// What is no secret reference, by key.
    variables: HashMap<String, v1::Variable>,
    /// Secret references, by key.
    references: HashMap<String, v1::Variable>,
}

/// What of an environment a data source looks at: by default everything, as it is now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct View {
    /// What keys begin with.
    pub(crate) prefix: String,
    /// Without what is imported.
    pub(crate) own_only: bool,
    /// When; `None`: now.
    pub(crate) at: Option<v1::PointInTime>,
}

impl View {
    /// Whether everybody who ever looks sees the same.
    fn is_settled(&self) -> bool {
        matches!(self.at, Some(v1::PointInTime { at: Some(v1::point_in_time::At::Revision(_)) }))
    }
}

impl Snapshot {
    /// The plain variable of that key.
    pub(crate) fn get(&self, key: &str) -> Option<&v1::Variable> {
        self.variables.get(key)
    }

    /// All plain variables, in no order.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &v1::Variable> {
        self.variables.values()
    }

    /// The secret reference of that key.
    pub(crate) fn reference(&self, key: &str) -> Option<&v1::Variable> {
        self.references.get(key)
    }

    /// All secret references, in no order.
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

/// A fetch that is under way or done; `None` inside: there is no such environment.
type Fetch = Arc<OnceCell<Result<Option<Arc<Snapshot>>, ClientError>>>;

#[derive(Default)]
pub(super) struct Snapshots {
    own: Mutex<HashMap<EnvPath, Fetch>>,
    views: Mutex<HashMap<(EnvPath, View), Arc<Viewed>>>,
}

/// One view of one environment.
#[derive(Default)]
struct Viewed {
    /// The request that was not sent yet, which who comes now joins.
    next: Mutex<Fetch>,
    /// What was read last. One request at a time: who holds the lock is sending.
    held: Turn<Option<Arc<Snapshot>>>,
}

impl Snapshots {
    pub(super) async fn own(
        &self,
        client: &Client,
        env: &EnvPath,
    ) -> Result<Option<Arc<Snapshot>>, ClientError> {
        let fetch = Arc::clone(locked(&self.own).entry(env.clone()).or_default());
        let result = fetch
            .get_or_init(|| async {
                let request =
                    v1::GetSnapshotRequest { name: Some(env.into()), own_only: true, ..Default::default() };
                Ok(get(client, request).await?.map(|snapshot| Arc::new(snapshot.into())))
            })
            .await
            .clone();
        if result.is_err() {
            // Those who waited are told; the next one tries again.
            let mut own = locked(&self.own);
            if own.get(env).is_some_and(|held| Arc::ptr_eq(held, &fetch)) {
                own.remove(env);
            }
        }
        result
    }

    /// `None`: there is no such environment now. That there was none at another moment is an error.
    pub(super) async fn look(
        &self,
        client: &Client,
        env: &EnvPath,
        view: &View,
    ) -> Result<Option<Arc<Snapshot>>, ClientError> {
        let viewed = Arc::clone(locked(&self.views).entry((env.clone(), view.clone())).or_default());
        let fetch = Arc::clone(&locked(&viewed.next));
        fetch.get_or_init(|| viewed.ask(client, env, view, &fetch)).await.clone()
    }

    /// Something was written into the environment: what was read of it before is not served again.
    pub(super) fn forget(&self, env: &EnvPath) {
        locked(&self.own).remove(env);
    }

    /// The same for all environments of a project.
    pub(super) fn forget_project(&self, project: &ProjectName) {
        locked(&self.own).retain(|env, _| env.project != *project);
    }
}

impl Viewed {
    /// Waits for its turn, closes the door behind those who came so far, and asks.
    async fn ask(
        &self,
        client: &Client,
        env: &EnvPath,
        view: &View,
        fetch: &Fetch,
    ) -> Result<Option<Arc<Snapshot>>, ClientError> {
        let mut held = self.held.lock().await;
        {
            let mut next = locked(&self.next);
            // Not so where the first of them gave up while it asked, and another asks in its place.
            if Arc::ptr_eq(&next, fetch) {
                *next = Fetch::default();
            }
        }
        if held.is_some() && view.is_settled() {
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

/// The maps are only ever changed by one whole insert or remove, so a poisoned lock holds a sound map.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
