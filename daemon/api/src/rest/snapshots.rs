//! `/api/v1/environments/{project}/{env}/snapshot` and `/api/v1/diff`: environments with their variables.

use axum::{extract::State, response::Response};
use http::{StatusCode, Uri};
use kontraktor_access::Caller;
use kontraktor_domain::Refusal;
use kontraktor_model::names::EnvPath;
use kontraktor_proto::{diff, json, v1};
use kontraktor_service::Snapshot;
use kontraktor_store::PointInTime;

use super::{
    Rest, answer,
    document_params::{EnvironmentParams, ReadHeaders},
    etag::{Conditions, Etag},
    params::{By, Names, Query, point_in_time},
    prefer::{Applied, Prefer},
    problem::Problem,
};
use crate::grpc::convert;

/// Read an environment with its variables.
///
/// The effective variables: its own, and those that it imports. The entity tag is the snapshot's version, which covers
/// the imports. With `Prefer: wait=N` and `If-None-Match`, the answer waits up to N seconds (60 at most) until the
/// environment is at another version, and is 304 where it is not.
#[utoipa::path(get, path = "/api/v1/environments/{project}/{env}/snapshot", operation_id = "get_snapshot",
    tag = "environments",
    params(EnvironmentParams, ReadHeaders,
        ("at" = Option<String>, Query, description = "A revision, or a time (RFC 3339). Absent: now."),
        ("own_only" = Option<bool>, Query, description = "Leaves imported variables out."),
        ("prefix" = Option<String>, Query, description = "Only keys that start with it.")),
    responses((status = 200, description = "The environment with its variables", body = json::Snapshot),
        (status = 304, description = "The client has this version")))]
pub(super) async fn get(
    State(rest): State<Rest>,
    By(caller): By,
    names: Names,
    uri: Uri,
    prefer: Prefer,
    conditions: Conditions,
) -> Result<Response, Problem> {
    let query = Query::of(&uri, &["at", "own_only", "prefix"])?;
    let path = names.environment()?;
    let own_only = query.flag("own_only")?;
    let prefix = query.text("prefix").unwrap_or_default().to_owned();
    let at = query.at("at")?;
    let mut what = Applied::default();
    let mut snapshot = find(&rest, &caller, &path, own_only, at).await?;
    if let (Some(wait), None) = (prefer.wait, at) {
        what.wait = true;
        if conditions.is_known(&Etag::new(snapshot.version())) {
            rest.service.changed(&caller, &path, own_only, &snapshot.version(), wait).await?;
            snapshot = find(&rest, &caller, &path, own_only, None).await?;
        }
    }
    let etag = Etag::new(snapshot.version());
    if conditions.is_known(&etag) {
        return Ok(answer::applied(answer::not_modified(&etag), &prefer, what));
    }
    let size = snapshot.size();
    let work = move || {
        let shape = json::Snapshot::from(convert::snapshot(&snapshot, &prefix)?);
        answer::document(&shape)
    };
    let bytes = rest.service.answer(size, work).await??;
    Ok(answer::applied(answer::tagged(answer::json(StatusCode::OK, bytes), &etag), &prefer, what))
}

/// Compare two environments, or one at two points in time.
///
/// Each side is `PROJECT/ENV`, or `PROJECT/ENV@AT` with a revision or a time (RFC 3339).
#[utoipa::path(get, path = "/api/v1/diff", operation_id = "diff_environments", tag = "environments",
    params(ReadHeaders,
        ("from" = String, Query, description = "The side that the comparison begins with.", example = "infra-demo/dev@6"),
        ("to" = String, Query, description = "The side that it ends with.", example = "infra-demo/dev"),
        ("own_only" = Option<bool>, Query, description = "Leaves imported variables out.")),
    responses((status = 200, description = "The difference", body = json::EnvironmentDiff)))]
pub(super) async fn compare(
    State(rest): State<Rest>,
    By(caller): By,
    uri: Uri,
    conditions: Conditions,
) -> Result<Response, Problem> {
    let query = Query::of(&uri, &["from", "to", "own_only"])?;
    let own_only = query.flag("own_only")?;
    let from = side(&rest, &caller, &query, "from", own_only).await?;
    let to = side(&rest, &caller, &query, "to", own_only).await?;
    let size = from.size() + to.size();
    let work = move || -> Result<json::EnvironmentDiff, Refusal> {
        let (from, to): (v1::Snapshot, v1::Snapshot) =
            (convert::snapshot(&from, "")?, convert::snapshot(&to, "")?);
        let found = diff::between(&from.variables, &to.variables);
        Ok(json::EnvironmentDiff::new(&from, &to, &found))
    };
    let shape = rest.service.answer(size, work).await??;
    answer::read(&conditions, None, &shape)
}

async fn side(
    rest: &Rest,
    caller: &Caller,
    query: &Query,
    field: &'static str,
    own_only: bool,
) -> Result<Snapshot, Problem> {
    let Some(text) = query.text(field) else {
        return Err(Problem::invalid(
            field,
            format!("{field} is missing; expected PROJECT/ENV or PROJECT/ENV@AT"),
        ));
    };
    let (path, at) = match text.split_once('@') {
        Some((path, at)) => (path, Some(point_in_time(field, at)?)),
        None => (text, None),
    };
    let path: EnvPath = path.parse().map_err(|error: kontraktor_model::names::NameError| {
        let part = error.field();
        Problem::from(error).renamed(part, field)
    })?;
    find(rest, caller, &path, own_only, at).await.map_err(|problem| problem.renamed("at", field))
}

async fn find(
    rest: &Rest,
    caller: &Caller,
    path: &EnvPath,
    own_only: bool,
    at: Option<PointInTime>,
) -> Result<Snapshot, Problem> {
    Ok(match at {
        None => rest.service.snapshot(caller, path, own_only)?,
        Some(at) => rest.service.snapshot_at(caller, path, own_only, at).await?,
    })
}
