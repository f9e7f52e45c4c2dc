//! What is protected from deletion: whether something of it would go, and the refusals that say how to let it go. What a
//! client expects of a key or an environment is no matter here: protection holds in any case.

use kontraktor_model::names::{EnvPath, Key};

use super::{
    super::{Code, Environment, Project, Refusal},
    counted, list_names,
};

/// Refuses where the project is protected.
pub(super) fn check_project(project: &Project) -> Result<(), Refusal> {
    let name = &project.name;
    if !project.protected {
        return Ok(());
    }
    Err(refusal(format!("project \"{name}\" is protected from deletion"), "project").remedy(format!(
        "apply deletion_protection = false first, or run `ktr project unprotect {name}`; then delete it"
    )))
}

/// Refuses where something that would go with the project is protected.
pub(super) fn check_inside(project: &Project) -> Result<(), Refusal> {
    let name = &project.name;
    let (mut environments, mut variables) = (Vec::new(), Vec::new());
    for environment in project.environments.values() {
        let env = environment.path.env.as_str();
        if environment.protected {
            environments.push(env.to_owned());
        }
        variables.extend(keys(environment).map(|key| format!("{env}/{key}")));
    }
    let kinds: Vec<String> = [(environments.len(), "environment"), (variables.len(), "variable")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, noun)| counted(count, noun))
        .collect();
    if kinds.is_empty() {
        return Ok(());
    }
    let names = list_names(environments.iter().chain(&variables).map(String::as_str));
    Err(refusal(
        format!("project \"{name}\" still holds {} protected from deletion: {names}", kinds.join(" and ")),
        "project",
    )
    .remedy(format!(
        "apply deletion_protection = false for each of them first, or run `ktr env unprotect {name}/ENV` and `ktr var \
         unprotect {name}/ENV KEY...`; then delete the project"
    )))
}

/// Refuses where the environment is protected.
pub(super) fn check_environment(environment: &Environment) -> Result<(), Refusal> {
    let path = &environment.path;
    if !environment.protected {
        return Ok(());
    }
    Err(refusal(format!("environment \"{path}\" is protected from deletion"), "env").remedy(format!(
        "apply deletion_protection = false first, or run `ktr env unprotect {path}`; then delete it"
    )))
}

/// Refuses where variables of an environment that would go with it are protected.
pub(super) fn check_variables(environment: &Environment) -> Result<(), Refusal> {
    let path = &environment.path;
    let count = keys(environment).count();
    if count == 0 {
        return Ok(());
    }
    Err(refusal(
        format!(
            "environment \"{path}\" still holds {} protected from deletion: {}",
            counted(count, "variable"),
            list_names(keys(environment).map(Key::as_str)),
        ),
        "env",
    )
    .remedy(unprotect_variables(path, "delete the environment")))
}

/// That this key is protected.
pub(super) fn of_key(path: &EnvPath, key: &Key) -> Refusal {
    refusal(format!("key \"{key}\" of environment \"{path}\" is protected from deletion"), "key").remedy(
        format!(
            "apply deletion_protection = false first, or run `ktr var unprotect {path} {key}`; then delete it"
        ),
    )
}

/// How protected variables of an environment are let go, and what can be done `then`.
pub(super) fn unprotect_variables(path: &EnvPath, then: &str) -> String {
    format!(
        "apply deletion_protection = false for each of them first, or run `ktr var unprotect {path} KEY...`; then \
         {then}"
    )
}

fn keys(environment: &Environment) -> impl Iterator<Item = &Key> {
    environment.variables.values().filter(|variable| variable.protected).map(|variable| &variable.key)
}

fn refusal(message: String, field: &'static str) -> Refusal {
    Refusal::new(Code::Protected, message).field(field)
}
