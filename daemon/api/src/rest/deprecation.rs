//! What will be removed, and when: the headers `Deprecation` (RFC 9745) and `Sunset` (RFC 8594), from one table.

use axum::{
    Router,
    extract::{MatchedPath, Request},
    middleware::{Next, from_fn},
    response::Response,
};
use http::{HeaderName, HeaderValue, Method, header};
use jiff::{Timestamp, fmt::rfc2822::DateTimePrinter};

use super::verbs;

const DEPRECATION: HeaderName = HeaderName::from_static("deprecation");
const SUNSET: HeaderName = HeaderName::from_static("sunset");

/// An operation that will be removed.
#[derive(Debug, Clone)]
pub(super) struct Deprecated {
    pub(super) method: Method,
    /// As it is in the document: `/api/v1/projects/{project}`.
    pub(super) path: &'static str,
    /// When it was deprecated, in seconds since 1970.
    pub(super) since: i64,
    /// When it will be removed, in seconds since 1970: a year after the release that deprecated it at the earliest.
    pub(super) sunset: i64,
    /// A page that says what to use instead.
    pub(super) link: &'static str,
}

/// The operations that this version deprecates: none so far.
const DEPRECATED: &[Deprecated] = &[];

/// A table of deprecated operations.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deprecations(&'static [Deprecated]);

impl Deprecations {
    pub(super) fn of_this_version() -> Self {
        Self(DEPRECATED)
    }

    pub(super) fn iter(self) -> impl Iterator<Item = &'static Deprecated> {
        self.0.iter()
    }

    /// Adds the headers to the answers of deprecated operations.
    pub(super) fn announced_by(self, router: Router) -> Router {
        router.layer(from_fn(move |request: Request, next: Next| {
            let found = self.find(&request);
            async move {
                let mut response = next.run(request).await;
                if let Some(deprecated) = found {
                    deprecated.announce(&mut response);
                }
                response
            }
        }))
    }

    fn find(self, request: &Request) -> Option<&'static Deprecated> {
        if self.0.is_empty() {
            return None;
        }
        let path = request.extensions().get::<MatchedPath>()?.as_str();
        self.0.iter().find(|deprecated| {
            verbs::routed(deprecated.path) == path && deprecated.method == *request.method()
        })
    }
}

impl Deprecated {
    fn announce(&self, response: &mut Response) {
        let headers = response.headers_mut();
        if let Ok(since) = HeaderValue::from_str(&format!("@{}", self.since)) {
            headers.insert(DEPRECATION, since);
        }
        let sunset = Timestamp::from_second(self.sunset).ok().and_then(http_date);
        if let Some(sunset) = sunset.and_then(|date| HeaderValue::from_str(&date).ok()) {
            headers.insert(SUNSET, sunset);
        }
        if let Ok(link) = HeaderValue::from_str(&format!("<{}>; rel=\"deprecation\"", self.link)) {
            headers.append(header::LINK, link);
        }
    }
}

/// RFC 9110 §5.6.7.
fn http_date(time: Timestamp) -> Option<String> {
    DateTimePrinter::new().timestamp_to_rfc9110_string(&time).ok()
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, routing::get};
    use tower::ServiceExt as _;

    use super::*;

    const OLD: &[Deprecated] = &[Deprecated {
        method: Method::GET,
        path: "/api/v1/old/{name}",
        since: 1_767_225_600,
        sunset: 1_798_761_600,
        link: "https://example.com/new",
    }];

    #[tokio::test]
    async fn only_what_is_in_the_table_is_announced() {
        let router = Router::new()
            .route("/api/v1/old/{name}", get(async || "old").post(async || "kept"))
            .route("/api/v1/new", get(async || "new"));
        let router = Deprecations(OLD).announced_by(router);
        let headers = async |method: &str, path: &str| {
            let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
            router.clone().oneshot(request).await.unwrap().headers().clone()
        };
        let old = headers("GET", "/api/v1/old/x").await;
        assert_eq!(old["deprecation"], "@1767225600");
        assert_eq!(old["sunset"], "Fri, 01 Jan 2027 00:00:00 GMT");
        assert_eq!(old["link"], "<https://example.com/new>; rel=\"deprecation\"");
        for (method, path) in [("POST", "/api/v1/old/x"), ("GET", "/api/v1/new")] {
            assert!(!headers(method, path).await.contains_key("deprecation"), "{method} {path}");
        }
    }
}
