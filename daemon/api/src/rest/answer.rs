//! Answers: JSON with its entity tag, pages with their links, and what was done of the preferences.

use std::fmt::Write as _;

use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, Uri, header};
use kontraktor_domain::{Code, Refusal};
use kontraktor_service::{Page, PageRequest};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use zeroize::Zeroizing;

use super::{
    Rest,
    etag::{Conditions, Etag},
    prefer::{Applied, PREFER, Prefer},
    problem::Problem,
};

/// What a value of a query keeps as it is (RFC 3986 §2.3).
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Reads are revalidated each time: what a client may see can end at any moment.
const REVALIDATE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// Writes a document.
pub(super) fn document<T: Serialize>(value: &T) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(value).map_err(|_| Refusal::new(Code::Storage, "the answer cannot be written").into())
}

/// Answers a read: 304 where the client has the version already. Without an `etag` it is made of the document.
pub(super) fn read<T: Serialize>(
    conditions: &Conditions,
    etag: Option<Etag>,
    value: &T,
) -> Result<Response, Problem> {
    if let Some(etag) = etag.as_ref().filter(|etag| conditions.is_known(etag)) {
        return Ok(not_modified(etag));
    }
    let bytes = document(value)?;
    let etag = etag.unwrap_or_else(|| Etag::of_bytes(&bytes));
    if conditions.is_known(&etag) {
        return Ok(not_modified(&etag));
    }
    Ok(tagged(json(StatusCode::OK, bytes), &etag))
}

/// Answers that the client has this version.
pub(super) fn not_modified(etag: &Etag) -> Response {
    let mut response = StatusCode::NOT_MODIFIED.into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, REVALIDATE);
    tagged(response, etag)
}

/// Answers a write with the resource, or without it where the client prefers that.
pub(super) fn written<T: Serialize>(
    prefer: &Prefer,
    status: StatusCode,
    etag: Option<Etag>,
    value: &T,
) -> Result<Response, Problem> {
    let bytes = document(value)?;
    let etag = etag.unwrap_or_else(|| Etag::of_bytes(&bytes));
    // Also what was created, whose place is in Location: a client that was made of the document reads a body with 201.
    let response =
        if prefer.is_minimal() { StatusCode::NO_CONTENT.into_response() } else { json(status, bytes) };
    Ok(applied(tagged(response, &etag), prefer, Applied { returning: true, ..Applied::default() }))
}

/// Answers that something is gone.
pub(super) fn deleted(prefer: &Prefer) -> Response {
    applied(StatusCode::NO_CONTENT.into_response(), prefer, Applied::default())
}

/// Answers with what no cache may keep. The document is wiped when it is sent.
pub(super) fn secret<T: Serialize>(value: &T) -> Result<Response, Problem> {
    let bytes = Bytes::from_owner(Zeroizing::new(document(value)?));
    let mut response = (StatusCode::OK, bytes).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// The document of a list.
pub(super) fn list<T: Serialize>(
    uri: &Uri,
    prefer: &Prefer,
    conditions: &Conditions,
    page: &PageRequest,
    next: Option<&str>,
    value: &T,
) -> Result<Response, Problem> {
    let mut response = read(conditions, None, value)?;
    if let Some(link) = next.and_then(|cursor| HeaderValue::from_str(&link(uri, cursor)).ok()) {
        response.headers_mut().insert(header::LINK, link);
    }
    let what = Applied { page_size: page.size, ..Applied::default() };
    Ok(applied(response, prefer, what))
}

/// Seals the token of the next page.
pub(super) fn next<T>(rest: &Rest, page: &Page<T>) -> Option<String> {
    page.next.as_ref().map(|token| rest.cursors.seal(token))
}

/// Names the preferences that were honored.
pub(super) fn applied(mut response: Response, prefer: &Prefer, what: Applied) -> Response {
    prefer.applied(response.headers_mut(), what);
    response.headers_mut().insert(header::VARY, HeaderValue::from_name(PREFER));
    response
}

/// The path of a resource below `collection`.
pub(super) fn path(collection: &str, names: &[String]) -> String {
    names.iter().fold(collection.to_owned(), |path, name| path + "/" + &encoded(name).to_string())
}

/// The same answer with another status.
pub(super) fn with_status(mut response: Response, status: StatusCode) -> Response {
    *response.status_mut() = status;
    response
}

/// Says where the resource is that was created.
pub(super) fn located(mut response: Response, path: &str) -> Response {
    if let Ok(location) = HeaderValue::from_str(path) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

pub(super) fn json(status: StatusCode, bytes: Vec<u8>) -> Response {
    let mut response = (status, bytes).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, REVALIDATE);
    response
}

pub(super) fn tagged(mut response: Response, etag: &Etag) -> Response {
    if let Some(etag) = etag.header() {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}

/// The link to the next page (RFC 8288): the same list, with this cursor.
fn link(uri: &Uri, cursor: &str) -> String {
    let mut target = format!("<{}?", uri.path());
    for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        if name != "cursor" {
            // A String takes everything.
            let _ = write!(target, "{}={}&", encoded(&name), encoded(&value));
        }
    }
    target + "cursor=" + cursor + ">; rel=\"next\""
}

fn encoded(text: &str) -> impl std::fmt::Display + '_ {
    utf8_percent_encode(text, VALUE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_keeps_the_filters_and_replaces_the_cursor() {
        let uri = Uri::from_static("/api/v1/projects?cursor=old&page_size=2&prefix=a%26b%3Ec");
        assert_eq!(
            link(&uri, "new"),
            "</api/v1/projects?page_size=2&prefix=a%26b%3Ec&cursor=new>; rel=\"next\""
        );
    }
}
