//! The rules of projects.

use std::sync::Arc;

use kontraktor_proto::names::ProjectName;

use super::{
    super::{
        Body, Code, EnvironmentFact, EnvironmentOperation, Outcome, Project, ProjectFact, ProjectOperation,
        Refusal, State,
    },
    checked_description, counted,
    draft::Draft,
    list_names,
};

pub(super) fn create(
    draft: &mut Draft<'_>,
    name: &ProjectName,
    description: &str,
) -> Result<Outcome, Refusal> {
    checked_description(description)?;
    match draft.state().project(name) {
        None => draft.create_project(name, description, false),
        Some(project) if project.implicit => change(draft, name, description, ProjectOperation::Adopted),
        Some(_) => {
            return Err(Refusal::new(Code::AlreadyExists, format!("project \"{name}\" exists already"))
                .field("project")
                .remedy("import it, or choose another name"));
        }
    }
    stands(draft.state(), name)
}

pub(super) fn update(
    draft: &mut Draft<'_>,
    name: &ProjectName,
    description: &str,
) -> Result<Outcome, Refusal> {
    checked_description(description)?;
    let project = find(draft.state(), name)?;
    if project.implicit {
        change(draft, name, description, ProjectOperation::Adopted);
    } else if project.description.as_ref() != description {
        change(draft, name, description, ProjectOperation::Updated);
    }
    stands(draft.state(), name)
}

pub(super) fn delete(draft: &mut Draft<'_>, name: &ProjectName) -> Result<Outcome, Refusal> {
    let project = Arc::clone(find(draft.state(), name)?);
    let in_the_way =
        || project.environments.values().filter(|env| !env.implicit || !env.variables.is_empty());
    let count = in_the_way().count();
    if count > 0 {
        let variables = project.environments.values().map(|env| env.variables.len()).sum();
        let names = list_names(in_the_way().map(|environment| environment.path.env.as_str()));
        return Err(Refusal::new(
            Code::NotEmpty,
            format!(
                "project \"{name}\" still holds {} with {}: {names}",
                counted(count, "environment"),
                counted(variables, "variable"),
            ),
        )
        .field("project")
        .remedy("delete these environments and their variables first"));
    }
    for environment in project.environments.values() {
        let revision = draft.revision(&environment.path);
        draft.record(
            None,
            Body::Environment(EnvironmentFact {
                id: environment.id,
                path: environment.path.clone(),
                operation: EnvironmentOperation::Deleted,
                revision,
                description: environment.description.clone(),
                implicit: environment.implicit,
            }),
        );
    }
    let fact = ProjectFact {
        name: name.clone(),
        operation: ProjectOperation::Deleted,
        description: project.description.clone(),
        implicit: project.implicit,
    };
    draft.record(None, Body::Project(fact));
    Ok(Outcome::Deleted)
}

fn change(draft: &mut Draft<'_>, name: &ProjectName, description: &str, operation: ProjectOperation) {
    let fact =
        ProjectFact { name: name.clone(), operation, description: description.into(), implicit: false };
    draft.record(None, Body::Project(fact));
}

fn stands(state: &State, name: &ProjectName) -> Result<Outcome, Refusal> {
    find(state, name).map(|project| Outcome::Project(Arc::clone(project)))
}

/// The project, or the refusal that it does not exist.
pub fn find<'a>(state: &'a State, name: &ProjectName) -> Result<&'a Arc<Project>, Refusal> {
    state.project(name).ok_or_else(|| {
        Refusal::new(Code::NotFound, format!("project \"{name}\" does not exist"))
            .field("project")
            .remedy("check the name, or create the project first")
    })
}
