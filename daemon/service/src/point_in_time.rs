//! Reading the past. These reads go to the store.

use std::sync::Arc;

use kontraktor_model::names::EnvPath;
use uuid::Uuid;

use kontraktor_access::{Caller, Resource};

use super::{Service, Snapshot, read::snapshot_action};
use kontraktor_domain::{Code, Environment, Refusal, find_environment};
use kontraktor_store::{AsOf, PointInTime};

/// An environment that exists or existed: what it takes to find its history.
#[derive(Debug, Clone)]
pub(super) struct Known {
    path: EnvPath,
    id: Uuid,
    /// The newest revision.
    newest: u64,
    /// The environment, where it exists now.
    current: Option<Arc<Environment>>,
}

impl Service {
    /// Returns an environment as of a point in time, with what it imported then unless `own_only`. It may be deleted by now.
    pub async fn snapshot_at(
        &self,
        caller: &Caller,
        path: &EnvPath,
        own_only: bool,
        at: PointInTime,
    ) -> Result<Snapshot, Refusal> {
        self.authorize(caller, snapshot_action(own_only), Resource::Environment(path))?;
        self.earlier(caller, path, own_only, at).await
    }

    /// The same for a caller who was authorized already.
    pub(super) async fn earlier(
        &self,
        caller: &Caller,
        path: &EnvPath,
        own_only: bool,
        at: PointInTime,
    ) -> Result<Snapshot, Refusal> {
        let known = self.known(path)?;
        // What it imports may have changed since the newest revision; its own variables have not.
        if let Some(environment) = &known.current
            && at == PointInTime::Revision(known.newest)
            && (own_only || environment.imports.is_empty())
        {
            return Ok(Snapshot::own(Arc::clone(environment)));
        }
        let _turn = self.inner.turns.of(caller).await;
        match self.past(&known, at, !own_only).await? {
            AsOf::Found { environment, .. } if own_only => Ok(Snapshot::own(environment)),
            AsOf::Found { environment, imported } => {
                Snapshot::effective(&environment, |import| imported.get(import))
            }
            AsOf::NotYetCreated => Err(known.not_yet(at)),
            AsOf::Deleted { revision } => Err(known.deleted(at, revision)),
        }
    }

    /// Finds an environment that exists or existed; one that never did is refused.
    pub(super) fn known(&self, path: &EnvPath) -> Result<Known, Refusal> {
        let state = self.inner.state.load();
        if let Some(gone) = state.tombstone(path) {
            return Ok(Known { path: path.clone(), id: gone.id, newest: gone.revision, current: None });
        }
        let environment = find_environment(&state, path)?;
        Ok(Known {
            path: path.clone(),
            id: environment.id,
            newest: environment.revision,
            current: Some(Arc::clone(environment)),
        })
    }

    /// Returns the newest row as of a point in time, which the field of the request names. None: there was none yet.
    pub(super) async fn row_at(
        &self,
        known: &Known,
        field: &'static str,
        at: PointInTime,
    ) -> Result<Option<u64>, Refusal> {
        if let PointInTime::Revision(revision) = at {
            known.check_revision(field, revision)?;
        }
        let id = known.id;
        self.blocking(&self.inner.pages, move |store| store.row_at(id, at)).await
    }

    /// Returns an environment as of a point in time, and what it imported.
    pub(super) async fn past(&self, known: &Known, at: PointInTime, imported: bool) -> Result<AsOf, Refusal> {
        if let PointInTime::Revision(revision) = at {
            known.check_revision("at", revision)?;
        }
        let id = known.id;
        self.blocking(&self.inner.pages, move |store| {
            let Some(row) = store.row_at(id, at)? else { return Ok(AsOf::NotYetCreated) };
            // Secrets are resolved after the revision was written: its lockfile continues until the next one.
            let locks = match at {
                PointInTime::Revision(revision) => store.locks_at(id, revision)?.unwrap_or(u64::MAX),
                PointInTime::Time(_) => row,
            };
            store.as_of(id, row, locks, imported)
        })
        .await
    }
}

impl Known {
    /// The newest revision.
    pub(super) fn newest(&self) -> u64 {
        self.newest
    }

    fn check_revision(&self, field: &'static str, revision: u64) -> Result<(), Refusal> {
        let (path, newest) = (&self.path, self.newest);
        if revision == 0 {
            return Err(Refusal::invalid(field, "there is no revision 0; revisions start at 1").remedy(
                format!("use a revision from 1 to {newest}, or leave it out for the current state"),
            ));
        }
        if revision > newest {
            return Err(Refusal::new(
                Code::NotFound,
                format!("environment \"{path}\" has no revision {revision}; the newest is {newest}"),
            )
            .field(field)
            .remedy(format!("use a revision from 1 to {newest}")));
        }
        Ok(())
    }

    fn not_yet(&self, at: PointInTime) -> Refusal {
        let (path, when) = (&self.path, when(at));
        Refusal::new(Code::NotFound, format!("environment \"{path}\" did not exist yet at {when}"))
            .field("at")
            .remedy("use a later time, or revision 1, its first")
    }

    fn deleted(&self, at: PointInTime, revision: u64) -> Refusal {
        let (path, when) = (&self.path, when(at));
        let because = if at == PointInTime::Revision(revision) {
            "it was deleted at that revision".to_owned()
        } else {
            format!("it was deleted at revision {revision}")
        };
        Refusal::new(Code::NotFound, format!("environment \"{path}\" did not exist at {when}: {because}"))
            .field("at")
            .remedy(format!("use a point in time at which it existed, such as revision {}", revision - 1))
    }
}

fn when(at: PointInTime) -> String {
    match at {
        PointInTime::Revision(revision) => format!("revision {revision}"),
        PointInTime::Time(time) => time.to_string(),
    }
}
