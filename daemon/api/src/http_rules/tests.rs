use std::convert::Infallible;

use axum::http::{HeaderMap, Method};
use tower::ServiceExt as _;

use super::*;
use crate::listener::IsEncrypted;

const PAGE: &str = "https://console.example.com";

/// Sends a request over TLS to a service that answers 200 to everything.
async fn sent(method: Method, uri: &str, headers: &[(&str, &str)]) -> Response<Body> {
    let inner = tower::service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(Body::empty())));
    let mut request = Request::builder().method(method).uri(uri).extension(IsEncrypted(true));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let layer = HttpRules::new([PAGE.to_owned()].into());
    layer.layer(inner).oneshot(request.body(()).unwrap()).await.unwrap()
}

fn shown(headers: &HeaderMap) -> String {
    let mut lines: Vec<_> =
        headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    lines.sort();
    lines.join("\n")
}

#[tokio::test]
async fn every_answer_protects_browsers() {
    let answer = sent(Method::GET, "https://k.example.com/healthz", &[]).await;
    insta::assert_snapshot!(shown(answer.headers()), @"
    content-security-policy: default-src 'none'; frame-ancestors 'none'
    referrer-policy: no-referrer
    strict-transport-security: max-age=31536000
    x-content-type-options: nosniff
    x-frame-options: DENY
    ");
    for (uri, host) in
        [("https://localhost:8743/healthz", None), ("/healthz", Some(("host", "localhost:8743")))]
    {
        let answer = sent(Method::GET, uri, host.as_slice()).await;
        assert!(!answer.headers().contains_key("strict-transport-security"), "{uri}");
    }
}

#[tokio::test]
async fn a_page_of_another_origin_is_refused_whatever_it_sends() {
    for origin in
        ["https://evil.example", "null", "http://console.example.com", "https://console.example.com:444", ""]
    {
        for headers in
            [&[("origin", origin)][..], &[("origin", origin), ("content-type", "application/grpc")]]
        {
            for method in [Method::GET, Method::POST, Method::OPTIONS] {
                let answer = sent(method, "https://k.example.com/api/v1/projects", headers).await;
                assert_eq!(answer.status(), 403, "{origin}");
                assert!(!answer.headers().contains_key("access-control-allow-origin"));
            }
        }
    }
}

#[tokio::test]
async fn a_page_that_the_operator_named_may_and_so_may_the_daemons_own() {
    let preflight = [("origin", PAGE), ("access-control-request-method", "PUT")];
    let answer = sent(Method::OPTIONS, "https://k.example.com/api/v1/projects", &preflight).await;
    assert_eq!(answer.status(), 204);
    assert_eq!(answer.headers()["access-control-allow-origin"], PAGE);
    assert_eq!(answer.headers()["vary"], "origin");
    assert!(!answer.headers().contains_key("access-control-allow-credentials"));
    let answer = sent(Method::GET, "https://k.example.com/api/v1/projects", &[("origin", PAGE)]).await;
    assert_eq!(
        (answer.status(), &answer.headers()["access-control-allow-origin"]),
        (StatusCode::OK, &PAGE.parse().unwrap())
    );
    for (uri, headers) in [
        ("https://k.example.com:8743/docs", &[("origin", "https://k.example.com:8743")][..]),
        ("/docs", &[("origin", "https://k.example.com:8743"), ("host", "k.example.com:8743")]),
    ] {
        let answer = sent(Method::POST, uri, headers).await;
        assert_eq!(answer.status(), 200);
        assert!(!answer.headers().contains_key("access-control-allow-origin"));
    }
}

#[tokio::test]
async fn a_body_that_is_announced_too_large_is_refused_before_it_is_sent() {
    for (length, status) in [("67108864", 200), ("67108865", 413), ("99999999999999999999999", 200)] {
        let answer =
            sent(Method::POST, "https://k.example.com/api/v1/variables", &[("content-length", length)]).await;
        assert_eq!(answer.status(), status, "{length}");
    }
}

#[tokio::test]
async fn a_request_is_for_one_host() {
    for (headers, status) in [
        (&[("host", "k.example.com")][..], 200),
        (&[], 400),
        (&[("host", "k.example.com"), ("host", "evil.example")], 400),
        (&[("host", "k.example.com"), ("host", "k.example.com")], 400),
        (&[("content-type", "application/grpc")], 400),
    ] {
        assert_eq!(sent(Method::GET, "/api/v1/projects", headers).await.status(), status, "{headers:?}");
    }
}
