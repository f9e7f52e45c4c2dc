//! What one configured provider shares among its calls: the client, what was read in this walk, and the way to write.
//!
//! It speaks `kontraktor.v1` and keeps what it read; it knows nothing of schemas, plans or messages to people.

mod batcher;
mod snapshots;

use std::sync::Arc;

use kontraktor_proto::client::{Client, ClientError};
use kontraktor_proto::names::EnvPath;
use kontraktor_proto::v1;

pub(crate) use self::batcher::Pace;
use self::batcher::{Batch, Batcher};
pub(crate) use self::snapshots::Snapshot;
use self::snapshots::Snapshots;
use crate::framework::Attr;

/// Why a session could not do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Trouble {
    /// The provider's block holds values that only an apply will tell.
    #[error("the provider block's {} will be known only after other resources are applied", attributes.join(" and "))]
    NotKnown { attributes: Vec<&'static str> },
    /// The call failed.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl Trouble {
    /// The daemon's refusal, where it is one.
    pub(crate) fn problem(&self) -> Option<&v1::Problem> {
        match self {
            Self::Client(error) => error.problem(),
            Self::NotKnown { .. } => None,
        }
    }

    /// Whether the daemon refused with this code.
    pub(crate) fn is(&self, code: v1::ProblemCode) -> bool {
        self.problem().is_some_and(|problem| problem.code() == code)
    }

    /// Whether a write may or may not have been carried out.
    pub(crate) fn outcome_unknown(&self) -> bool {
        matches!(self, Self::Client(ClientError::OutcomeUnknown { .. }))
    }
}

/// One configured provider.
pub struct Session {
    /// Or the attributes that are not known yet.
    link: Result<Link, Vec<&'static str>>,
    create_missing: Attr<bool>,
    snapshots: Arc<Snapshots>,
}

/// The ways to the daemon.
struct Link {
    client: Client,
    batcher: Batcher,
}

impl Link {
    fn new(client: Client, pace: Pace, snapshots: &Arc<Snapshots>) -> Self {
        let (carrier, snapshots) = (client.clone(), Arc::clone(snapshots));
        let carry = move |batch: Batch| -> batcher::Carried {
            let (client, snapshots) = (carrier.clone(), Arc::clone(&snapshots));
            Box::pin(async move {
                let answer = client.write_variables(batch.request).await;
                // Whatever came of it: even a refusal can mean that what was read before is no longer so.
                for env in &batch.environments {
                    snapshots.forget(env);
                }
                answer
            })
        };
        Self { client, batcher: Batcher::new(pace, Arc::new(carry)) }
    }
}

impl Session {
    /// A session that has not connected yet; `create_missing` is true unless said otherwise.
    pub(crate) fn new(
        client: Result<Client, Vec<&'static str>>,
        create_missing: Attr<bool>,
        pace: Pace,
    ) -> Self {
        let snapshots = Arc::default();
        let link = client.map(|client| Link::new(client, pace, &snapshots));
        Self { link, create_missing, snapshots }
    }

    fn link(&self) -> Result<&Link, Trouble> {
        self.link.as_ref().map_err(|attributes| Trouble::NotKnown { attributes: attributes.clone() })
    }

    /// The client, which connects when it is first used.
    pub(crate) fn client(&self) -> Result<&Client, Trouble> {
        self.link().map(|link| &link.client)
    }

    /// Whether writes create the project and environment that they need.
    pub(crate) fn create_missing(&self) -> Result<bool, Trouble> {
        match self.create_missing {
            Attr::Null => Ok(true),
            Attr::Known(create) => Ok(create),
            Attr::Unknown => Err(Trouble::NotKnown { attributes: vec!["create_missing"] }),
        }
    }

    /// An environment's own variables, as they were when this walk first asked for them and nothing was written
    /// since. `None`: there is no such environment.
    pub(crate) async fn own(&self, env: &EnvPath) -> Result<Option<Arc<Snapshot>>, Trouble> {
        Ok(self.snapshots.own(self.client()?, env).await?)
    }

    /// An environment's effective variables whose keys begin with the prefix, as they are now. `None`: there is no
    /// such environment.
    pub(crate) async fn effective(
        &self,
        env: &EnvPath,
        prefix: &str,
    ) -> Result<Option<Arc<Snapshot>>, Trouble> {
        Ok(self.snapshots.effective(self.client()?, env, prefix).await?)
    }

    /// Writes one variable, together with whatever else is written now. A refusal of the item is an error like any
    /// other.
    pub(crate) async fn write(&self, env: &EnvPath, item: v1::WriteItem) -> Result<v1::WriteResult, Trouble> {
        let link = self.link()?;
        let answer = link.batcher.write(env, item).await.ok_or_else(|| ClientError::OutcomeUnknown {
            target: link.client.options().host.to_string(),
            operation: "WriteVariables",
            reason: "no result for this item came back".to_owned(),
        })?;
        let result = answer?;
        match (result.status(), result.problem) {
            (v1::WriteStatus::Refused, problem) => {
                Err(ClientError::Refused(Box::new(problem.unwrap_or_default())).into())
            }
            (_, problem) => Ok(v1::WriteResult { problem, ..result }),
        }
    }

    /// Sends the writes that wait for company.
    pub(crate) fn stop(&self) {
        if let Ok(link) = &self.link {
            link.batcher.flush();
        }
    }
}
