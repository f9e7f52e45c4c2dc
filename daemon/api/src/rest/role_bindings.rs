//! `/api/v1/role-bindings`: who may do what.

use axum::{extract::State, response::Response};
use http::{StatusCode, Uri};
use kontraktor_domain::RoleGrant;
use kontraktor_model::access::{AccessError, Pattern, Role, Subject};
use kontraktor_proto::json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Rest, answer,
    body::Json,
    document_params::{PageParams, PreferHeader, ReadHeaders, RoleBindingParams},
    etag::Conditions,
    page_problem,
    params::{By, Names, Query},
    prefer::Prefer,
    problem::Problem,
};
use crate::grpc::convert;

/// One page of role bindings.
#[derive(Serialize, ToSchema)]
pub(super) struct RoleBindingPage {
    /// The bindings, by pattern, subject and role.
    role_bindings: Vec<json::RoleBinding>,
    /// The cursor of the next page; `null` on the last.
    next_cursor: Option<String>,
}

/// A role to grant.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"role": "editor", "subject": "service-account:ci", "pattern": "infra-demo/*"}))]
pub(super) struct NewRoleBinding {
    /// `viewer`, `editor`, `secret-reader` or `owner`.
    role: String,
    /// `service-account:NAME`, `group:NAME`, or an actor as the audit log shows it.
    subject: String,
    /// `*` (everything), `PROJECT/*` (a project and its environments), `*/ENV`, or `PROJECT/ENV`.
    pattern: String,
}

/// A role that was granted.
#[derive(Serialize, ToSchema)]
pub(super) struct GrantedRole {
    /// The binding.
    role_binding: json::RoleBinding,
    /// False: it existed already.
    created: bool,
    /// What the caller should know, such as a pattern that matches nothing yet.
    warnings: Vec<String>,
}

/// List role bindings.
///
/// Those that the caller may manage, by pattern, subject and role, in pages.
#[utoipa::path(get, path = "/api/v1/role-bindings", operation_id = "list_role_bindings", tag = "access",
    params(("subject" = Option<String>, Query, description = "Only bindings of this subject."),
        ("pattern" = Option<String>, Query, description = "Only bindings on this very pattern."),
        PageParams, ReadHeaders),
    responses((status = 200, description = "A page of role bindings", body = RoleBindingPage)))]
pub(super) async fn list(
    State(rest): State<Rest>,
    By(caller): By,
    uri: Uri,
    prefer: Prefer,
    conditions: Conditions,
) -> Result<Response, Problem> {
    let query = Query::of(&uri, &["subject", "pattern", "page_size", "cursor"])?;
    let page = query.page(&rest, &prefer)?;
    let subject = query.text("subject").map(str::parse::<Subject>).transpose()?;
    let pattern = query.text("pattern").map(str::parse::<Pattern>).transpose()?;
    let found = rest
        .service
        .role_bindings(&caller, subject.as_ref(), pattern.as_ref(), &page)
        .map_err(page_problem)?;
    let next_cursor = answer::next(&rest, &found);
    let role_bindings = found.items.iter().map(|binding| convert::role_binding(binding).into()).collect();
    let list = RoleBindingPage { role_bindings, next_cursor };
    answer::list(&uri, &prefer, &conditions, &page, list.next_cursor.as_deref(), &list)
}

/// Grant a role.
///
/// Granting what is granted already changes nothing, and is 200 instead of 201.
#[utoipa::path(post, path = "/api/v1/role-bindings", operation_id = "grant_role", tag = "access",
    params(PreferHeader), request_body = NewRoleBinding,
    responses((status = 200, description = "The binding, which existed", body = GrantedRole),
        (status = 201, description = "The binding", body = GrantedRole)))]
pub(super) async fn grant(
    State(rest): State<Rest>,
    By(caller): By,
    prefer: Prefer,
    Json(new): Json<NewRoleBinding>,
) -> Result<Response, Problem> {
    let granted = rest.service.grant_role(&caller, of(&new.role, &new.subject, &new.pattern)?).await?;
    let shape = GrantedRole {
        role_binding: convert::role_binding(&granted.binding).into(),
        created: granted.created,
        warnings: granted.warnings,
    };
    let status = if granted.created { StatusCode::CREATED } else { StatusCode::OK };
    let response = answer::written(&prefer, status, None, &shape)?;
    let grant = &granted.binding.grant;
    let names = [grant.role.as_str().to_owned(), grant.subject.to_string(), grant.pattern.to_string()];
    Ok(answer::located(response, &answer::path("/api/v1/role-bindings", &names)))
}

/// Read a role binding.
#[utoipa::path(get, path = "/api/v1/role-bindings/{role}/{subject}/{pattern}", operation_id = "get_role_binding",
    tag = "access", params(RoleBindingParams, ReadHeaders),
    responses((status = 200, description = "The binding", body = json::RoleBinding)))]
pub(super) async fn get(
    State(rest): State<Rest>,
    By(caller): By,
    names: Names,
    uri: Uri,
    conditions: Conditions,
) -> Result<Response, Problem> {
    Query::of(&uri, &[])?;
    let binding = rest.service.role_binding(&caller, &named(&names)?)?;
    answer::read(&conditions, None, &json::RoleBinding::from(convert::role_binding(&binding)))
}

/// Revoke a role.
///
/// 404 where it is not granted.
#[utoipa::path(delete, path = "/api/v1/role-bindings/{role}/{subject}/{pattern}", operation_id = "revoke_role",
    tag = "access", params(RoleBindingParams), responses((status = 204, description = "It is revoked")))]
pub(super) async fn revoke(
    State(rest): State<Rest>,
    By(caller): By,
    names: Names,
    uri: Uri,
    prefer: Prefer,
) -> Result<Response, Problem> {
    Query::of(&uri, &[])?;
    rest.service.revoke_role(&caller, named(&names)?).await?;
    Ok(answer::deleted(&prefer))
}

fn named(names: &Names) -> Result<RoleGrant, AccessError> {
    of(names.text("role"), names.text("subject"), names.text("pattern"))
}

fn of(role: &str, subject: &str, pattern: &str) -> Result<RoleGrant, AccessError> {
    Ok(RoleGrant { pattern: pattern.parse()?, subject: subject.parse()?, role: role.parse::<Role>()? })
}
