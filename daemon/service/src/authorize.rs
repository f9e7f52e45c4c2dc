//! The gate of every call: nothing is looked up before [`kontraktor_access::authorize`] has allowed it, so that a denial
//! does not reveal what exists.

use kontraktor_access::{Action, Caller, Denied, Resource, Rights, authorize};
use kontraktor_domain::{
    AtVersion, Command, CreateEnvironment, CreateProject, CreateSchema, DeleteEnvironment, DeleteProject,
    DeleteSchema, DeleteServiceAccount, GrantRole, Refusal, RevokeRole, State, UpdateEnvironment,
    UpdateProject, UpdateSchema, Versioned,
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
        self.decide(caller, action, resource).inspect_err(|_| self.count_denial(caller, action, resource))
    }

    /// The same without counting the denial: for accesses to secrets, which are recorded before they are answered.
    pub(super) fn decide(
        &self,
        caller: &Caller,
        action: Action,
        resource: Resource<'_>,
    ) -> Result<(), Refusal> {
        let state = self.inner.state.load();
        authorize(caller, state.roles(), action, resource)
            .map_err(|denied| refusal(&state, caller, &denied, resource))
    }

    /// Refuses an environment that imports others where the caller may not read one of these. One that it imports already is
    /// no matter: it was published on purpose.
    pub(super) fn authorize_imports(
        &self,
        caller: &Caller,
        importer: &EnvPath,
        imports: &[EnvPath],
    ) -> Result<(), Refusal> {
        let state = self.inner.state.load();
        let known = state.environment(importer).map(|environment| &environment.imports);
        for import in imports {
            if import == importer || known.is_some_and(|known| known.contains(import)) {
                continue;
            }
            let (action, resource) = (Action::EnvironmentImport, Resource::Environment(import));
            authorize(caller, state.roles(), action, resource).map_err(|denied| {
                self.count_denial(caller, action, resource);
                if denied.is_unseen() { Refusal::no_import(importer, import) } else { Refusal::from(&denied) }
            })?;
        }
        Ok(())
    }
}

/// Returns the refusal for a denial. What the caller may not see is refused as if it did not exist, in the words of a state
/// without it.
fn refusal(state: &State, caller: &Caller, denied: &Denied, resource: Resource<'_>) -> Refusal {
    if !denied.is_unseen() {
        return Refusal::from(denied);
    }
    let rights = Rights::new(caller, state.roles());
    let has_project = |name| rights.sees_project(name) && state.project(name).is_some();
    match resource {
        Resource::Project(name) => Refusal::no_project(name),
        Resource::Schema(project, name) if has_project(project) => Refusal::no_schema(project, name),
        Resource::Schema(project, _) => Refusal::no_project(project),
        Resource::Environment(path) | Resource::Key(path, _) if has_project(&path.project) => {
            Refusal::no_environment(path)
        }
        Resource::Environment(path) | Resource::Key(path, _) => Refusal::no_project(&path.project),
        Resource::Role(grant) => Refusal::no_role_binding(grant),
        Resource::ServiceAccount(name) => Refusal::no_service_account(name),
        // These exist for everybody.
        Resource::Daemon
        | Resource::Reference(_)
        | Resource::Vault(_)
        | Resource::Hold(_)
        | Resource::Log => Refusal::from(denied),
    }
}

/// A command that a client may ask for. Each type says what the caller must be allowed to do, and to what.
pub(super) trait Authorized: Command {
    /// Refuses a caller who may not do what the command asks for.
    fn authorize(&self, service: &Service, caller: &Caller) -> Result<(), Refusal>;
}

impl<C: Authorized + Versioned> Authorized for AtVersion<C> {
    fn authorize(&self, service: &Service, caller: &Caller) -> Result<(), Refusal> {
        self.command.authorize(service, caller)
    }
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
    DeleteEnvironment => EnvironmentDelete Environment path,
    DeleteServiceAccount => ServiceAccountDelete ServiceAccount name,
    GrantRole => RoleGrant Role grant,
    RevokeRole => RoleRevoke Role grant,
}

/// Declares the action of each command on a schema.
macro_rules! authorized_schema {
    ($($command:ident => $action:ident,)*) => {
        $(impl Authorized for $command {
            fn authorize(&self, service: &Service, caller: &Caller) -> Result<(), Refusal> {
                service.authorize(caller, Action::$action, Resource::Schema(&self.project, &self.name))
            }
        })*
    };
}

authorized_schema! {
    CreateSchema => SchemaCreate,
    UpdateSchema => SchemaUpdate,
    DeleteSchema => SchemaDelete,
}

impl Authorized for CreateEnvironment {
    fn authorize(&self, service: &Service, caller: &Caller) -> Result<(), Refusal> {
        service.authorize(caller, Action::EnvironmentCreate, Resource::Environment(&self.path))?;
        service.authorize_imports(caller, &self.path, &self.settings.imports)
    }
}

impl Authorized for UpdateEnvironment {
    fn authorize(&self, service: &Service, caller: &Caller) -> Result<(), Refusal> {
        service.authorize(caller, Action::EnvironmentUpdate, Resource::Environment(&self.path))?;
        service.authorize_imports(caller, &self.path, self.imports.as_deref().unwrap_or_default())
    }
}
