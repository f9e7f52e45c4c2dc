//! A request and an answer, as the doubles see them: whole, in memory, without a thought of connections.

use bytes::Bytes;
use http::{HeaderMap, Method, Uri};
use serde_json::Value;

/// What a double does. The server calls it from its own thread, one request at a time, so it must not block.
pub trait Service: Send + Sync + 'static {
    /// The answer to a request that no fault was in store for.
    fn answer(&self, request: &Request) -> Answer;

    /// How this service words an injected failure: a status from 400 to 599.
    fn failure(&self, status: u16) -> Answer;
}

/// A request, read to its end.
pub struct Request {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl Request {
    pub(super) fn new(method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Self {
        Self { method, uri, headers, body }
    }

    /// The method, in capitals.
    pub fn method(&self) -> &str {
        self.method.as_str()
    }

    /// The path as it was sent, without the query.
    pub fn path(&self) -> &str {
        self.uri.path()
    }

    /// The path's parts. A slash at the end makes no part: clients differ there, and services take both.
    pub fn segments(&self) -> Vec<&str> {
        self.path().split('/').filter(|part| !part.is_empty()).collect()
    }

    /// The value of a query parameter.
    pub fn query(&self, name: &str) -> Option<String> {
        find(self.uri.query().unwrap_or_default().as_bytes(), name)
    }

    /// The value of a header, when it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The token of `Authorization: Bearer …`.
    pub fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token)
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The value of a field of a form (`application/x-www-form-urlencoded`).
    pub fn form(&self, name: &str) -> Option<String> {
        find(&self.body, name)
    }
}

fn find(encoded: &[u8], name: &str) -> Option<String> {
    form_urlencoded::parse(encoded).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// An answer, whole.
#[derive(Clone)]
pub struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Bytes,
}

impl Answer {
    /// An answer with this body.
    pub fn new(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self { status, headers: vec![("content-type", content_type.to_owned())], body: body.into() }
    }

    /// An answer in JSON.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json; charset=utf-8", body.to_string())
    }

    /// An answer without a body.
    pub fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new() }
    }

    /// The same with one header more.
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.status
    }
}
