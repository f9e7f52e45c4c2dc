//! `/api/v1`: the same service over HTTP and JSON, with the document that describes it.
//!
//! It is thin, as `grpc` is: each function turns a request into the domain's words, asks the service, and turns the answer
//! back. The shapes are those of `ktr --output json`.

mod answer;
mod audit;
mod batch;
mod body;
mod cursor;
mod deprecation;
mod docs;
mod document;
mod document_params;
mod environments;
mod etag;
mod events;
mod examples;
mod params;
mod prefer;
mod problem;
mod projects;
mod role_bindings;
mod schemas;
mod secrets;
mod service_accounts;
mod snapshots;
mod status;
#[cfg(test)]
mod tests;
mod variables;
mod verbs;

use std::{path::Path, sync::Arc};

use axum::{
    Router,
    extract::Request,
    middleware::map_response,
    response::{IntoResponse as _, Response},
    routing::any,
};
use http::{HeaderValue, StatusCode, header};
use kontraktor_domain::{Code, Refusal};
use kontraktor_proto::v1;
use kontraktor_service::Service;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(crate) use self::cursor::Cursors;
#[cfg(test)]
pub(crate) use self::document::document;
use self::{deprecation::Deprecations, problem::Problem};

/// What every route works on.
#[derive(Clone)]
pub(crate) struct Rest {
    pub(crate) service: Service,
    pub(crate) data_dir: Arc<Path>,
    pub(crate) cursors: Cursors,
}

/// Returns the routes that need a caller: all of `/api/v1`.
pub(crate) fn routes(rest: Rest) -> Router {
    let (router, _) = described().split_for_parts();
    with_layers(router.with_state(rest), Deprecations::of_this_version())
}

/// Returns the routes that anybody may read: `/openapi.json` and `/docs`.
pub(crate) fn public_routes() -> Router {
    docs::routes(document::document())
}

fn with_layers(router: Router, deprecations: Deprecations) -> Router {
    let router = router
        .route("/api/v1", any(no_such_path))
        .route("/api/v1/{*path}", any(no_such_path))
        .layer(map_response(explained));
    deprecations.announced_by(router)
}

/// The routes with their descriptions.
fn described() -> OpenApiRouter<Rest> {
    OpenApiRouter::default()
        .routes(routes!(projects::list, projects::create))
        .routes(routes!(projects::get, projects::update, projects::delete))
        .routes(routes!(schemas::list, schemas::create))
        .routes(routes!(schemas::get, schemas::update, schemas::delete))
        .routes(routes!(environments::list, environments::create))
        .routes(routes!(environments::get, environments::update, environments::delete))
        .routes(routes!(environments::rollback))
        .routes(routes!(snapshots::get))
        .routes(routes!(snapshots::compare))
        .routes(routes!(events::watch))
        .routes(routes!(variables::list))
        .routes(routes!(variables::get, variables::put_one, variables::delete))
        .routes(routes!(batch::write))
        .routes(routes!(secrets::resolve))
        .routes(routes!(secrets::check))
        .routes(routes!(secrets::stream))
        .routes(routes!(secrets::purge))
        .routes(routes!(secrets::resolve_environment))
        .routes(routes!(secrets::renew_hold))
        .routes(routes!(secrets::release_hold))
        .routes(routes!(secrets::vaults))
        .routes(routes!(role_bindings::list, role_bindings::grant))
        .routes(routes!(role_bindings::get, role_bindings::revoke))
        .routes(routes!(service_accounts::list, service_accounts::create))
        .routes(routes!(service_accounts::get, service_accounts::delete))
        .merge(verbs::routes(routes!(service_accounts::rotate)))
        .routes(routes!(audit::list))
        .routes(routes!(audit::history))
        .routes(routes!(audit::verify))
        .routes(routes!(status::get))
}

/// Returns the answer to a request that was refused before it reached a handler.
pub(crate) fn problem_response(status: StatusCode, problem: v1::Problem) -> Response {
    Problem::from(problem).at(status).into_response()
}

async fn no_such_path(_: Request) -> Problem {
    problem::no_such_path()
}

/// Makes a problem of the library's own answer to a method that a resource does not have.
async fn explained(response: Response) -> Response {
    if response.status() == StatusCode::METHOD_NOT_ALLOWED && !is_problem(&response) {
        let allow = response.headers().get(header::ALLOW).cloned();
        return problem::no_such_method(allow).into_response();
    }
    response
}

fn is_problem(response: &Response) -> bool {
    response.headers().get(header::CONTENT_TYPE) == Some(&HeaderValue::from_static(problem::MEDIA_TYPE))
}

/// Names the parameter of a list by what it is called here.
fn page_problem(refusal: Refusal) -> Problem {
    if refusal.field.as_deref() == Some("page_token") { cursor::foreign().into() } else { refusal.into() }
}

/// `If-Match` names another version than the current one.
fn precondition_failed(field: &'static str, current_revision: Option<u64>) -> Problem {
    let refusal =
        Refusal::new(Code::Conflict, format!("the {field} is not at the version that If-Match names"))
            .field("if-match")
            .remedy("read it again, and decide on what it is now");
    Problem::with_status(StatusCode::PRECONDITION_FAILED, refusal).current_revision(current_revision)
}
