//! `/api/v1/status`.

use axum::{extract::State, response::Response};
use http::Uri;
use kontraktor_proto::json;

use super::{
    Rest, answer,
    document_params::ReadHeaders,
    etag::Conditions,
    params::{By, Query},
    problem::Problem,
};
use crate::grpc::{self};

/// Read the daemon's state.
///
/// Every known caller may. `host` is the host that the request was sent to.
#[utoipa::path(get, path = "/api/v1/status", operation_id = "get_status", tag = "system", params(ReadHeaders),
    responses((status = 200, description = "The daemon's state", body = json::Status)))]
pub(super) async fn get(
    State(rest): State<Rest>,
    By(caller): By,
    uri: Uri,
    headers: http::HeaderMap,
    conditions: Conditions,
) -> Result<Response, Problem> {
    Query::of(&uri, &[])?;
    let host = uri
        .authority()
        .map(ToString::to_string)
        .or_else(|| headers.get(http::header::HOST)?.to_str().ok().map(str::to_owned))
        .unwrap_or_default();
    let status = grpc::daemon_status(&rest.service, &rest.data_dir, &caller)?;
    answer::read(&conditions, None, &json::Status::new(host, status))
}
