//! What one configured provider shares among its calls: the client, what was read in this walk, and the way to write.
//!
//! It speaks `kontraktor.v1` and keeps what it read; it knows nothing of schemas, plans or messages to people.

mod batcher;
mod made;
mod secrets;
mod snapshots;
mod together;

use std::sync::Arc;

use kontraktor_model::names::{EnvPath, ProjectName};
use kontraktor_proto::{
    client::{Client, ClientError},
    v1,
};

pub(crate) use self::{
    batcher::Pace,
    secrets::{Hold, NotEverything, Secret, Unresolved},
    snapshots::{Snapshot, View},
    together::{Claim, NotTogether},
};
use self::{
    batcher::{Batch, Batcher},
    made::Made,
    snapshots::Snapshots,
    together::Claims,
};
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

/// What to do where someone else wrote in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum OnConflict {
    /// Write nothing, and say so.
    #[default]
    Fail,
    /// Write in any case, and take over what exists.
    Overwrite,
}

impl OnConflict {
    /// Reads an `on_conflict` setting.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "fail" => Some(Self::Fail),
            "overwrite" => Some(Self::Overwrite),
            _ => None,
        }
    }
}

/// What the provider's block says for all resources.
#[derive(Debug, Clone, Default)]
pub(crate) struct Defaults {
    /// Whether writes create the project and environment that they need; true unless said otherwise.
    pub(crate) create_missing: Attr<bool>,
    /// What happens where someone else wrote in between; `fail` unless said otherwise.
    pub(crate) on_conflict: Attr<String>,
}

/// One configured provider.
pub struct Session {
    /// Or the attributes that are not known yet.
    link: Result<Link, Vec<&'static str>>,
    defaults: Defaults,
    snapshots: Arc<Snapshots>,
    claims: Claims,
    made: Made,
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
    /// A session that has not connected yet.
    pub(crate) fn new(client: Result<Client, Vec<&'static str>>, defaults: Defaults, pace: Pace) -> Self {
        let snapshots = Arc::default();
        let link = client.map(|client| Link::new(client, pace, &snapshots));
        Self { link, defaults, snapshots, claims: Claims::default(), made: Made::default() }
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
        match self.defaults.create_missing {
            Attr::Null => Ok(true),
            Attr::Known(create) => Ok(create),
            Attr::Unknown => Err(Trouble::NotKnown { attributes: vec!["create_missing"] }),
        }
    }

    /// What to do where someone else wrote in between: the resource's own `on_conflict`, and the provider's where it
    /// has none.
    pub(crate) fn on_conflict(&self, own: &Attr<String>) -> Result<OnConflict, Trouble> {
        let said = if own.is_null() { &self.defaults.on_conflict } else { own };
        match said {
            Attr::Null => Ok(OnConflict::default()),
            // What is neither is refused when it is validated.
            Attr::Known(text) => Ok(OnConflict::parse(text).unwrap_or_default()),
            Attr::Unknown => Err(Trouble::NotKnown { attributes: vec!["on_conflict"] }),
        }
    }

    /// An environment's own variables, as they were when this walk first asked for them and nothing was written
    /// since. `None`: there is no such environment.
    pub(crate) async fn own(&self, env: &EnvPath) -> Result<Option<Arc<Snapshot>>, Trouble> {
        Ok(self.snapshots.own(self.client()?, env).await?)
    }

    /// An environment as a data source looks at it: what it holds now, or what it held at the view's moment. `None`:
    /// there is no such environment now.
    pub(crate) async fn look(&self, env: &EnvPath, view: &View) -> Result<Option<Arc<Snapshot>>, Trouble> {
        Ok(self.snapshots.look(self.client()?, env, view).await?)
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

    /// The environment was deleted, or may have been: what was read of it is not served again.
    pub(crate) fn forget(&self, env: &EnvPath) {
        self.snapshots.forget(env);
    }

    /// The same for all environments of a project.
    pub(crate) fn forget_project(&self, project: &ProjectName) {
        self.snapshots.forget_project(project);
    }

    /// Sends the writes that wait for company.
    pub(crate) fn stop(&self) {
        if let Ok(link) = &self.link {
            link.batcher.flush();
        }
    }
}
