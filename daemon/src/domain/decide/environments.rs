//! The rules of environments.

use std::sync::Arc;

use kontraktor_proto::names::{EnvPath, Key};

use super::{
    super::{Body, Code, Environment, EnvironmentFact, EnvironmentOperation, Outcome, Refusal, State},
    checked_description, counted,
    draft::Draft,
    list_names, projects,
};

pub(super) fn create(
    draft: &mut Draft<'_>,
    path: &EnvPath,
    description: &str,
    create_missing: bool,
) -> Result<Outcome, Refusal> {
    checked_description(description)?;
    match projects::find(draft.state(), &path.project) {
        Ok(_) => {}
        Err(_) if create_missing => draft.create_project(&path.project, "", true),
        Err(refusal) => return Err(refusal),
    }
    match draft.state().environment(path).cloned() {
        None => draft.create_environment(path, description, false),
        Some(environment) if environment.implicit => {
            change(draft, &environment, description, EnvironmentOperation::Adopted);
        }
        Some(_) => {
            return Err(Refusal::new(Code::AlreadyExists, format!("environment \"{path}\" exists already"))
                .field("env")
                .remedy("import it, or choose another name"));
        }
    }
    stands(draft.state(), path)
}

pub(super) fn update(draft: &mut Draft<'_>, path: &EnvPath, description: &str) -> Result<Outcome, Refusal> {
    checked_description(description)?;
    let environment = Arc::clone(find(draft.state(), path)?);
    if environment.implicit {
        change(draft, &environment, description, EnvironmentOperation::Adopted);
    } else if environment.description.as_ref() != description {
        change(draft, &environment, description, EnvironmentOperation::Updated);
    }
    stands(draft.state(), path)
}

pub(super) fn delete(draft: &mut Draft<'_>, path: &EnvPath) -> Result<Outcome, Refusal> {
    let environment = Arc::clone(find(draft.state(), path)?);
    if !environment.variables.is_empty() {
        let count = counted(environment.variables.len(), "variable");
        let names = list_names(environment.variables.keys().map(Key::as_str));
        return Err(Refusal::new(
            Code::NotEmpty,
            format!("environment \"{path}\" still holds {count}: {names}"),
        )
        .field("env")
        .remedy("delete its variables first"));
    }
    let revision = draft.revision(path);
    let fact = EnvironmentFact {
        id: environment.id,
        path: path.clone(),
        operation: EnvironmentOperation::Deleted,
        revision,
        description: environment.description.clone(),
        implicit: environment.implicit,
    };
    draft.record(None, Body::Environment(fact));
    Ok(Outcome::Deleted)
}

fn change(
    draft: &mut Draft<'_>,
    environment: &Environment,
    description: &str,
    operation: EnvironmentOperation,
) {
    let revision = draft.revision(&environment.path);
    let fact = EnvironmentFact {
        id: environment.id,
        path: environment.path.clone(),
        operation,
        revision,
        description: description.into(),
        implicit: false,
    };
    draft.record(None, Body::Environment(fact));
}

fn stands(state: &State, path: &EnvPath) -> Result<Outcome, Refusal> {
    find(state, path).map(|environment| Outcome::Environment(Arc::clone(environment)))
}

/// The environment, or the refusal that says which of project and environment does not exist.
pub fn find<'a>(state: &'a State, path: &EnvPath) -> Result<&'a Arc<Environment>, Refusal> {
    projects::find(state, &path.project)?;
    state.environment(path).ok_or_else(|| {
        Refusal::new(Code::NotFound, format!("environment \"{path}\" does not exist"))
            .field("env")
            .remedy("check the name, or create the environment first")
    })
}
