//! What one configured provider shares among its calls: the client, the snapshots read so far, and the write batcher.
//!
//! It speaks `kontraktor.v1` and knows nothing of schemas, plans or diagnostics.

mod atomic_write;
mod batcher;
mod claims;
mod created;
mod deletions;
mod protected;
mod secrets;
mod snapshots;

use std::sync::Arc;

use kontraktor_model::names::{EnvPath, ProjectName};
use kontraktor_proto::{
    client::{Client, ClientError},
    v1,
};
use tokio::sync::OnceCell;

pub(crate) use self::{
    atomic_write::AtomicWriteError,
    batcher::BatchOptions,
    claims::Claim,
    deletions::Container,
    secrets::{Hold, ReadEnvironmentError, Secret, UnresolvedSecret},
    snapshots::{Snapshot, View},
};
use self::{
    batcher::{Batch, Batcher},
    claims::Claims,
    created::CreatedObjects,
    deletions::Deletions,
    protected::ProtectedObjects,
    snapshots::SnapshotCache,
};
use crate::framework::Attr;

/// Why a session could not do what it was asked to.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum SessionError {
    /// Attributes of the provider block are known only after an apply.
    #[error("the provider block sets {} to a value that is known only after other resources are applied", attributes.join(" and "))]
    UnknownConfig { attributes: Vec<&'static str> },
    /// The request failed.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl SessionError {
    /// Returns the daemon's problem, if the daemon refused the request.
    pub(crate) fn problem(&self) -> Option<&v1::Problem> {
        match self {
            Self::Client(error) => error.problem(),
            Self::UnknownConfig { .. } => None,
        }
    }

    /// Returns whether the daemon refused the request with this code.
    pub(crate) fn is(&self, code: v1::ProblemCode) -> bool {
        self.problem().is_some_and(|problem| problem.code() == code)
    }

    /// Returns whether a write may or may not have happened.
    pub(crate) fn outcome_unknown(&self) -> bool {
        matches!(self, Self::Client(ClientError::OutcomeUnknown { .. }))
    }
}

/// What to do when an object was changed outside of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum OnConflict {
    /// Write nothing, and report an error.
    #[default]
    Fail,
    /// Write anyway, and take over what exists.
    Overwrite,
}

impl OnConflict {
    /// Parses an `on_conflict` setting.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "fail" => Some(Self::Fail),
            "overwrite" => Some(Self::Overwrite),
            _ => None,
        }
    }
}

/// The defaults that the provider block sets for all resources.
#[derive(Debug, Clone, Default)]
pub(crate) struct Defaults {
    /// Whether writes create missing projects and environments; true by default.
    pub(crate) create_missing: Attr<bool>,
    /// What to do when an object was changed outside of the plan; `fail` by default.
    pub(crate) on_conflict: Attr<String>,
}

/// One configured provider.
pub struct Session {
    /// `Err` holds the attributes that are not known yet.
    connection: Result<Connection, Vec<&'static str>>,
    defaults: Defaults,
    snapshots: Arc<SnapshotCache>,
    claims: Claims,
    created: CreatedObjects,
    deletions: Deletions,
    protected: ProtectedObjects,
    /// The daemon's vaults, once they were needed. `None`: it does not list them for this caller.
    vaults: OnceCell<Option<Vec<v1::VaultStatus>>>,
}

/// The connection to the daemon.
struct Connection {
    client: Client,
    batcher: Batcher,
}

impl Connection {
    fn new(client: Client, options: BatchOptions, snapshots: &Arc<SnapshotCache>) -> Self {
        let (sender, snapshots) = (client.clone(), Arc::clone(snapshots));
        let send_batch = move |batch: Batch| -> batcher::BatchResponse {
            let (client, snapshots) = (sender.clone(), Arc::clone(&snapshots));
            Box::pin(async move {
                let answer = client.write_variables(batch.request).await;
                // Even a refusal can mean that an earlier snapshot is out of date.
                for env in &batch.environments {
                    snapshots.forget(env);
                }
                answer
            })
        };
        Self { client, batcher: Batcher::new(options, Arc::new(send_batch)) }
    }
}

