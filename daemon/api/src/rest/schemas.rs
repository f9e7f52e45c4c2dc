//! `/api/v1/projects/{project}/schemas`.

use axum::{extract::State, response::Response};
use http::{StatusCode, Uri};
use kontraktor_access::Caller;
use kontraktor_domain::{
    AtVersion, CreateSchema, DeleteSchema, SchemaSettings, UpdateSchema, VariableSchema,
};
use kontraktor_model::names::{ProjectName, SchemaName};
use kontraktor_proto::json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Rest, answer,
    body::Json,
    document_params::{PageParams, PreferHeader, ProjectParam, ReadHeaders, SchemaParams, WriteHeaders},
    etag::{Conditions, Etag},
    page_problem,
    params::{By, Names, Query},
    prefer::Prefer,
    problem::Problem,
};
use crate::grpc::convert;

/// One page of schemas.
#[derive(Serialize, ToSchema)]
pub(super) struct SchemaPage {
    /// The schemas, by name.
    schemas: Vec<json::Schema>,
    /// The cursor of the next page; `null` on the last.
    next_cursor: Option<String>,
}

/// A schema to attach to keys of a project.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "ports", "key_pattern": ".*_PORT", "schema": "{\"type\": \"integer\", \"minimum\": 1, \"maximum\": 65535}"
}))]
pub(super) struct NewSchema {
    /// The schema's name: 1 to 63 characters of a-z, 0-9 and "-".
    name: String,
    /// The regular expression that matches whole keys; 1,024 bytes at most.
    key_pattern: String,
    /// The JSON Schema as text, which is kept byte for byte; 64 KiB at most.
    schema: String,
    /// Creates a missing project too.
    #[serde(default)]
    create_missing: bool,
    /// Sets these settings on a schema that exists, instead of refusing.
    #[serde(default)]
    adopt_existing: bool,
}

/// What a schema is for and what it says.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"key_pattern": ".*_PORT", "schema": "{\"type\": \"integer\"}"}))]
pub(super) struct SchemaContent {
    /// The regular expression that matches whole keys; 1,024 bytes at most.
    key_pattern: String,
    /// The JSON Schema as text, which is kept byte for byte; 64 KiB at most.
    schema: String,
}

/// List the schemas of a project.
///
/// By name, in pages.
#[utoipa::path(get, path = "/api/v1/projects/{project}/schemas", operation_id = "list_schemas", tag = "schemas",
    params(ProjectParam, PageParams, ReadHeaders),
    responses((status = 200, description = "A page of schemas", body = SchemaPage)))]
pub(super) async fn list(
    State(rest): State<Rest>,
    By(caller): By,
    names: Names,
    uri: Uri,
    prefer: Prefer,
    conditions: Conditions,
) -> Result<Response, Problem> {
    let page = Query::of(&uri, &["page_size", "cursor"])?.page(&rest, &prefer)?;
    let found = rest.service.schemas(&caller, &names.project()?, &page).map_err(page_problem)?;
    let next_cursor = answer::next(&rest, &found);
    let schemas = found.items.iter().map(|schema| shape(schema)).collect();
    let list = SchemaPage { schemas, next_cursor };
    answer::list(&uri, &prefer, &conditions, &page, list.next_cursor.as_deref(), &list)
}

/// Attach a schema.
///
/// 422 where existing values violate it, and 409 where a schema of this name exists, unless `adopt_existing`.
#[utoipa::path(post, path = "/api/v1/projects/{project}/schemas", operation_id = "create_schema", tag = "schemas",
    params(ProjectParam, PreferHeader), request_body = NewSchema,
    responses((status = 201, description = "The schema", body = json::Schema)))]
