//! Requests and responses as the doubles see them: complete and in memory.

use bytes::Bytes;
use http::{HeaderMap, Method, Uri};
use serde_json::Value;

/// What a double does. The server calls it from its own thread, one request at a time, so it must not block.
pub trait Service: Send + Sync + 'static {
    /// Returns the response to a request without a pending fault.
    fn answer(&self, request: &Request) -> Answer;

    /// Returns an injected failure in the format of this service; `status` is from 400 to 599.
    fn failure(&self, status: u16) -> Answer;
}

/// A complete request.
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

    /// Returns the method, in capitals.
    pub fn method(&self) -> &str {
        self.method.as_str()
    }

    /// Returns the path as it was sent, without the query.
    pub fn path(&self) -> &str {
        self.uri.path()
    }

    /// Returns the path's segments. A trailing slash is ignored: clients differ there, and services accept both.
    pub fn segments(&self) -> Vec<&str> {
        self.path().split('/').filter(|part| !part.is_empty()).collect()
    }

    /// Returns the value of a query parameter.
    pub fn query(&self, name: &str) -> Option<String> {
        find(self.uri.query().unwrap_or_default().as_bytes(), name)
    }

    /// Returns the value of a header, when it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns the token of `Authorization: Bearer …`.
    pub fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token)
    }

    /// Returns the body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Returns the value of a field of a form (`application/x-www-form-urlencoded`).
    pub fn form(&self, name: &str) -> Option<String> {
        find(&self.body, name)
    }
}

fn find(encoded: &[u8], name: &str) -> Option<String> {
    form_urlencoded::parse(encoded).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// A complete response.
#[derive(Clone)]
pub struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Bytes,
}

impl Answer {
    /// Returns a response with this body.
    pub fn new(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self { status, headers: vec![("content-type", content_type.to_owned())], body: body.into() }
    }

    /// Returns a response in JSON.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json; charset=utf-8", body.to_string())
    }

    /// Returns a response without a body.
    pub fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new() }
    }

    /// Returns the response with another header.
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Returns the status.
    pub fn status(&self) -> u16 {
        self.status
    }
}
