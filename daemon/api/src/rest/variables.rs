//! `/api/v1/environments/{project}/{env}/variables`: the own variables of an environment.

use axum::{extract::State, response::Response};
use http::{StatusCode, Uri};
use kontraktor_access::Caller;
use kontraktor_domain::{Batch, Environment, Expect, ItemOutcome, ItemResult, Operate, Variable, WriteItem};
use kontraktor_model::names::{EnvPath, Key};
use kontraktor_proto::json;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    Rest, answer,
    batch::{PutVariable, put},
    body::Json,
    document_params::{BatchHeaders, EnvironmentParams, KeyParams, PageParams, ReadHeaders, WriteHeaders},
    etag::{Conditions, Etag, Tags},
    page_problem,
    params::{By, IdempotencyKey, Names, Query},
    precondition_failed,
    prefer::Prefer,
    problem::Problem,
};
use crate::grpc::convert;

/// One page of the own variables of an environment.
#[derive(Serialize, ToSchema)]
pub(super) struct VariablePage {
    /// The variables of the page.
    variables: Vec<json::Variable>,
    /// The secret references of the page.
    secret_references: Vec<json::SecretReference>,
    /// The cursor of the next page; `null` on the last.
    next_cursor: Option<String>,
}

/// What a key holds: a value, or a reference to a secret.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum KeyContent {
    /// A value.
    Variable(Box<json::Variable>),
    /// A reference.
    SecretReference(Box<json::SecretReference>),
}

/// List the own variables of an environment.
///
/// In pages, secret references among them. The effective variables are in its snapshot.
#[utoipa::path(get, path = "/api/v1/environments/{project}/{env}/variables", operation_id = "list_variables",
    tag = "variables",
    params(EnvironmentParams, PageParams, ReadHeaders,
        ("prefix" = Option<String>, Query, description = "Only keys that start with it."),
        ("sort" = Option<String>, Query, description = "`key` (the default), `written_time`, or with `-` before it the other way round.")),
    responses((status = 200, description = "A page of variables", body = VariablePage)))]
pub(super) async fn list(
    State(rest): State<Rest>,
    By(caller): By,
    names: Names,
    uri: Uri,
    prefer: Prefer,
    conditions: Conditions,
) -> Result<Response, Problem> {
    let query = Query::of(&uri, &["prefix", "sort", "page_size", "cursor"])?;
    let page = query.sorted_page(&rest, &prefer, "key", "written_time")?;
    let prefix = query.text("prefix").unwrap_or_default();
    let (environment, found) =
        rest.service.variables(&caller, &names.environment()?, prefix, &page).map_err(page_problem)?;
    let mut list = VariablePage {
        variables: Vec::new(),
        secret_references: Vec::new(),
        next_cursor: answer::next(&rest, &found),
    };
    for variable in &found.items {
        match shape(&environment, variable) {
            KeyContent::Variable(variable) => list.variables.push(*variable),
            KeyContent::SecretReference(reference) => list.secret_references.push(*reference),
        }
    }
    answer::list(&uri, &prefer, &conditions, &page, list.next_cursor.as_deref(), &list)
}

/// Read a variable.
///
/// An own one. The entity tag is its revision.
#[utoipa::path(get, path = "/api/v1/environments/{project}/{env}/variables/{key}", operation_id = "get_variable",
    tag = "variables", params(KeyParams, ReadHeaders),
    responses((status = 200, description = "What the key holds", body = KeyContent)))]
pub(super) async fn get(
    State(rest): State<Rest>,
    By(caller): By,
    names: Names,
    uri: Uri,
    conditions: Conditions,
) -> Result<Response, Problem> {
    Query::of(&uri, &[])?;
    let (environment, variable) = rest.service.variable(&caller, &names.environment()?, &names.key()?)?;
    answer::read(&conditions, Some(tag(&environment, &variable)), &shape(&environment, &variable))
}

/// Write a variable.
///
/// A value, or a reference to a secret. `If-Match` takes the entity tag of the variable, `If-None-Match: *` writes only
/// where the key does not exist: 412 otherwise, with the current revision.
#[utoipa::path(put, path = "/api/v1/environments/{project}/{env}/variables/{key}", operation_id = "put_variable",
    tag = "variables", params(KeyParams, BatchHeaders, WriteHeaders), request_body = PutVariable,
    responses((status = 200, description = "What the key holds", body = KeyContent),
        (status = 201, description = "What the key holds; it did not exist before", body = KeyContent)))]