pub(super) async fn create(
    State(rest): State<Rest>,
    By(caller): By,
    names: Names,
    prefer: Prefer,
    Json(new): Json<NewSchema>,
) -> Result<Response, Problem> {
    let command = CreateSchema {
        project: names.project()?,
        name: new.name.parse::<SchemaName>()?,
        settings: SchemaSettings { key_pattern: new.key_pattern, schema: new.schema },
        create_missing: new.create_missing,
        adopt_existing: new.adopt_existing,
    };
    let schema = rest.service.create_schema(&caller, command).await?;
    let response = answer::written(&prefer, StatusCode::CREATED, Some(tag(&schema)), &shape(&schema))?;
    Ok(answer::located(response, &format!("/api/v1/projects/{}/schemas/{}", schema.project, schema.name)))
}

/// Read a schema.
#[utoipa::path(get, path = "/api/v1/projects/{project}/schemas/{schema}", operation_id = "get_schema", tag = "schemas",
    params(SchemaParams, ReadHeaders), responses((status = 200, description = "The schema", body = json::Schema)))]
pub(super) async fn get(
    State(rest): State<Rest>,
    By(caller): By,
    names: Names,
    uri: Uri,
    conditions: Conditions,
) -> Result<Response, Problem> {
    Query::of(&uri, &[])?;
    let schema = rest.service.schema(&caller, &names.project()?, &names.schema()?)?;
    answer::read(&conditions, Some(tag(&schema)), &shape(&schema))
}

/// Replace what a schema says.
///
/// 404 where there is no such schema. `If-Match` takes the entity tag of the schema.
#[utoipa::path(put, path = "/api/v1/projects/{project}/schemas/{schema}", operation_id = "update_schema",
    tag = "schemas", params(SchemaParams, WriteHeaders), request_body = SchemaContent,
    responses((status = 200, description = "The schema", body = json::Schema)))]
pub(super) async fn update(
    State(rest): State<Rest>,
    By(caller): By,
    names: Names,
    prefer: Prefer,
    conditions: Conditions,
    Json(content): Json<SchemaContent>,
) -> Result<Response, Problem> {
    let (project, name) = (names.project()?, names.schema()?);
    let version = expected(&rest, &caller, &project, &name, &conditions)?;
    let settings = SchemaSettings { key_pattern: content.key_pattern, schema: content.schema };
    let command = UpdateSchema { project, name, settings, expect: None };
    let updated = rest.service.update_schema(&caller, AtVersion { command, version }).await;
    let schema = updated.map_err(|refusal| conditions.explain(refusal))?;
    answer::written(&prefer, StatusCode::OK, Some(tag(&schema)), &shape(&schema))
}

/// Delete a schema.
#[utoipa::path(delete, path = "/api/v1/projects/{project}/schemas/{schema}", operation_id = "delete_schema",
    tag = "schemas", params(SchemaParams, WriteHeaders), responses((status = 204, description = "It is deleted")))]
pub(super) async fn delete(
    State(rest): State<Rest>,
    By(caller): By,
    names: Names,
    uri: Uri,
    prefer: Prefer,
    conditions: Conditions,
) -> Result<Response, Problem> {
    Query::of(&uri, &[])?;
    let (project, name) = (names.project()?, names.schema()?);
    let version = expected(&rest, &caller, &project, &name, &conditions)?;
    let command = AtVersion { command: DeleteSchema { project, name }, version };
    rest.service.delete_schema(&caller, command).await.map_err(|refusal| conditions.explain(refusal))?;
    Ok(answer::deleted(&prefer))
}

/// Returns the version that `If-Match` requires.
fn expected(
    rest: &Rest,
    caller: &Caller,
    project: &ProjectName,
    name: &SchemaName,
    conditions: &Conditions,
) -> Result<Option<String>, Problem> {
    conditions.expected("schema", || Ok((rest.service.schema(caller, project, name)?.version(), None)))
}

fn tag(schema: &VariableSchema) -> Etag {
    Etag::new(schema.version())
}

fn shape(schema: &VariableSchema) -> json::Schema {
    convert::schema(schema).into()
}
