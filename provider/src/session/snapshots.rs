//! What was read of environments in this walk.
//!
//! Resources are read by the hundred, so an environment's own variables are fetched once and served from then on; reads
//! that come while the first is under way share it, and its failure. A data source can depend on writes of other
//! providers in the same walk, so effective variables are always asked for, with the version that is held.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kontraktor_proto::client::{Client, ClientError};
use kontraktor_proto::names::EnvPath;
use kontraktor_proto::v1::{self, ProblemCode};
use tokio::sync::OnceCell;

/// An environment's variables at one moment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Snapshot {
    /// The environment's own revision.
    pub(crate) revision: u64,
    version: String,
    variables: HashMap<String, v1::Variable>,
}

impl Snapshot {
    /// The variable of that key.
    pub(crate) fn get(&self, key: &str) -> Option<&v1::Variable> {
        self.variables.get(key)
    }

    /// All variables, in no order.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &v1::Variable> {
        self.variables.values()
    }
}

impl From<v1::Snapshot> for Snapshot {
    fn from(snapshot: v1::Snapshot) -> Self {
        let variables =
            snapshot.variables.into_iter().map(|variable| (variable.key.clone(), variable)).collect();
        Self { revision: snapshot.revision, version: snapshot.version, variables }
    }
}

/// A fetch that is under way or done; `None` inside: there is no such environment.
type Fetch = Arc<OnceCell<Result<Option<Arc<Snapshot>>, ClientError>>>;

#[derive(Default)]
pub(super) struct Snapshots {
    own: Mutex<HashMap<EnvPath, Fetch>>,
    effective: Mutex<HashMap<(EnvPath, String), Arc<Snapshot>>>,
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

    pub(super) async fn effective(
        &self,
        client: &Client,
        env: &EnvPath,
        prefix: &str,
    ) -> Result<Option<Arc<Snapshot>>, ClientError> {
        let place = (env.clone(), prefix.to_owned());
        let held = locked(&self.effective).get(&place).cloned();
        let request = v1::GetSnapshotRequest {
            name: Some(env.into()),
            prefix: prefix.to_owned(),
            if_version_differs: held.as_ref().map(|held| held.version.clone()).unwrap_or_default(),
            ..Default::default()
        };
        let answer = get(client, request).await?;
        let snapshot = match (answer, held) {
            (None, _) => {
                locked(&self.effective).remove(&place);
                return Ok(None);
            }
            (Some(answer), Some(held)) if answer.not_modified => return Ok(Some(held)),
            (Some(answer), _) => Arc::new(Snapshot::from(answer)),
        };
        locked(&self.effective).insert(place, Arc::clone(&snapshot));
        Ok(Some(snapshot))
    }

    /// Something was written into the environment: what was read of it before is not served again.
    pub(super) fn forget(&self, env: &EnvPath) {
        locked(&self.own).remove(env);
    }
}

async fn get(client: &Client, request: v1::GetSnapshotRequest) -> Result<Option<v1::Snapshot>, ClientError> {
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
        Err(ClientError::Refused(problem)) if problem.code() == ProblemCode::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The maps are only ever changed by one whole insert or remove, so a poisoned lock holds a sound map.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
