//! Looking things up in a state: what exists, or the refusal that it does not. What a caller may not see is refused with the
//! same words.

use std::sync::Arc;

use kontraktor_model::names::{AccountName, EnvPath, ProjectName, SchemaName};

use super::super::{
    Code, Environment, Project, Refusal, RoleBinding, RoleGrant, ServiceAccount, State, VariableSchema,
};

/// Returns a project, or the refusal that it does not exist.
pub fn find_project<'a>(state: &'a State, name: &ProjectName) -> Result<&'a Arc<Project>, Refusal> {
    state.project(name).ok_or_else(|| Refusal::no_project(name))
}

/// Returns an environment, or the refusal that names which of project and environment does not exist.
pub fn find_environment<'a>(state: &'a State, path: &EnvPath) -> Result<&'a Arc<Environment>, Refusal> {
    find_project(state, &path.project)?;
    state.environment(path).ok_or_else(|| Refusal::no_environment(path))
}

/// Returns a schema of a project, or the refusal that it does not exist.
pub fn find_schema<'a>(project: &'a Project, name: &SchemaName) -> Result<&'a Arc<VariableSchema>, Refusal> {
    project.schemas.get(name).ok_or_else(|| Refusal::no_schema(&project.name, name))
}

/// Returns a role binding, or the refusal that the role is not granted.
pub fn find_role_binding(state: &State, grant: &RoleGrant) -> Result<RoleBinding, Refusal> {
    state.roles().get(grant).ok_or_else(|| Refusal::no_role_binding(grant))
}

/// Returns a service account, or the refusal that it does not exist.
pub fn find_service_account<'a>(
    state: &'a State,
    name: &AccountName,
) -> Result<&'a Arc<ServiceAccount>, Refusal> {
    state.service_accounts().get(name).ok_or_else(|| Refusal::no_service_account(name))
}

/// What does not exist, and what a caller may not see.
impl Refusal {
    /// A project does not exist.
    pub fn no_project(name: &ProjectName) -> Self {
        Self::new(Code::NotFound, format!("project \"{name}\" does not exist"))
            .field("project")
            .remedy("check the name, or create the project first")
    }

    /// An environment does not exist in an existing project.
    pub fn no_environment(path: &EnvPath) -> Self {
        Self::new(Code::NotFound, format!("environment \"{path}\" does not exist"))
            .field("env")
            .remedy("check the name, or create the environment first")
    }

    /// A schema does not exist in an existing project.
    pub fn no_schema(project: &ProjectName, name: &SchemaName) -> Self {
        Self::new(Code::NotFound, format!("schema \"{name}\" does not exist in project \"{project}\""))
            .field("name")
            .remedy("check the name, or create the schema first")
    }

    /// An environment to import does not exist.
    pub fn no_import(importer: &EnvPath, import: &EnvPath) -> Self {
        Self::new(
            Code::NotFound,
            format!("environment \"{importer}\" cannot import \"{import}\", which does not exist"),
        )
        .field("imports")
        .remedy("check the name, or create that environment first")
    }

    /// A role is not granted.
    pub fn no_role_binding(grant: &RoleGrant) -> Self {
        let RoleGrant { pattern, subject, role } = grant;
        Self::new(Code::NotFound, format!("the role {role} is not granted to {subject} on {pattern}"))
            .field("role")
            .remedy("check role, subject and pattern against `ktr role list`")
    }

    /// A service account does not exist.
    pub fn no_service_account(name: &AccountName) -> Self {
        Self::new(Code::NotFound, format!("service account \"{name}\" does not exist"))
            .field("name")
            .remedy("check the name, or create the account first")
    }
}
