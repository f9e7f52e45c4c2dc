//! The rules of projects.

use std::sync::Arc;

use kontraktor_model::names::ProjectName;

use super::{
    super::{Body, Code, Outcome, Project, ProjectEvent, ProjectOperation, ProjectSettings, Refusal, State},
    check_settings, checked_description, counted,
    draft::Draft,
    environments, imports, list_names, protection, schemas,
};

pub(super) fn create(
    draft: &mut Draft<'_>,
    name: &ProjectName,
    settings: &ProjectSettings,
    adopt_existing: bool,
) -> Result<Outcome, Refusal> {
    checked_description(&settings.description)?;
    match draft.state().project(name).cloned() {
        None => draft.create_project(name, &settings.description, false, settings.protected),
        Some(project) if project.implicit || adopt_existing => set(draft, &project, settings),
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
    description: Option<&str>,
    protected: Option<bool>,
    expect: Option<&ProjectSettings>,
) -> Result<Outcome, Refusal> {
    let project = Arc::clone(find(draft.state(), name)?);
    let now = settings_of(&project);
    if let Some(expected) = expect {
        let differences = [
            ("description", now.description != expected.description),
            ("deletion_protection", now.protected != expected.protected),
        ];
        check_settings(&format!("project \"{name}\""), &differences, &project.changed)
            .map_err(|refusal| refusal.field("project"))?;
    }
    let settings = ProjectSettings {
        description: description.map_or(now.description, str::to_owned),
        protected: protected.unwrap_or(now.protected),
    };
    checked_description(&settings.description)?;
    set(draft, &project, &settings);
    stands(draft.state(), name)
}

pub(super) fn delete(draft: &mut Draft<'_>, name: &ProjectName, force: bool) -> Result<Outcome, Refusal> {
    let project = Arc::clone(find(draft.state(), name)?);
    protection::check_project(&project)?;
    if !force {
        check_empty(&project)?;
    }
    protection::check_inside(&project)?;
    imports::check_project_not_imported(draft.state(), name)?;
    for environment in project.environments.values() {
        environments::remove(draft, environment);
    }
    for schema in project.schemas.values() {
        schemas::remove(draft, schema);
    }
    let event = ProjectEvent {
        name: name.clone(),
        operation: ProjectOperation::Deleted,
        description: project.description.clone(),
        implicit: project.implicit,
        protected: false,
    };
    draft.record(None, Body::Project(event));
    Ok(Outcome::Deleted)
}

/// Empty implicit environments go without a word.
fn check_empty(project: &Project) -> Result<(), Refusal> {
    let in_the_way =
        || project.environments.values().filter(|env| !env.implicit || !env.variables.is_empty());
    let name = &project.name;
    let refuse = |message: String, what: &'static str| {
        Err(Refusal::new(Code::NotEmpty, message).field("project").remedy(format!(
            "delete {what} first, or let them go with it: apply force_destroy = true first, or run `ktr project delete \
             --force {name}`"
        )))
    };
    let count = in_the_way().count();
    if count > 0 {
        let variables = project.environments.values().map(|env| env.variables.len()).sum();
        let names = list_names(in_the_way().map(|environment| environment.path.env.as_str()));
        return refuse(
            format!(
                "project \"{name}\" still holds {} with {}: {names}",
                counted(count, "environment"),
                counted(variables, "variable"),
            ),
            "these environments and their variables",
        );
    }
    if !project.schemas.is_empty() {
        let names = list_names(project.schemas.keys().map(AsRef::as_ref));
        return refuse(
            format!("project \"{name}\" still holds {}: {names}", counted(project.schemas.len(), "schema")),
            "these schemas",
        );
    }
    Ok(())
}

fn settings_of(project: &Project) -> ProjectSettings {
    ProjectSettings { description: project.description.to_string(), protected: project.protected }
}

/// Records what is different from what stands, if anything is.
fn set(draft: &mut Draft<'_>, project: &Project, settings: &ProjectSettings) {
    let operation = if project.implicit {
        ProjectOperation::Adopted
    } else if settings_of(project) != *settings {
        ProjectOperation::Updated
    } else {
        return;
    };
    let event = ProjectEvent {
        name: project.name.clone(),
        operation,
        description: settings.description.as_str().into(),
        implicit: false,
        protected: settings.protected,
    };
    draft.record(None, Body::Project(event));
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
