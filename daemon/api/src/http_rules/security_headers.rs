//! Headers that keep browsers from making more of an answer than it is.

use axum::http::{
    HeaderMap, HeaderName, HeaderValue, Request,
    header::{
        CONTENT_SECURITY_POLICY, HOST, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
        X_FRAME_OPTIONS,
    },
};

use crate::listener::IsEncrypted;

const FIXED: [(HeaderName, HeaderValue); 4] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    // A page that needs more has a policy of its own.
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
];

/// A year (RFC 6797 §6.1.1).
const ONLY_TLS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// The headers that the answer to a request gets.
#[derive(Debug, Clone, Copy)]
pub(super) struct SecurityHeaders {
    only_tls: bool,
}

/// Returns the headers for the answer to this request.
pub(super) fn of<B>(request: &Request<B>) -> SecurityHeaders {
    let is_encrypted = request.extensions().get::<IsEncrypted>().is_some_and(|encrypted| encrypted.0);
    SecurityHeaders { only_tls: is_encrypted && !is_localhost(request) }
}

impl SecurityHeaders {
    /// Adds those that the answer does not have.
    pub(super) fn add_to(self, headers: &mut HeaderMap) {
        for (name, value) in FIXED {
            headers.entry(name).or_insert(value);
        }
        if self.only_tls {
            headers.entry(STRICT_TRANSPORT_SECURITY).or_insert(ONLY_TLS);
        }
    }
}

/// Returns whether the host is `localhost`: a browser would ask every other port of it for TLS, too.
fn is_localhost<B>(request: &Request<B>) -> bool {
    let host = match request.uri().host() {
        Some(host) => host,
        None => {
            let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
            host.rsplit_once(':').map_or(host, |(host, _)| host)
        }
    };
    host.eq_ignore_ascii_case("localhost")
}
