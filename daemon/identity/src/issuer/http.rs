//! How documents of issuers are fetched: HTTPS, no redirects, small bodies, within seconds.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use reqwest::{Certificate, Client, StatusCode, Url, header::ACCEPT, redirect::Policy};

/// How long connecting may take, and the whole request.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const TIMEOUT: Duration = Duration::from_secs(8);

/// The largest document that is read, in bytes.
pub(crate) const MAX_DOCUMENT_BYTES: usize = 512 * 1024;

/// Why a document was not fetched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FetchError {
    /// The answer has this status.
    #[error("the answer has status {0}")]
    Status(u16),
    /// The document is too large.
    #[error("the answer is larger than {MAX_DOCUMENT_BYTES} bytes")]
    TooLarge,
    /// No answer came.
    #[error("{0}")]
    Unreachable(String),
}

/// Fetches documents.
#[async_trait]
pub(crate) trait Fetch: fmt::Debug + Send + Sync {
    /// Returns the document at an address that [`may_fetch`] allows.
    async fn get(&self, url: &Url) -> Result<Bytes, FetchError>;
}

/// Returns whether a document may be fetched from there: over HTTPS, or from this machine.
pub(crate) fn may_fetch(url: &Url) -> bool {
    match url.scheme() {
        "https" => url.host_str().is_some_and(|host| !host.is_empty()),
        "http" => url.host_str().is_some_and(|host| {
            let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
            host == "localhost" || address.is_ok_and(|address| address.is_loopback())
        }),
        _ => false,
    }
}

/// Fetches with a connection of its own for each document: they are needed once in minutes.
#[derive(Debug)]
pub(crate) struct HttpFetch {
    authorities: Option<Vec<u8>>,
}

impl HttpFetch {
    /// Trusts these authorities in PEM, or the system's.
    pub(crate) fn new(authorities: Option<Vec<u8>>) -> Self {
        Self { authorities }
    }

    fn client(&self, url: &Url) -> Result<Client, FetchError> {
        let setup = |_| FetchError::Unreachable("TLS cannot be set up; set `ca_file`".to_owned());
        let mut builder = Client::builder()
            .user_agent(concat!("kontraktord/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .referer(false)
            .no_proxy()
            .no_gzip()
            .no_deflate()
            .no_brotli()
            .no_zstd()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .pool_max_idle_per_host(0);
        if url.scheme() == "http" {
            // The system's roots are not needed, and may be missing.
            builder = builder.tls_certs_only([]);
        } else {
            builder = builder.https_only(true);
            if let Some(pem) = &self.authorities {
                builder = builder.tls_certs_only(Certificate::from_pem_bundle(pem).map_err(setup)?);
            }
        }
        builder.build().map_err(setup)
    }
}

#[async_trait]
impl Fetch for HttpFetch {
    async fn get(&self, url: &Url) -> Result<Bytes, FetchError> {
        let request = self.client(url)?.get(url.clone()).header(ACCEPT, "application/json");
        let response = request.send().await.map_err(|error| unreachable(&error))?;
        if response.status() != StatusCode::OK {
            return Err(FetchError::Status(response.status().as_u16()));
        }
        let mut body = Vec::new();
        let mut parts = response.bytes_stream();
        while let Some(part) = parts.next().await {
            let part = part.map_err(|error| unreachable(&error))?;
            if body.len() + part.len() > MAX_DOCUMENT_BYTES {
                return Err(FetchError::TooLarge);
            }
            body.extend_from_slice(&part);
        }
        Ok(body.into())
    }
}

/// Describes why no answer came, without the address.
fn unreachable(error: &reqwest::Error) -> FetchError {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let what =
        if error.is_timeout() { "no answer within the time allowed".to_owned() } else { cause.to_string() };
    FetchError::Unreachable(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_come_over_https_or_from_this_machine() {
        for (url, expected) in [
            ("https://login.example.com/jwks", true),
            ("http://127.0.0.1:4000/jwks", true),
            ("http://[::1]/jwks", true),
            ("http://localhost:1", true),
            ("http://login.example.com/jwks", false),
            ("http://localhost.example.com", false),
            ("http://10.0.0.1", false),
            ("file:///etc/passwd", false),
            ("ftp://localhost", false),
        ] {
            assert_eq!(may_fetch(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }
}
