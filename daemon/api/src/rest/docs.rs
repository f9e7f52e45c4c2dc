//! `/openapi.json`, and `/docs`: a page that shows the document and sends requests. It is embedded, and loads nothing from
//! elsewhere.

use axum::{
    Router,
    response::{IntoResponse as _, Redirect, Response},
    routing::get,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::Value;

use super::{
    answer,
    etag::{Conditions, Etag},
};

/// Only this daemon's own files, and requests to this daemon only.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = include_str!("docs/index.html");
const SCRIPT: &str = include_str!("docs/docs.js");
const STYLE: &str = include_str!("docs/docs.css");

/// Returns the routes of the document and its page.
pub(super) fn routes(document: Value) -> Router {
    let bytes = Bytes::from(serde_json::to_vec(&document).unwrap_or_default());
    let etag = Etag::of_bytes(&bytes);
    let openapi = move |conditions: Conditions| {
        let (bytes, etag) = (bytes.clone(), etag.clone());
        async move {
            if conditions.is_known(&etag) {
                return answer::not_modified(&etag);
            }
            answer::tagged(file("application/json", bytes), &etag)
        }
    };
    Router::new()
        .route("/openapi.json", get(openapi))
        .route("/docs", get(async || Redirect::permanent("/docs/")))
        .route("/docs/", get(async || file("text/html; charset=utf-8", HTML.into())))
        .route("/docs/docs.js", get(async || file("text/javascript; charset=utf-8", SCRIPT.into())))
        .route("/docs/docs.css", get(async || file("text/css; charset=utf-8", STYLE.into())))
}

fn file(media_type: &'static str, bytes: Bytes) -> Response {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        (header::CONTENT_TYPE, media_type),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        set(&mut headers, name, value);
    }
    (StatusCode::OK, headers, bytes).into_response()
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.insert(name, HeaderValue::from_static(value));
}
