//! The rules of projects.

use std::sync::Arc;

use super::{
    super::{
        Body, Code, CreateProject, DeleteProject, Project, ProjectEvent, ProjectOperation, ProjectSettings,
        Refusal, UpdateProject,
    },
    Command, Draft, check_settings, checked_description, counted, environments, find_project, imports,
    list_names, protection, schemas,
};

impl Command for CreateProject {
    type Outcome = Arc<Project>;

    fn apply(&self, draft: &mut Draft<'_>) -> Result<Self::Outcome, Refusal> {
        let Self { name, settings, adopt_existing } = self;
        checked_description(&settings.description)?;
        match draft.state().project(name).cloned() {
            None => draft.create_project(name, &settings.description, false, settings.protected),
            Some(project) if project.implicit || *adopt_existing => set(draft, &project, settings),
            Some(_) => {
                return Err(Refusal::new(Code::AlreadyExists, format!("project \"{name}\" already exists"))
                    .field("project")
                    .remedy("import it, or choose another name"));
            }
        }
        find_project(draft.state(), name).cloned()
    }
}

impl Command for UpdateProject {
    type Outcome = Arc<Project>;

    fn apply(&self, draft: &mut Draft<'_>) -> Result<Self::Outcome, Refusal> {
        let Self { name, description, protected, expect } = self;
        let project = Arc::clone(find_project(draft.state(), name)?);
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
            description: description.clone().unwrap_or(now.description),
            protected: protected.unwrap_or(now.protected),
        };
        checked_description(&settings.description)?;
        set(draft, &project, &settings);
        find_project(draft.state(), name).cloned()
    }
}

impl Command for DeleteProject {
    type Outcome = ();

    fn apply(&self, draft: &mut Draft<'_>) -> Result<Self::Outcome, Refusal> {
        let Self { name, force } = self;
        let project = Arc::clone(find_project(draft.state(), name)?);
        protection::check_project(&project)?;
        if !*force {
            check_empty(&project)?;
        }
        protection::check_inside(&project)?;
        imports::check_project_not_imported(draft, name)?;
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
        Ok(())
    }
}

/// Empty implicit environments go without a word.
fn check_empty(project: &Project) -> Result<(), Refusal> {
    let in_the_way =
        || project.environments.values().filter(|env| !env.implicit || !env.variables.is_empty());
    let name = &project.name;
    let refuse = |message: String, what: &'static str| {
        Err(Refusal::new(Code::NotEmpty, message).field("project").remedy(format!(
            "delete {what} first, or delete them together with the project: apply force_destroy = true, or run `ktr project delete \
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

/// Records the settings, if they differ from the current ones.
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
