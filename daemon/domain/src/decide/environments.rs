//! The rules of environments.

use std::sync::Arc;

use kontraktor_model::names::Key;

use super::{
    super::{
        Body, Code, CreateEnvironment, DeleteEnvironment, Environment, EnvironmentEvent,
        EnvironmentOperation, EnvironmentSettings, Refusal, UpdateEnvironment, Variable, VariableEvent,
        VariableOperation,
    },
    Command, Draft, check_settings, checked_description, counted, find_environment, find_project, imports,
    list_names, protection,
};

impl Command for CreateEnvironment {
    type Outcome = Arc<Environment>;

    fn apply(&self, draft: &mut Draft<'_>) -> Result<Self::Outcome, Refusal> {
        let Self { path, settings, create_missing, adopt_existing } = self;
        checked_description(&settings.description)?;
        match find_project(draft.state(), &path.project) {
            Ok(_) => {}
            Err(_) if *create_missing => draft.create_project(&path.project, "", true, false),
            Err(refusal) => return Err(refusal),
        }
        let existing = draft.state().environment(path).cloned();
        if existing.as_ref().is_some_and(|environment| !environment.implicit && !*adopt_existing) {
            return Err(Refusal::new(Code::AlreadyExists, format!("environment \"{path}\" already exists"))
                .field("env")
                .remedy("import it, or choose another name"));
        }
        imports::check(draft, path, &settings.imports)?;
        match existing {
            None => draft.create_environment(path, settings, false),
            Some(environment) => set(draft, &environment, settings),
        }
        find_environment(draft.state(), path).cloned()
    }
}

impl Command for UpdateEnvironment {
    type Outcome = Arc<Environment>;

    fn apply(&self, draft: &mut Draft<'_>) -> Result<Self::Outcome, Refusal> {
        let Self { path, description, protected, imports, expect } = self;
        let environment = Arc::clone(find_environment(draft.state(), path)?);
        let now = settings_of(&environment);
        if let Some(expected) = expect {
            check_expected(&environment, &now, expected)?;
        }
        let settings = EnvironmentSettings {
            description: description.clone().unwrap_or(now.description),
            protected: protected.unwrap_or(now.protected),
            imports: imports.clone().unwrap_or(now.imports),
        };
        checked_description(&settings.description)?;
        if imports.is_some() {
            imports::check(draft, path, &settings.imports)?;
        }
        set(draft, &environment, &settings);
        find_environment(draft.state(), path).cloned()
    }
}

fn check_expected(
    environment: &Environment,
    now: &EnvironmentSettings,
    expected: &EnvironmentSettings,
) -> Result<(), Refusal> {
    let differences = [
        ("description", now.description != expected.description),
        ("deletion_protection", now.protected != expected.protected),
        ("imports", now.imports != expected.imports),
    ];
    let what = format!("environment \"{}\"", environment.path);
    check_settings(&what, &differences, &environment.changed).map_err(|refusal| refusal.field("env"))
}

impl Command for DeleteEnvironment {
    type Outcome = ();

    fn apply(&self, draft: &mut Draft<'_>) -> Result<Self::Outcome, Refusal> {
        let Self { path, force } = self;
        let environment = Arc::clone(find_environment(draft.state(), path)?);
        protection::check_environment(&environment)?;
        if !environment.variables.is_empty() && !*force {
            let count = counted(environment.variables.len(), "variable");
            let names = list_names(environment.variables.keys().map(Key::as_str));
            return Err(Refusal::new(
                Code::NotEmpty,
                format!("environment \"{path}\" still holds {count}: {names}"),
            )
            .field("env")
            .remedy(format!(
                "delete its variables first, or delete them together with the environment: apply force_destroy = true, or run `ktr env \
                 delete --force {path}`"
            )));
        }
        protection::check_variables(&environment)?;
        imports::check_environment_not_imported(draft, path)?;
        remove(draft, &environment);
        Ok(())
    }
}

/// Deletes an environment with all its variables, each as a event of its own.
pub(super) fn remove(draft: &mut Draft<'_>, environment: &Environment) {
    let path = &environment.path;
    let revision = draft.revision(path);
    for variable in environment.variables.values() {
        draft.record(None, Body::Variable(deletion(environment, variable, revision)));
    }
    let event = EnvironmentEvent {
        id: environment.id,
        path: path.clone(),
        operation: EnvironmentOperation::Deleted,
        revision,
        description: environment.description.clone(),
        implicit: environment.implicit,
        protected: false,
        imports: Arc::default(),
    };
    draft.record(None, Body::Environment(event));
}

/// What taking a variable away looks like in the log.
pub(super) fn deletion(environment: &Environment, variable: &Variable, revision: u64) -> VariableEvent {
    VariableEvent {
        environment: environment.id,
        path: environment.path.clone(),
        key: variable.key.clone(),
        operation: VariableOperation::Deleted,
        revision,
        kind: variable.kind,
        old_value: Some(variable.value.clone()),
        new_value: None,
        description: variable.description.clone(),
        protected: false,
    }
}

pub(super) fn settings_of(environment: &Environment) -> EnvironmentSettings {
    EnvironmentSettings {
        description: environment.description.to_string(),
        protected: environment.protected,
        imports: environment.imports.to_vec(),
    }
}

/// Records the settings, if they differ from the current ones.
pub(super) fn set(draft: &mut Draft<'_>, environment: &Environment, settings: &EnvironmentSettings) {
    if environment.implicit {
        change(draft, environment, settings, EnvironmentOperation::Adopted);
    } else if settings_of(environment) != *settings {
        change(draft, environment, settings, EnvironmentOperation::Updated);
    }
}

fn change(
    draft: &mut Draft<'_>,
    environment: &Environment,
    settings: &EnvironmentSettings,
    operation: EnvironmentOperation,
) {
    let revision = draft.revision(&environment.path);
    let event = EnvironmentEvent {
        id: environment.id,
        path: environment.path.clone(),
        operation,
        revision,
        description: settings.description.as_str().into(),
        implicit: false,
        protected: settings.protected,
        imports: settings.imports.clone().into(),
    };
    draft.record(None, Body::Environment(event));
}
