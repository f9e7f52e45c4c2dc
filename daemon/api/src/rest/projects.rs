//! `/api/v1/projects`.

use axum::{extract::State, response::Response};
use http::{StatusCode, Uri};
use kontraktor_access::Caller;
use kontraktor_domain::{AtVersion, CreateProject, DeleteProject, Project, ProjectSettings, UpdateProject};
use kontraktor_model::names::ProjectName;
use kontraktor_proto::json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Rest, answer,
    body::Json,
    document_params::{PageParams, PreferHeader, ProjectParam, ReadHeaders, WriteHeaders},
    etag::{Conditions, Etag},
    page_problem,
    params::{By, Names, Query},
    prefer::Prefer,
    problem::Problem,
};
use crate::grpc::convert;

/// One page of projects.
#[derive(Serialize, ToSchema)]
pub(super) struct ProjectPage {
    /// The projects.
    projects: Vec<json::Project>,
    /// The cursor of the next page; `null` on the last.
    next_cursor: Option<String>,
}

/// A project to create.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"project": "infra-demo", "description": "The demonstration", "deletion_protection": false}))]
pub(super) struct NewProject {
    /// The project's name: 1 to 63 characters of a-z, 0-9 and "-".
    project: String,
    /// What the project is for; 1,024 bytes at most.
    #[serde(default)]
    description: String,
    /// Protects it from deletion.
    #[serde(default)]
    deletion_protection: bool,
    /// Sets these settings on a project that exists explicitly, instead of refusing.
    #[serde(default)]
    adopt_existing: bool,
}

/// Settings of a project to change. What is absent stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"description": "The demonstration"}))]
pub(super) struct ProjectChanges {
    /// What the project is for; 1,024 bytes at most.
    #[serde(default)]
    description: Option<String>,
    /// Protects it from deletion.
    #[serde(default)]
    deletion_protection: Option<bool>,
}

/// List projects.
///
/// In pages.
#[utoipa::path(get, path = "/api/v1/projects", operation_id = "list_projects", tag = "projects",
    params(("sort" = Option<String>, Query, description = "`name` (the default), `changed_time`, or with `-` before it the other way round."),
        PageParams, ReadHeaders),
    responses((status = 200, description = "A page of projects", body = ProjectPage)))]
pub(super) async fn list(
    State(rest): State<Rest>,
    By(caller): By,
    uri: Uri,
    prefer: Prefer,
    conditions: Conditions,
) -> Result<Response, Problem> {
    let query = Query::of(&uri, &["sort", "page_size", "cursor"])?;
    let page = query.sorted_page(&rest, &prefer, "name", "changed_time")?;
    let found = rest.service.projects(&caller, &page).map_err(page_problem)?;
    let next_cursor = answer::next(&rest, &found);
    let projects = found.items.iter().map(|project| convert::project(project).into()).collect();
    let list = ProjectPage { projects, next_cursor };
    answer::list(&uri, &prefer, &conditions, &page, list.next_cursor.as_deref(), &list)
}

/// Create a project.
///
/// A project that a write created on the way becomes explicit. 409 where it exists explicitly, unless `adopt_existing`.
#[utoipa::path(post, path = "/api/v1/projects", operation_id = "create_project", tag = "projects",
    params(PreferHeader), request_body = NewProject,
    responses((status = 201, description = "The project", body = json::Project)))]
pub(super) async fn create(
    State(rest): State<Rest>,
    By(caller): By,
    prefer: Prefer,
    Json(new): Json<NewProject>,
) -> Result<Response, Problem> {
    let command = CreateProject {
        name: new.project.parse::<ProjectName>()?,
        settings: ProjectSettings { description: new.description, protected: new.deletion_protection },
        adopt_existing: new.adopt_existing,
    };
    let project = rest.service.create_project(&caller, command).await?;
    let response = answer::written(&prefer, StatusCode::CREATED, Some(tag(&project)), &shape(&project))?;
    Ok(answer::located(response, &format!("/api/v1/projects/{}", project.name)))
}

/// Read a project.
#[utoipa::path(get, path = "/api/v1/projects/{project}", operation_id = "get_project", tag = "projects",
    params(ProjectParam, ReadHeaders), responses((status = 200, description = "The project", body = json::Project)))]
pub(super) async fn get(
    State(rest): State<Rest>,
    By(caller): By,
    names: Names,
    uri: Uri,
    conditions: Conditions,
) -> Result<Response, Problem> {
    Query::of(&uri, &[])?;
    let project = rest.service.project(&caller, &names.project()?)?;
    answer::read(&conditions, Some(tag(&project)), &shape(&project))
}

/// Change a project.
///
/// It becomes explicit. `If-Match` takes the entity tag of the project.
#[utoipa::path(patch, path = "/api/v1/projects/{project}", operation_id = "update_project", tag = "projects",
    params(ProjectParam, WriteHeaders), request_body = ProjectChanges,
    responses((status = 200, description = "The project", body = json::Project)))]
pub(super) async fn update(
    State(rest): State<Rest>,
    By(caller): By,
    names: Names,
    prefer: Prefer,
    conditions: Conditions,
    Json(changes): Json<ProjectChanges>,
) -> Result<Response, Problem> {
    let name = names.project()?;
    let version = expected(&rest, &caller, &name, &conditions)?;
    let command = UpdateProject {
        name,
        description: changes.description,
        protected: changes.deletion_protection,
        expect: None,
    };
    let updated = rest.service.update_project(&caller, AtVersion { command, version }).await;
    let project = updated.map_err(|refusal| conditions.explain(refusal))?;
    answer::written(&prefer, StatusCode::OK, Some(tag(&project)), &shape(&project))
}

/// Delete a project.
///
/// Its empty implicit environments are deleted with it. 409 where it has others, unless `force`.
#[utoipa::path(delete, path = "/api/v1/projects/{project}", operation_id = "delete_project", tag = "projects",
    params(ProjectParam, WriteHeaders, ("force" = Option<bool>, Query, description = "Deletes everything in it too.")),
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
    let name = names.project()?;
    let version = expected(&rest, &caller, &name, &conditions)?;
    let command = AtVersion { command: DeleteProject { name, force }, version };
    rest.service.delete_project(&caller, command).await.map_err(|refusal| conditions.explain(refusal))?;
    Ok(answer::deleted(&prefer))
}

/// Returns the version that `If-Match` requires.
fn expected(
    rest: &Rest,
    caller: &Caller,
    name: &ProjectName,
    conditions: &Conditions,
) -> Result<Option<String>, Problem> {
    conditions.expected("project", || Ok((rest.service.project(caller, name)?.version(), None)))
}

fn tag(project: &Project) -> Etag {
    Etag::new(project.version())
}

fn shape(project: &Project) -> json::Project {
    convert::project(project).into()
}
