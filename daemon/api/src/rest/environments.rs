//! `/api/v1/environments`.

use axum::{extract::State, response::Response};
use http::{StatusCode, Uri};
use kontraktor_access::Caller;
use kontraktor_domain::{
    AtVersion, Code, CreateEnvironment, DeleteEnvironment, Environment, EnvironmentSettings, Refusal,
    UpdateEnvironment,
};
use kontraktor_model::names::EnvPath;
use kontraktor_proto::json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Rest, answer,
    body::Json,
    document_params::{EnvironmentParams, PageParams, PreferHeader, ReadHeaders, WriteHeaders},
    etag::{Conditions, Etag},
    page_problem,
    params::{By, Names, Query},
    prefer::Prefer,
    problem::Problem,
};
use crate::grpc::convert;

/// One page of environments.
#[derive(Serialize, ToSchema)]
pub(super) struct EnvironmentPage {
    /// The environments.
    environments: Vec<json::Environment>,
    /// The cursor of the next page; `null` on the last.
    next_cursor: Option<String>,
}

/// An environment to create.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "project": "infra-demo", "env": "dev", "description": "Where developers try things", "create_missing": true
}))]
pub(super) struct NewEnvironment {
    /// The project's name.
    project: String,
    /// The environment's name: 1 to 63 characters of a-z, 0-9 and "-".
    env: String,
    /// What the environment is for; 1,024 bytes at most.
    #[serde(default)]
    description: String,
    /// What it imports, as `PROJECT/ENV`; 64 at most. Later ones override earlier ones, own variables override all.
    #[serde(default)]
    imports: Vec<String>,
    /// Protects it from deletion.
    #[serde(default)]
    deletion_protection: bool,
    /// Creates a missing project too.
    #[serde(default)]
    create_missing: bool,
    /// Sets these settings on an environment that exists explicitly, instead of refusing.
    #[serde(default)]
    adopt_existing: bool,
}

/// Settings of an environment to change. What is absent stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"description": "Where developers try things", "imports": ["shared/base"]}))]
pub(super) struct EnvironmentChanges {
    /// What the environment is for; 1,024 bytes at most.
    #[serde(default)]
    description: Option<String>,
    /// What it imports, as `PROJECT/ENV`; 64 at most.
    #[serde(default)]
    imports: Option<Vec<String>>,
    /// Protects it from deletion.
    #[serde(default)]
    deletion_protection: Option<bool>,
}

/// Which revision to restore.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"to_revision": 6}))]
pub(super) struct Rollback {
    /// The revision whose own variables, imports and description are restored.
    to_revision: u64,
    /// Refuses where the environment is at another revision; `If-Match` does the same with its entity tag.
    #[serde(default)]
    expect_revision: Option<u64>,
}

/// What a rollback did.
#[derive(Serialize, ToSchema)]
pub(super) struct RolledBack {
    /// The environment, at its new revision.
    environment: json::Environment,
    /// The number of variables that were written.
    written_variable_count: u64,
    /// The number of variables that were deleted.
    deleted_variable_count: u64,
}

/// List environments.
///
/// In pages; those of one project where `project` is set.
#[utoipa::path(get, path = "/api/v1/environments", operation_id = "list_environments", tag = "environments",
    params(("project" = Option<String>, Query, description = "Only environments of this project."),
        ("sort" = Option<String>, Query, description = "`name` (project and name, the default), `changed_time`, or with `-` before it the other way round."),
        PageParams, ReadHeaders),
    responses((status = 200, description = "A page of environments", body = EnvironmentPage)))]
pub(super) async fn list(
    State(rest): State<Rest>,
    By(caller): By,
    uri: Uri,
    prefer: Prefer,
    conditions: Conditions,
) -> Result<Response, Problem> {
    let query = Query::of(&uri, &["project", "sort", "page_size", "cursor"])?;
    let page = query.sorted_page(&rest, &prefer, "name", "changed_time")?;
    let project = query.name("project")?;
    let found = rest.service.environments(&caller, project.as_ref(), &page).map_err(page_problem)?;
    let next_cursor = answer::next(&rest, &found);
    let environments = found.items.iter().map(|environment| shape(environment)).collect();
    let list = EnvironmentPage { environments, next_cursor };
    answer::list(&uri, &prefer, &conditions, &page, list.next_cursor.as_deref(), &list)
}

/// Create an environment.
///
/// An environment that a write created on the way becomes explicit. 409 where it exists explicitly, unless `adopt_existing`.
#[utoipa::path(post, path = "/api/v1/environments", operation_id = "create_environment", tag = "environments",
    params(PreferHeader), request_body = NewEnvironment,
    responses((status = 201, description = "The environment", body = json::Environment)))]
pub(super) async fn create(
    State(rest): State<Rest>,
    By(caller): By,
    prefer: Prefer,
    Json(new): Json<NewEnvironment>,
) -> Result<Response, Problem> {
    let command = CreateEnvironment {
        path: EnvPath::new(&new.project, &new.env)?,
        settings: EnvironmentSettings {
            description: new.description,
            protected: new.deletion_protection,
            imports: imports(&new.imports)?,
        },
        create_missing: new.create_missing,
        adopt_existing: new.adopt_existing,
    };
    let environment = rest.service.create_environment(&caller, command).await?;
    let response =
        answer::written(&prefer, StatusCode::CREATED, Some(tag(&environment)), &shape(&environment))?;
    Ok(answer::located(response, &format!("/api/v1/environments/{}", environment.path)))
}

/// Read an environment.
///
/// Without its variables.
#[utoipa::path(get, path = "/api/v1/environments/{project}/{env}", operation_id = "get_environment",
    tag = "environments", params(EnvironmentParams, ReadHeaders),
    responses((status = 200, description = "The environment", body = json::Environment)))]
