//! `/api/v1/audit` and the history of environments.

use axum::{extract::State, response::Response};
use http::{StatusCode, Uri};
use kontraktor_domain::{Hash, Head, Refusal};
use kontraktor_proto::json;
use kontraktor_service::{NamedEntry, Page, PageRequest};
use kontraktor_store::AuditQuery;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Rest, answer,
    body::Json,
    document_params::{EnvironmentParams, PageParams, ReadHeaders},
    etag::Conditions,
    page_problem,
    params::{By, Names, Query},
    prefer::Prefer,
    problem::Problem,
};
use crate::grpc::convert;

/// One page of the log.
#[derive(Serialize, ToSchema)]
pub(super) struct AuditPage {
    /// The entries.
    entries: Vec<json::AuditEntry>,
    /// The cursor of the next page; `null` on the last.
    next_cursor: Option<String>,
}

/// A row that the log must still have.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({}))]
pub(super) struct Verification {
    /// Also requires that the row of this number has the hash `expect_hash`.
    #[serde(default)]
    expect_sequence: Option<u64>,
    /// The hash in hexadecimal.
    #[serde(default)]
    expect_hash: Option<String>,
}

/// What a verification found.
#[derive(Serialize, ToSchema)]
pub(super) struct Verified {
    /// Whether every row has the hash that it must have.
    intact: bool,
    /// The number of the newest row.
    head_sequence: u64,
    /// The hash of the newest row.
    head_hash: String,
    /// The number of rows that were verified.
    row_count: u64,
    /// The first row at which the chain is broken.
    broken_sequence: Option<u64>,
    /// How it is broken.
    explanation: Option<String>,
}

/// Read the audit log.
///
/// In pages. An entry matches all filters that are set.
#[utoipa::path(get, path = "/api/v1/audit/entries", operation_id = "list_audit_entries", tag = "audit",
    params(
        ("project" = Option<String>, Query, description = "Only entries about this project."),
        ("env" = Option<String>, Query, description = "Only entries about environments of this name."),
        ("key" = Option<String>, Query, description = "Only entries about this key."),
        ("start_time" = Option<String>, Query, description = "Entries at or after this time (RFC 3339)."),
        ("end_time" = Option<String>, Query, description = "Entries before this time (RFC 3339)."),
        ("sort" = Option<String>, Query, description = "`-sequence`: newest first, the default. `sequence`: oldest first."),
        PageParams, ReadHeaders),
    responses((status = 200, description = "A page of the log", body = AuditPage)))]
pub(super) async fn list(
    State(rest): State<Rest>,
    By(caller): By,
    uri: Uri,
    prefer: Prefer,
    conditions: Conditions,
) -> Result<Response, Problem> {
    let known = ["project", "env", "key", "start_time", "end_time", "sort", "page_size", "cursor"];
    let query = Query::of(&uri, &known)?;
    let page = query.page(&rest, &prefer)?;
    let entries = AuditQuery {
        project: query.name("project")?,
        env: query.name("env")?,
        key: query.name("key")?,
        since: query.time("start_time")?,
        until: query.time("end_time")?,
        oldest_first: match query.text("sort") {
            None | Some("-sequence") => false,
            Some("sequence") => true,
            Some(_) => return Err(Problem::invalid("sort", "invalid sort: expected sequence or -sequence")),
        },
        ..AuditQuery::default()
    };
    let found = rest.service.audit(&caller, entries, &page).await.map_err(page_problem)?;
    answer_page(&rest, &uri, &prefer, &conditions, &page, &found)
}

/// Read the history of an environment.
///
/// The writes to it or to one of its keys, and the versions that vaults reported for its secret references, newest first.
/// A deleted environment still has its history.
#[utoipa::path(get, path = "/api/v1/environments/{project}/{env}/history", operation_id = "list_history", tag = "audit",
    params(EnvironmentParams,
        ("key" = Option<String>, Query, description = "Only writes to this key."),
        ("until" = Option<String>, Query, description = "Only entries up to this revision or time, included."),
        PageParams, ReadHeaders),
    responses((status = 200, description = "A page of the history", body = AuditPage)))]
pub(super) async fn history(
    State(rest): State<Rest>,
    By(caller): By,
    names: Names,
    uri: Uri,
    prefer: Prefer,
    conditions: Conditions,
) -> Result<Response, Problem> {
    let query = Query::of(&uri, &["key", "until", "page_size", "cursor"])?;
    let page = query.page(&rest, &prefer)?;
    let key = query.name("key")?;
    let until = query.at("until")?;
    let path = names.environment()?;
    let found =
        rest.service.history(&caller, &path, key.as_ref(), until, &page).await.map_err(page_problem)?;
    answer_page(&rest, &uri, &prefer, &conditions, &page, &found)
}

/// Verify the audit log.
///
/// Walks the hash chain from the first row to the head.
#[utoipa::path(post, path = "/api/v1/audit:verify", operation_id = "verify_audit", tag = "audit",
    request_body = Verification, responses((status = 200, description = "What was found", body = Verified)))]
pub(super) async fn verify(
    State(rest): State<Rest>,
    By(caller): By,
    Json(asked): Json<Verification>,
) -> Result<Response, Problem> {
    let report = rest.service.verify(&caller, expected(&asked)?).await?;
    let found = Verified {
        intact: report.is_intact(),
        head_sequence: report.head.seq,
        head_hash: report.head.hash.to_string(),
        row_count: report.rows,
        broken_sequence: report.broken.as_ref().map(|broken| broken.seq),
        explanation: report.broken.as_ref().map(|broken| broken.explanation.clone()),
    };
    Ok(answer::json(StatusCode::OK, answer::document(&found)?))
}

fn expected(asked: &Verification) -> Result<Option<Head>, Refusal> {
    match (asked.expect_sequence.filter(|seq| *seq > 0), &asked.expect_hash) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(Refusal::invalid(
            "expect_sequence",
            "expect_hash requires expect_sequence, which starts at 1",
        )),
        (Some(_), None) => Err(Refusal::invalid("expect_hash", "expect_sequence requires expect_hash")),
        (Some(seq), Some(hash)) => {
            let invalid = |error| Refusal::invalid("expect_hash", format!("invalid expect_hash: {error}"));
            let hash: Hash = hash.parse().map_err(invalid)?;
            Ok(Some(Head { seq, hash }))
        }
    }
}

fn answer_page(
    rest: &Rest,
    uri: &Uri,
    prefer: &Prefer,
    conditions: &Conditions,
    page: &PageRequest,
    found: &Page<NamedEntry>,
) -> Result<Response, Problem> {
    let entries = found.items.iter().map(|entry| convert::entry(entry).into()).collect();
    let list = AuditPage { entries, next_cursor: answer::next(rest, found) };
    answer::list(uri, prefer, conditions, page, list.next_cursor.as_deref(), &list)
}
