//! Which web pages may use the API: the protocol of the Fetch standard, section 3.2 (CORS).

use std::sync::Arc;

use axum::{
    body::Body,
    http::{
        HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
        header::{
            ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
            ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HOST,
            ORIGIN, VARY,
        },
    },
};

use crate::listener::IsEncrypted;

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");

/// What a page may send, besides what every page may.
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, idempotency-key, if-match, if-none-match, kontraktor-via, last-event-id, prefer, x-request-id",
);

/// What a page may read, besides what every page may.
const RESPONSE_HEADERS: HeaderValue = HeaderValue::from_static(
    "deprecation, etag, link, location, preference-applied, ratelimit, ratelimit-policy, retry-after, sunset, \
     www-authenticate",
);

/// How long a browser need not ask again, in seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// The origins whose pages may use the API.
#[derive(Debug, Clone)]
pub(super) struct Cors {
    origins: Arc<[String]>,
}

/// The page that makes a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// None, or one of the daemon itself.
    None,
    /// One whose origin the operator has named.
    Allowed(HeaderValue),
    /// Any other.
    Foreign,
}

impl Cors {
    pub(super) fn new(origins: Arc<[String]>) -> Self {
        Self { origins }
    }

    pub(super) fn origin<B>(&self, request: &Request<B>) -> Origin {
        let Some(origin) = request.headers().get(ORIGIN) else { return Origin::None };
        if self.origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes()) {
            return Origin::Allowed(origin.clone());
        }
        if is_own(request, origin) { Origin::None } else { Origin::Foreign }
    }
}

/// Returns whether the page is one of the daemon's own.
fn is_own<B>(request: &Request<B>, origin: &HeaderValue) -> bool {
    let is_encrypted = request.extensions().get::<IsEncrypted>().is_some_and(|encrypted| encrypted.0);
    let scheme = if is_encrypted { "https://" } else { "http://" };
    // HTTP/2 has the host in the target, HTTP/1.1 in a header.
    let host = match request.uri().authority() {
        Some(authority) => Some(authority.as_str()),
        None => request.headers().get(HOST).and_then(|host| host.to_str().ok()),
    };
    let origin_host = origin.to_str().ok().and_then(|origin| origin.strip_prefix(scheme));
    origin_host.is_some() && origin_host == host
}

/// Returns whether a browser asks what a page may do, instead of doing it.
pub(super) fn is_preflight<B>(request: &Request<B>) -> bool {
    request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// Returns what the pages of an allowed origin may do.
pub(super) fn preflight(origin: &HeaderValue) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
    headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    expose(origin, headers);
    response
}

/// Lets the pages of an allowed origin read the answer.
pub(super) fn expose(origin: &HeaderValue, headers: &mut HeaderMap) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, RESPONSE_HEADERS);
    let vary = HeaderValue::from_static("origin");
    if !headers.get_all(VARY).iter().any(|present| present == vary) {
        headers.append(VARY, vary);
    }
}
