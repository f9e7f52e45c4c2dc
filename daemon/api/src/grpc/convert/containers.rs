//! Projects, schemas and environments.

use kontraktor_domain::{
    Environment, EnvironmentSettings, Project, ProjectSettings, Restored, VariableSchema,
};
use kontraktor_proto::v1;
use kontraktor_service::EnvironmentChange;
use tonic::Status;

use super::{
    authorship, count,
    names::{import_names, imports},
};

pub(crate) fn project_settings(settings: v1::ProjectSettings) -> ProjectSettings {
    ProjectSettings { description: settings.description, protected: settings.deletion_protection }
}

pub(crate) fn environment_settings(settings: v1::EnvironmentSettings) -> Result<EnvironmentSettings, Status> {
    Ok(EnvironmentSettings {
        imports: imports(&settings.imports)?,
        description: settings.description,
        protected: settings.deletion_protection,
    })
}

pub(crate) fn project(project: &Project) -> v1::Project {
    v1::Project {
        name: project.name.to_string(),
        description: project.description.to_string(),
        implicit: project.implicit,
        environment_count: count(project.environments.len()),
        created: Some(authorship(&project.created)),
        deletion_protection: project.protected,
        schema_count: count(project.schemas.len()),
        changed: Some(authorship(&project.changed)),
    }
}

pub(crate) fn schema(schema: &VariableSchema) -> v1::VariableSchema {
    v1::VariableSchema {
        project: schema.project.to_string(),
        name: schema.name.to_string(),
        key_pattern: schema.key_pattern.to_string(),
        schema: schema.schema.to_string(),
        changed: Some(authorship(&schema.changed)),
    }
}

pub(crate) fn environment(environment: &Environment) -> v1::Environment {
    v1::Environment {
        name: Some((&environment.path).into()),
        description: environment.description.to_string(),
        implicit: environment.implicit,
        revision: environment.revision,
        variable_count: count(environment.variables.len() - environment.reference_count()),
        created: Some(authorship(&environment.created)),
        imports: import_names(&environment.imports),
        deletion_protection: environment.protected,
        changed: Some(authorship(&environment.changed)),
        secret_reference_count: count(environment.reference_count()),
    }
}

pub(crate) fn change(change: &EnvironmentChange) -> v1::EnvironmentChange {
    v1::EnvironmentChange {
        version: change.version.clone().unwrap_or_default(),
        revision: change.revision,
        origin: Some((&change.origin).into()),
        keys: change.keys.iter().map(ToString::to_string).collect(),
        written: change.written.as_ref().map(authorship),
        reset: change.reset,
        deleted: change.deleted,
    }
}

pub(crate) fn restored(restored: &Restored) -> v1::RollbackEnvironmentResponse {
    v1::RollbackEnvironmentResponse {
        environment: Some(environment(&restored.environment)),
        written_variable_count: count(restored.written),
        deleted_variable_count: count(restored.deleted),
    }
}
