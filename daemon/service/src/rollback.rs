//! Rollback: returning an environment to an earlier revision. The earlier state is read here; what follows from it is decided
//! by the rules, which see the current state.

use std::sync::Arc;

use kontraktor_model::{names::EnvPath, reference::Reference};

use kontraktor_access::{Action, Caller, Resource};

use super::Service;
use kontraktor_domain::{
    Code, EarlierState, Environment, Refusal, RestoreEnvironment, Restored, find_environment,
};
use kontraktor_store::{AsOf, PointInTime};

impl Service {
    /// Writes a new revision in which own variables, imports and description are as they were at `to_revision`. Refused
    /// where the environment is not at `expect_revision`.
    pub async fn rollback(
        &self,
        caller: &Caller,
        path: EnvPath,
        to_revision: u64,
        expect_revision: Option<u64>,
    ) -> Result<Restored, Refusal> {
        self.authorize(caller, Action::EnvironmentRollback, Resource::Environment(&path))?;
        // It must exist: there is nothing to make a new revision of otherwise.
        find_environment(&self.inner.state.load(), &path)?;
        let known = self.known(&path)?;
        check(&path, to_revision, known.newest())?;
        let turn = self.inner.turns.of(caller).await;
        let past = self.past(&known, PointInTime::Revision(to_revision), false).await?;
        drop(turn);
        let then = match past {
            AsOf::Found { environment, .. } => environment,
            AsOf::Deleted { revision } => return Err(deleted(&path, revision)),
            AsOf::NotYetCreated => {
                return Err(Refusal::new(
                    Code::Storage,
                    format!(
                        "revision {to_revision} of environment \"{path}\" is missing: the log is damaged"
                    ),
                )
                .remedy("run `kontraktord audit verify`, and restore a backup"));
            }
        };
        self.authorize_imports(caller, &path, &then.imports).map_err(|refusal| match refusal.code {
            Code::NotFound => refusal.unrestorable(&path, to_revision),
            _ => refusal,
        })?;
        self.authorize_references(caller, &path, &then)?;
        let earlier = EarlierState {
            revision: to_revision,
            description: Arc::clone(&then.description),
            imports: Arc::clone(&then.imports),
            variables: then.variables.clone(),
        };
        self.queue(caller, RestoreEnvironment { path, earlier, expect_revision }).await
    }
}

impl Service {
    /// Refuses where a rollback would write a reference that its vault does not grant to the environment.
    fn authorize_references(
        &self,
        caller: &Caller,
        path: &EnvPath,
        then: &Environment,
    ) -> Result<(), Refusal> {
        let state = self.inner.state.load();
        let now = state.environment(path);
        for variable in then.variables.values().filter(|variable| variable.kind.is_reference()) {
            let current = now.and_then(|now| now.variables.get(&variable.key));
            if current.is_some_and(|current| current.kind == variable.kind && current.value == variable.value)
            {
                continue;
            }
            // One of an older grammar is left to the rules.
            if let Ok(reference) = variable.value.parse::<Reference>() {
                let action = Action::EnvironmentRollback;
                self.authorize_reference(&state, caller, action, Some(path), &reference)
                    .map_err(|refusal| refusal.field("to_revision"))?;
            }
        }
        Ok(())
    }
}

fn check(path: &EnvPath, to_revision: u64, newest: u64) -> Result<(), Refusal> {
    if (1..newest).contains(&to_revision) {
        return Ok(());
    }
    let refused = |message: String| Refusal::invalid("to_revision", message);
    if newest == 1 {
        return Err(refused(format!(
            "environment \"{path}\" is at its first revision and cannot be rolled back"
        ))
        .remedy("choose an environment that has earlier revisions"));
    }
    let wrong = match to_revision {
        0 => format!("environment \"{path}\" has no revision 0; revisions start at 1"),
        same if same == newest => format!("environment \"{path}\" is already at revision {newest}"),
        _ => format!("environment \"{path}\" has no revision {to_revision}; the newest is {newest}"),
    };
    Err(refused(wrong).remedy(format!("use a revision from 1 to {}", newest - 1)))
}

fn deleted(path: &EnvPath, revision: u64) -> Refusal {
    Refusal::invalid(
        "to_revision",
        format!("environment \"{path}\" was deleted at revision {revision}; there is nothing to restore"),
    )
    .remedy(format!("use a revision at which it existed, such as {}", revision - 1))
}
