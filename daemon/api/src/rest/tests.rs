//! The REST API on a service with a store in memory.

mod access;
mod conditions;
mod document;
mod events;
mod life;
mod lists;
mod malformed;
mod routes;

use std::sync::Arc;

use axum::{Router, body::Body, extract::Request};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use kontraktor_access::{Caller, Scopes};
use kontraktor_service::{Clock, Service, ServiceOptions};
use kontraktor_store::MemoryStore;
use serde_json::Value;
use tower::ServiceExt as _;

use super::{Cursors, Rest, public_routes, routes};

/// A clock that does not move.
struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
}

/// A service with its routes, and a caller.
struct Daemon {
    service: Service,
    router: Router,
    caller: Option<Arc<Caller>>,
}

/// An answer, with its body read.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Daemon {
    fn start() -> Self {
        let store = Arc::new(MemoryStore::new());
        let service = Service::start(store, Arc::new(FixedClock), ServiceOptions::default()).unwrap();
        let rest = Rest {
            service: service.clone(),
            data_dir: std::path::Path::new("/var/lib/kontraktor").into(),
            cursors: Cursors::new(&[7; 32]),
        };
        let caller = Arc::new(Caller::new("unix:ada", "test", Scopes::ALL));
        Self { service, router: routes(rest).merge(public_routes()), caller: Some(caller) }
    }

    /// Sends a request, and returns the answer before its body is read.
    async fn open(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> http::Response<Body> {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(body).unwrap();
        if let Some(caller) = &self.caller {
            request.extensions_mut().insert(Arc::clone(caller));
        }
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let (parts, body) = self.open(method, path, headers, body.into()).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], Body::empty()).await
    }

    /// Sends JSON, with further headers.
    async fn json(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Value) -> Answer {
        let headers = [&[("content-type", "application/json")], headers].concat();
        self.send(method, path, &headers, body.to_string()).await
    }

    /// Writes a string into `demo/ENV`, which is created if missing.
    async fn put(&self, env: &str, key: &str, value: &str) -> Answer {
        let path = format!("/api/v1/environments/demo/{env}/variables/{key}");
        let body = serde_json::json!({"type": "string", "value": value, "create_missing": true});
        let answer = self.json("PUT", &path, &[], body).await;
        assert!(answer.status.is_success(), "{}", answer.value());
        answer
    }
}

impl Answer {
    fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    #[track_caller]
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no header {name}")).to_str().unwrap()
    }

    /// The status, and code, field and detail of the problem.
    #[track_caller]
    fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.value());
        let problem = self.value();
        assert_eq!(problem["status"], self.status.as_u16());
        let text = |name: &str| problem[name].as_str().unwrap_or_default().to_owned();
        format!("{} {} {}: {}", self.status.as_u16(), text("code"), text("field"), text("detail"))
    }
}
