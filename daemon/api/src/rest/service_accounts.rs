//! `/api/v1/service-accounts`: what pipelines sign in as. An answer with a secret is kept by no cache.

use axum::{extract::State, response::Response};
use http::{StatusCode, Uri};
use kontraktor_model::{
    access::{Scope, Scopes},
    names::AccountName,
};
use kontraktor_proto::json;
use kontraktor_service::{NewAccount, NewCredential};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Rest, answer,
    body::Json,
    document_params::{PageParams, ReadHeaders},
    etag::Conditions,
    page_problem,
    params::{By, Names, Query},
    prefer::Prefer,
    problem::Problem,
};
use crate::grpc::convert;

/// One page of service accounts.
#[derive(Serialize, ToSchema)]
pub(super) struct ServiceAccountPage {
    /// The accounts, by name.
    service_accounts: Vec<json::ServiceAccount>,
    /// The cursor of the next page; `null` on the last.
    next_cursor: Option<String>,
}

/// A service account to create.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "ci", "description": "The pipelines", "scopes": ["env.read", "env.write"]}))]
pub(super) struct NewServiceAccount {
    /// Its name: 1 to 63 characters of a-z, 0-9 and "-".
    name: String,
    /// What it is for; 1,024 bytes at most.
    #[serde(default)]
    description: String,
    /// The scopes that its tokens may have. Empty: `env.read`, `env.write` and `secret.read`.
    #[serde(default)]
    scopes: Vec<String>,
    /// How long its secret is valid, in milliseconds; 0: it does not expire.
    #[serde(default)]
    secret_lifetime_ms: u64,
    /// A public key in PEM (EC P-256, RSA of 2048 bits and more, or Ed25519). Then no secret is created.
    #[serde(default)]
    public_key: Option<String>,
}

/// How to rotate the secret of a service account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"overlap_ms": 3_600_000}))]
pub(super) struct Rotation {
    /// How long the secret before the new one remains valid, in milliseconds; 0: it ends at once.
    #[serde(default)]
    overlap_ms: u64,
    /// How long the new secret is valid, in milliseconds; 0: it does not expire.
    #[serde(default)]
    secret_lifetime_ms: u64,
}

/// List service accounts.
///
/// By name, in pages.
#[utoipa::path(get, path = "/api/v1/service-accounts", operation_id = "list_service_accounts", tag = "access",
    params(PageParams, ReadHeaders),
    responses((status = 200, description = "A page of service accounts", body = ServiceAccountPage)))]
pub(super) async fn list(
    State(rest): State<Rest>,
    By(caller): By,
    uri: Uri,
    prefer: Prefer,
    conditions: Conditions,
) -> Result<Response, Problem> {
    let page = Query::of(&uri, &["page_size", "cursor"])?.page(&rest, &prefer)?;
    let found = rest.service.service_accounts(&caller, &page).map_err(page_problem)?;
    let next_cursor = answer::next(&rest, &found);
    let now = rest.service.now();
    let service_accounts =
        found.items.iter().map(|account| convert::service_account(account, now).into()).collect();
    let list = ServiceAccountPage { service_accounts, next_cursor };
    answer::list(&uri, &prefer, &conditions, &page, list.next_cursor.as_deref(), &list)
}

/// Create a service account.
///
/// Its secret is shown only here.
#[utoipa::path(post, path = "/api/v1/service-accounts", operation_id = "create_service_account", tag = "access",
    request_body = NewServiceAccount,
    responses((status = 201, description = "The account with its secret", body = json::ServiceAccountCredentials)))]
pub(super) async fn create(
    State(rest): State<Rest>,
    By(caller): By,
    Json(new): Json<NewServiceAccount>,
) -> Result<Response, Problem> {
    let credential = match new.public_key.filter(|key| !key.is_empty()) {
        Some(key) => NewCredential::PublicKey(key),
        None => NewCredential::Secret(convert::lifetime(new.secret_lifetime_ms)),
    };
    let new = NewAccount {
        name: new.name.parse::<AccountName>()?,
        description: new.description,
        scopes: new.scopes.iter().map(|name| name.parse::<Scope>()).collect::<Result<Scopes, _>>()?,
        credential,
    };
    let created = rest.service.create_service_account(&caller, new).await?;
    let wire = convert::credentials(&created, rest.service.now());
    let response = answer::secret(&json::ServiceAccountCredentials::from(wire))?;
    let response = answer::located(response, &format!("/api/v1/service-accounts/{}", created.account.name));
    Ok(answer::with_status(response, StatusCode::CREATED))
}

/// Read a service account.
#[utoipa::path(get, path = "/api/v1/service-accounts/{account}", operation_id = "get_service_account", tag = "access",
    params(("account" = String, Path, description = "The account's name.", example = "ci"), ReadHeaders),
    responses((status = 200, description = "The account", body = json::ServiceAccount)))]
pub(super) async fn get(
    State(rest): State<Rest>,
    By(caller): By,
    names: Names,
    uri: Uri,
    conditions: Conditions,
) -> Result<Response, Problem> {
    Query::of(&uri, &[])?;
    let account = rest.service.service_account(&caller, &names.account()?)?;
    let wire = convert::service_account(&account, rest.service.now());
    answer::read(&conditions, None, &json::ServiceAccount::from(wire))
}

/// Rotate the secret of a service account.
///
/// The new secret is shown only here. At most two secrets are valid at a time.
#[utoipa::path(post, path = "/api/v1/service-accounts/{account}:rotate", operation_id = "rotate_service_account",
    tag = "access", params(("account" = String, Path, description = "The account's name.", example = "ci")),
    request_body = Rotation,
    responses((status = 200, description = "The account with its new secret", body = json::ServiceAccountCredentials)))]
pub(super) async fn rotate(
    State(rest): State<Rest>,
    By(caller): By,
    names: Names,
    asked: Result<Json<Rotation>, Problem>,
) -> Result<Response, Problem> {
    let account = names.account_before("rotate")?;
    let Json(asked) = asked?;
    let overlap = convert::duration(asked.overlap_ms);
    let lifetime = convert::lifetime(asked.secret_lifetime_ms);
    let rotated = rest.service.rotate_service_account(&caller, account, overlap, lifetime).await?;
    answer::secret(&json::ServiceAccountCredentials::from(convert::credentials(&rotated, rest.service.now())))
}

/// Delete a service account.
///
/// Its role bindings are deleted with it, and its access tokens stop working at once.
#[utoipa::path(delete, path = "/api/v1/service-accounts/{account}", operation_id = "delete_service_account",
    tag = "access", params(("account" = String, Path, description = "The account's name.", example = "ci")),
    responses((status = 204, description = "It is deleted")))]
pub(super) async fn delete(
    State(rest): State<Rest>,
    By(caller): By,
    names: Names,
    uri: Uri,
    prefer: Prefer,
) -> Result<Response, Problem> {
    Query::of(&uri, &[])?;
    rest.service.delete_service_account(&caller, names.account()?).await?;
    Ok(answer::deleted(&prefer))
}
