//! What is read of a response that reports an error: codes, and when to try again.

use std::time::Duration;

use azure_core::{
    Error,
    error::ErrorKind,
    http::{
        RawResponse,
        headers::{HeaderName, RETRY_AFTER},
    },
};
use serde::Deserialize;

use crate::cloud::parse_retry_after;

const RETRY_AFTER_MS: [HeaderName; 2] =
    [HeaderName::from_static("retry-after-ms"), HeaderName::from_static("x-ms-retry-after-ms")];

/// Returns after how long the service asks to be called again.
pub(super) fn retry_after(response: &RawResponse) -> Option<Duration> {
    let headers = response.headers();
    let exact = |name: &HeaderName| headers.get_optional_str(name)?.parse().ok().map(Duration::from_millis);
    RETRY_AFTER_MS
        .iter()
        .find_map(exact)
        .or_else(|| parse_retry_after(headers.get_optional_str(&RETRY_AFTER)))
}

/// The codes in Key Vault's response: the outer one, and the more exact ones inside.
#[derive(Default)]
pub(super) struct Codes(Vec<String>);

impl Codes {
    pub(super) fn contain(&self, code: &str) -> bool {
        self.0.iter().any(|one| one == code)
    }
}

/// Returns the codes of an error of Key Vault.
pub(super) fn codes(error: &Error) -> Codes {
    #[derive(Deserialize)]
    struct Body {
        error: Level,
    }
    #[derive(Deserialize)]
    struct Level {
        code: Option<String>,
        innererror: Option<Box<Level>>,
    }
    let ErrorKind::HttpResponse { raw_response: Some(response), .. } = error.kind() else {
        return Codes::default();
    };
    let Ok(Body { error }) = serde_json::from_slice(response.body()) else { return Codes::default() };
    let mut codes = Vec::new();
    let mut level = Some(Box::new(error));
    while let Some(one) = level {
        codes.extend(one.code);
        level = one.innererror;
    }
    Codes(codes)
}