impl Session {
    /// Creates a session. It connects on the first request.
    pub(crate) fn new(
        client: Result<Client, Vec<&'static str>>,
        defaults: Defaults,
        options: BatchOptions,
    ) -> Self {
        let snapshots = Arc::default();
        let connection = client.map(|client| Connection::new(client, options, &snapshots));
        Self {
            connection,
            defaults,
            snapshots,
            claims: Claims::default(),
            created: CreatedObjects::default(),
            deletions: Deletions::default(),
            protected: ProtectedObjects::default(),
            vaults: OnceCell::new(),
        }
    }

    fn connection(&self) -> Result<&Connection, SessionError> {
        self.connection
            .as_ref()
            .map_err(|attributes| SessionError::UnknownConfig { attributes: attributes.clone() })
    }

    /// Returns the client, which connects on the first request.
    pub(crate) fn client(&self) -> Result<&Client, SessionError> {
        self.connection().map(|connection| &connection.client)
    }

    /// Returns whether writes create missing projects and environments.
    pub(crate) fn create_missing(&self) -> Result<bool, SessionError> {
        match self.defaults.create_missing {
            Attr::Null => Ok(true),
            Attr::Known(create) => Ok(create),
            Attr::Unknown => Err(SessionError::UnknownConfig { attributes: vec!["create_missing"] }),
        }
    }

    /// Returns what to do when an object was changed outside of the plan: the resource's own `on_conflict`, or else the
    /// provider's.
    pub(crate) fn on_conflict(&self, own: &Attr<String>) -> Result<OnConflict, SessionError> {
        let setting = if own.is_null() { &self.defaults.on_conflict } else { own };
        match setting {
            Attr::Null => Ok(OnConflict::default()),
            // Validation refuses all other values.
            Attr::Known(text) => Ok(OnConflict::parse(text).unwrap_or_default()),
            Attr::Unknown => Err(SessionError::UnknownConfig { attributes: vec!["on_conflict"] }),
        }
    }

    /// Returns an environment's own variables as of the first read in this walk after the last write. `None`: the
    /// environment does not exist.
    pub(crate) async fn own_snapshot(&self, env: &EnvPath) -> Result<Option<Arc<Snapshot>>, SessionError> {
        Ok(self.snapshots.own_snapshot(self.client()?, env).await?)
    }

    /// Returns what a data source sees of an environment, now or at the view's point in time. `None`: the environment does
    /// not exist now.
    pub(crate) async fn view(
        &self,
        env: &EnvPath,
        view: &View,
    ) -> Result<Option<Arc<Snapshot>>, SessionError> {
        Ok(self.snapshots.view(self.client()?, env, view).await?)
    }

    /// Writes one variable, batched with other writes. A refused item is an error like any other.
    pub(crate) async fn write(
        &self,
        env: &EnvPath,
        item: v1::WriteItem,
    ) -> Result<v1::WriteResult, SessionError> {
        let connection = self.connection()?;
        let answer =
            connection.batcher.write(env, item).await.ok_or_else(|| ClientError::OutcomeUnknown {
                target: connection.client.options().host.to_string(),
                operation: "WriteVariables",
                reason: "the response holds no result for this item".to_owned(),
            })?;
        let result = answer?;
        match (result.status(), result.problem) {
            (v1::WriteStatus::Refused, problem) => {
                Err(ClientError::Refused(Box::new(problem.unwrap_or_default())).into())
            }
            (_, problem) => Ok(v1::WriteResult { problem, ..result }),
        }
    }

    /// Discards the snapshot of an environment that was deleted, or may have been.
    pub(crate) fn forget(&self, env: &EnvPath) {
        self.snapshots.forget(env);
    }

    /// Discards the snapshots of all environments of a project.
    pub(crate) fn forget_project(&self, project: &ProjectName) {
        self.snapshots.forget_project(project);
    }

    /// Sends the writes that wait for others, and ends the waits for other deletions.
    pub(crate) fn stop(&self) {
        self.deletions.stop();
        if let Ok(connection) = &self.connection {
            connection.batcher.flush();
        }
    }
}
