//! `/api/v1/environments/{project}/{env}/events`: changes as server-sent events (HTML Living Standard §9.2).

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::State,
    response::{
        IntoResponse as _, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::stream;
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use kontraktor_domain::Refusal;
use kontraktor_proto::json;
use kontraktor_service::EnvironmentChange;

use super::{
    Rest,
    document_params::EnvironmentParams,
    params::{By, Names, Query},
    problem::{self, Problem},
};
use crate::grpc::convert;

/// What a client heard last, as it sends it when it connects again.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// How often a comment is sent while nothing happens: proxies end what is silent for longer.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Watch an environment.
///
/// Server-sent events: each commit that changes the environment or what it imports, once and in order. The name of an event
/// is `change`, `reset` (changes before it are not known: read the snapshot) or `deleted`, its data an `EnvironmentChange`,
/// and its id the version to resume with: `Last-Event-ID` gives what was missed. `problem` is the last event where the
/// caller may not see the environment any more, or their access token has expired. A stream ends after an hour, and clients
/// connect again.
#[utoipa::path(get, path = "/api/v1/environments/{project}/{env}/events", operation_id = "watch_environment",
    tag = "environments",
    params(EnvironmentParams,
        ("after_version" = Option<String>, Query, description = "A version of the snapshot: changes after it. Absent: from now on."),
        ("own_only" = Option<bool>, Query, description = "Ignores changes of imports."),
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event, which counts before `after_version`.")),
    responses((status = 200, description = "Events", body = json::EnvironmentChange, content_type = "text/event-stream")))]
pub(super) async fn watch(
    State(rest): State<Rest>,
    By(caller): By,
    names: Names,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let query = Query::of(&uri, &["after_version", "own_only"])?;
    let heard = headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok()).filter(|id| !id.is_empty());
    let after = heard.or(query.text("after_version"));
    let own_only = query.flag("own_only")?;
    let watch = rest.service.watch(&caller, names.environment()?, own_only, after).await?;
    let events = stream::unfold(watch, async |mut watch| {
        let event = match watch.next().await? {
            Ok(change) => changed(&change),
            Err(refusal) => refused(&refusal),
        };
        Some((Ok::<_, Infallible>(event), watch))
    });
    let mut response = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // nginx would keep events back until its buffer is full.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(response)
}

fn changed(change: &Arc<EnvironmentChange>) -> Event {
    let name = match (change.deleted, change.reset) {
        (true, _) => "deleted",
        (false, true) => "reset",
        (false, false) => "change",
    };
    let shape = json::EnvironmentChange::from(convert::change(change));
    let data = serde_json::to_string(&shape).unwrap_or_default();
    Event::default().event(name).id(&shape.version).data(data)
}

fn refused(refusal: &Refusal) -> Event {
    Event::default()
        .event("problem")
        .data(serde_json::to_string(&problem::of_item(refusal)).unwrap_or_default())
}
