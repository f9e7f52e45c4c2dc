//! The gate of every call: nothing is looked up before [`kontraktor_access::authorize`] has allowed it, so that a denial
//! does not reveal what exists.

use kontraktor_access::{Action, Caller, Resource, authorize};
use kontraktor_domain::{
    Batch, Command, CreateEnvironment, CreateProject, CreateSchema, DeleteEnvironment, DeleteProject,
    DeleteSchema, Refusal, UpdateEnvironment, UpdateProject, UpdateSchema,
};
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
}

/// A command that a client may ask for. Each type says what the caller must be allowed to do, and to what.
pub(super) trait Authorized: Command {
    /// Refuses a caller who may not do what the command asks for.
    fn authorize(&self, service: &Service, caller: &Caller) -> Result<(), Refusal>;
}

/// Declares the action of each command, and the field and kind of the resource that it is done to.
macro_rules! authorized {
    ($($command:ident => $action:ident $resource:ident $field:ident,)*) => {
        $(impl Authorized for $command {
            fn authorize(&self, service: &Service, caller: &Caller) -> Result<(), Refusal> {
                service.authorize(caller, Action::$action, Resource::$resource(&self.$field))
            }
        })*
    };
}

authorized! {
    CreateProject => ProjectCreate Project name,
    UpdateProject => ProjectUpdate Project name,
    DeleteProject => ProjectDelete Project name,
    CreateEnvironment => EnvironmentCreate Environment path,
    UpdateEnvironment => EnvironmentUpdate Environment path,
    DeleteEnvironment => EnvironmentDelete Environment path,
    CreateSchema => SchemaCreate Project project,
    UpdateSchema => SchemaUpdate Project project,
    DeleteSchema => SchemaDelete Project project,
}

impl Authorized for Batch {
    fn authorize(&self, service: &Service, caller: &Caller) -> Result<(), Refusal> {
        service.authorize_batch(caller, self)
    }
}