pub(super) async fn put_one(
    State(rest): State<Rest>,
    By(caller): By,
    names: Names,
    prefer: Prefer,
    conditions: Conditions,
    key: IdempotencyKey,
    Json(content): Json<PutVariable>,
) -> Result<Response, Problem> {
    let target = Target { path: names.environment()?, key: names.key()?, id: key.or_new() };
    let existed = target.current(&rest, &caller)?.is_some();
    let operation = Operate::Put(put(content)?);
    target.write(&rest, &caller, operation, &conditions).await?;
    let (environment, variable) = rest.service.variable(&caller, &target.path, &target.key)?;
    let status = if existed { StatusCode::OK } else { StatusCode::CREATED };
    answer::written(&prefer, status, Some(tag(&environment, &variable)), &shape(&environment, &variable))
}

/// Delete a variable.
///
/// Deleting a key that does not exist is no error. `If-Match` takes the entity tag of the variable.
#[utoipa::path(delete, path = "/api/v1/environments/{project}/{env}/variables/{key}", operation_id = "delete_variable",
    tag = "variables", params(KeyParams, BatchHeaders, WriteHeaders),
    responses((status = 204, description = "It is deleted")))]
pub(super) async fn delete(
    State(rest): State<Rest>,
    By(caller): By,
    names: Names,
    uri: Uri,
    prefer: Prefer,
    conditions: Conditions,
    key: IdempotencyKey,
) -> Result<Response, Problem> {
    Query::of(&uri, &[])?;
    let target = Target { path: names.environment()?, key: names.key()?, id: key.or_new() };
    target.write(&rest, &caller, Operate::Delete, &conditions).await?;
    Ok(answer::deleted(&prefer))
}

/// A key to write, and the id of the batch that does it.
struct Target {
    path: EnvPath,
    key: Key,
    id: Uuid,
}

impl Target {
    /// Writes the key as a batch of one item.
    async fn write(
        &self,
        rest: &Rest,
        caller: &Caller,
        operation: Operate,
        conditions: &Conditions,
    ) -> Result<(), Problem> {
        let expect = self.expectation(rest, caller, conditions)?;
        let item = WriteItem {
            project: self.path.project.to_string(),
            env: self.path.env.to_string(),
            key: self.key.to_string(),
            operation: Ok(operation),
            expect,
        };
        let batch = Batch { id: self.id, groups: vec![vec![item]] };
        let outcome = rest.service.write_variables(caller, batch).await?;
        match outcome.results.into_iter().next() {
            Some(ItemResult { outcome: ItemOutcome::Refused(refusal), .. }) => {
                let problem = Problem::from((*refusal).clone());
                Err(if expect == Expect::Nothing { problem } else { problem.precondition() })
            }
            _ => Ok(()),
        }
    }

    /// Returns what the conditions say of the key, for the writer to check: it may change meanwhile.
    fn expectation(&self, rest: &Rest, caller: &Caller, conditions: &Conditions) -> Result<Expect, Problem> {
        if conditions.wants_absent() {
            return Ok(Expect::Absent);
        }
        let Some(tags) = &conditions.if_match else { return Ok(Expect::Nothing) };
        match (tags, conditions.revisions().as_deref()) {
            (Tags::Listed(_), Some([revision])) => Ok(Expect::Revision(*revision)),
            // Any of several: the one that is current now.
            (_, revisions) => match self.current(rest, caller)? {
                Some(current) if revisions.is_none_or(|listed| listed.contains(&current)) => {
                    Ok(Expect::Revision(current))
                }
                current => Err(precondition_failed("key", current)),
            },
        }
    }

    /// Returns the revision of the key; `None` where it does not exist.
    fn current(&self, rest: &Rest, caller: &Caller) -> Result<Option<u64>, Problem> {
        match rest.service.variable(caller, &self.path, &self.key).map_err(Problem::from) {
            Ok((_, variable)) => Ok(Some(variable.revision)),
            Err(problem) if problem.is_not_found() => Ok(None),
            Err(problem) => Err(problem),
        }
    }
}

/// The revision; with a reference also when its version was seen, which is part of what readers see.
fn tag(environment: &Environment, variable: &Variable) -> Etag {
    match environment.seen_version(variable) {
        Some(seen) => Etag::new(format!("{}-{}", variable.revision, seen.since.as_microsecond())),
        None => Etag::new(variable.revision.to_string()),
    }
}

fn shape(environment: &Environment, variable: &Variable) -> KeyContent {
    let seen = environment.seen_version(variable);
    // The key's own revision as that of its origin: the answer is the same for as long as the key is.
    let wire = convert::variable(variable, seen, &environment.path, variable.revision);
    if wire.reference().is_some()
        && let Some(reference) = json::SecretReference::from_variable(wire.clone())
    {
        return KeyContent::SecretReference(Box::new(reference));
    }
    KeyContent::Variable(Box::new(wire.into()))
}
