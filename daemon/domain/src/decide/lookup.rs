//! Looking things up in a state: what exists, or the refusal that it does not.

use std::sync::Arc;

use kontraktor_model::names::{EnvPath, ProjectName, SchemaName};

use super::super::{Code, Environment, Project, Refusal, State, VariableSchema};

/// Returns a project, or the refusal that it does not exist.
pub fn find_project<'a>(state: &'a State, name: &ProjectName) -> Result<&'a Arc<Project>, Refusal> {
    state.project(name).ok_or_else(|| {
        Refusal::new(Code::NotFound, format!("project \"{name}\" does not exist"))
            .field("project")
            .remedy("check the name, or create the project first")
    })
}

/// Returns an environment, or the refusal that names which of project and environment does not exist.
pub fn find_environment<'a>(state: &'a State, path: &EnvPath) -> Result<&'a Arc<Environment>, Refusal> {
    find_project(state, &path.project)?;
    state.environment(path).ok_or_else(|| {
        Refusal::new(Code::NotFound, format!("environment \"{path}\" does not exist"))
            .field("env")
            .remedy("check the name, or create the environment first")
    })
}

/// Returns a schema of a project, or the refusal that it does not exist.
pub fn find_schema<'a>(project: &'a Project, name: &SchemaName) -> Result<&'a Arc<VariableSchema>, Refusal> {
    project.schemas.get(name).ok_or_else(|| {
        Refusal::new(
            Code::NotFound,
            format!("schema \"{name}\" does not exist in project \"{}\"", project.name),
        )
        .field("name")
        .remedy("check the name, or create the schema first")
    })
}
