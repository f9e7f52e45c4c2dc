//! The gate of every call: nothing is looked up before [`kontraktor_access::authorize`] has allowed it, so that a denial
//! does not reveal what exists.

use kontraktor_access::{Action, Caller, Resource, authorize};
use kontraktor_domain::{Batch, Refusal, Request};
use kontraktor_model::names::EnvPath;

use super::Service;

impl Service {
    /// Refuses a caller who may not do this, and counts the denial.
    pub(super) fn authorize(
        &self,
        caller: &Caller,
        action: Action,
        resource: Resource<'_>,
    ) -> Result<(), Refusal> {
        authorize(caller, action, resource).map_err(|denied| {
            self.count_denial(caller, action, resource);
            Refusal::from(&denied)
        })
    }

    /// Refuses a caller who may not write to every environment that a batch names. A name against the rules is left to
    /// the rules, which refuse its item.
    pub(super) fn authorize_batch(&self, caller: &Caller, batch: &Batch) -> Result<(), Refusal> {
        let mut last = None;
        for item in batch.groups.iter().flatten() {
            let names = (item.project.as_str(), item.env.as_str());
            if last.replace(names) == Some(names) {
                continue;
            }
            if let Ok(path) = EnvPath::new(names.0, names.1) {
                self.authorize(caller, Action::VariableWrite, Resource::Environment(&path))?;
            }
        }
        Ok(())
    }

    /// Refuses a caller who may not do what a request asks for.
    pub(super) fn authorize_request(&self, caller: &Caller, request: &Request) -> Result<(), Refusal> {
        let (action, resource) = match request {
            Request::CreateProject { name, .. } => (Action::ProjectCreate, Resource::Project(name)),
            Request::UpdateProject { name, .. } => (Action::ProjectUpdate, Resource::Project(name)),
            Request::DeleteProject { name, .. } => (Action::ProjectDelete, Resource::Project(name)),
            Request::CreateEnvironment { path, .. } => {
                (Action::EnvironmentCreate, Resource::Environment(path))
            }
            Request::UpdateEnvironment { path, .. } => {
                (Action::EnvironmentUpdate, Resource::Environment(path))
            }
            Request::DeleteEnvironment { path, .. } => {
                (Action::EnvironmentDelete, Resource::Environment(path))
            }
            Request::RestoreEnvironment { path, .. } => {
                (Action::EnvironmentRollback, Resource::Environment(path))
            }
            Request::CreateSchema { project, .. } => (Action::SchemaCreate, Resource::Project(project)),
            Request::UpdateSchema { project, .. } => (Action::SchemaUpdate, Resource::Project(project)),
            Request::DeleteSchema { project, .. } => (Action::SchemaDelete, Resource::Project(project)),
            Request::WriteVariables(batch) => return self.authorize_batch(caller, batch),
            // The daemon's own record of accesses: no call of a client leads here.
            Request::Record(_) => (Action::VariableWrite, Resource::Log),
        };
        self.authorize(caller, action, resource)
    }
}