pub(super) async fn get(
    State(rest): State<Rest>,
    By(caller): By,
    names: Names,
    uri: Uri,
    conditions: Conditions,
) -> Result<Response, Problem> {
    Query::of(&uri, &[])?;
    let environment = rest.service.environment(&caller, &names.environment()?)?;
    answer::read(&conditions, Some(tag(&environment)), &shape(&environment))
}

/// Change an environment.
///
/// It becomes explicit. `If-Match` takes the entity tag of the environment.
#[utoipa::path(patch, path = "/api/v1/environments/{project}/{env}", operation_id = "update_environment",
    tag = "environments", params(EnvironmentParams, WriteHeaders), request_body = EnvironmentChanges,
    responses((status = 200, description = "The environment", body = json::Environment)))]
pub(super) async fn update(
    State(rest): State<Rest>,
    By(caller): By,
    names: Names,
    prefer: Prefer,
    conditions: Conditions,
    Json(changes): Json<EnvironmentChanges>,
) -> Result<Response, Problem> {
    let path = names.environment()?;
    let version = expected(&rest, &caller, &path, &conditions)?;
    let command = UpdateEnvironment {
        path: path.clone(),
        description: changes.description,
        protected: changes.deletion_protection,
        imports: changes.imports.as_deref().map(imports).transpose()?,
        expect: None,
    };
    let updated = rest.service.update_environment(&caller, AtVersion { command, version }).await;
    let environment = updated.map_err(|refusal| explained(&rest, &caller, &path, &conditions, refusal))?;
    answer::written(&prefer, StatusCode::OK, Some(tag(&environment)), &shape(&environment))
}

/// Delete an environment.
///
/// 409 where it has variables, unless `force`.
#[utoipa::path(delete, path = "/api/v1/environments/{project}/{env}", operation_id = "delete_environment",
    tag = "environments",
    params(EnvironmentParams, WriteHeaders, ("force" = Option<bool>, Query, description = "Deletes its variables too.")),
    responses((status = 204, description = "It is deleted")))]
pub(super) async fn delete(
    State(rest): State<Rest>,
    By(caller): By,
    names: Names,
    uri: Uri,
    prefer: Prefer,
    conditions: Conditions,
) -> Result<Response, Problem> {
    let force = Query::of(&uri, &["force"])?.flag("force")?;
    let path = names.environment()?;
    let version = expected(&rest, &caller, &path, &conditions)?;
    let command = AtVersion { command: DeleteEnvironment { path: path.clone(), force }, version };
    let deleted = rest.service.delete_environment(&caller, command).await;
    deleted.map_err(|refusal| explained(&rest, &caller, &path, &conditions, refusal))?;
    Ok(answer::deleted(&prefer))
}

/// Roll an environment back.
///
/// Restores the own variables, imports and description of an earlier revision as a new revision, all or nothing.
/// Protection is unchanged. 409 `protected` where a protected variable would be deleted.
#[utoipa::path(post, path = "/api/v1/environments/{project}/{env}/rollback", operation_id = "rollback_environment",
    tag = "environments", params(EnvironmentParams, WriteHeaders), request_body = Rollback,
    responses((status = 200, description = "What was restored", body = RolledBack)))]
pub(super) async fn rollback(
    State(rest): State<Rest>,
    By(caller): By,
    names: Names,
    prefer: Prefer,
    conditions: Conditions,
    Json(asked): Json<Rollback>,
) -> Result<Response, Problem> {
    let path = names.environment()?;
    // Each change of an environment is a revision: the writer expects the one that the version begins with.
    let version = expected(&rest, &caller, &path, &conditions)?;
    let revision = version.as_deref().and_then(|version| version.split('-').next()?.parse().ok());
    let expect = asked.expect_revision.filter(|revision| *revision > 0).or(revision);
    let restored = rest.service.rollback(&caller, path.clone(), asked.to_revision, expect).await;
    let restored = restored.map_err(|refusal| explained(&rest, &caller, &path, &conditions, refusal))?;
    let shape = RolledBack {
        environment: shape(&restored.environment),
        written_variable_count: convert::count64(restored.written),
        deleted_variable_count: convert::count64(restored.deleted),
    };
    answer::written(&prefer, StatusCode::OK, Some(tag(&restored.environment)), &shape)
}

/// Returns the version that `If-Match` requires.
fn expected(
    rest: &Rest,
    caller: &Caller,
    path: &EnvPath,
    conditions: &Conditions,
) -> Result<Option<String>, Problem> {
    conditions.expected("environment", || {
        let environment = rest.service.environment(caller, path)?;
        Ok((environment.version(), Some(environment.revision)))
    })
}

/// Explains why a write was refused: where another one came between, with the revision that it led to.
fn explained(
    rest: &Rest,
    caller: &Caller,
    path: &EnvPath,
    conditions: &Conditions,
    refusal: Refusal,
) -> Problem {
    let came_between = conditions.if_match.is_some() && refusal.code == Code::Conflict;
    let problem = conditions.explain(refusal);
    let current = came_between.then(|| rest.service.environment(caller, path).ok()).flatten();
    problem.current_revision(current.map(|environment| environment.revision))
}

fn imports(names: &[String]) -> Result<Vec<EnvPath>, Problem> {
    let invalid =
        |error| Refusal::invalid("imports", format!("invalid name of an imported environment: {error}"));
    names.iter().map(|name| name.parse().map_err(|error| invalid(error).into())).collect()
}

fn tag(environment: &Environment) -> Etag {
    Etag::new(environment.version())
}

fn shape(environment: &Environment) -> json::Environment {
    convert::environment(environment).into()
}
