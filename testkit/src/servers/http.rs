//! An HTTP client for tests: JSON out, JSON in, and the status as received.

use std::time::Duration;

use reqwest::{Method, blocking::Client, header::HeaderMap, redirect::Policy};
use serde_json::Value;

/// A blocking client with headers that every request carries.
#[derive(Clone)]
pub struct Http {
    base: String,
    client: Client,
}

/// A response.
#[derive(Debug)]
pub struct Answer {
    /// The method and the path, for messages.
    pub request: String,
    /// The status.
    pub status: u16,
    /// The body; null when it is empty or not JSON.
    pub body: Value,
    /// The body as text.
    pub text: String,
}

impl Http {
    /// Creates a client for the URLs below `base`.
    ///
    /// # Panics
    /// When a header's name or value is invalid.
    pub fn new(base: &str, headers: &[(&str, &str)]) -> Self {
        Self::with(base, headers, None)
    }

    /// Creates a client over TLS, with the roots and the client certificate in `tls`.
    ///
    /// # Panics
    /// When a header's name or value is invalid.
    pub fn over_tls(base: &str, headers: &[(&str, &str)], tls: rustls::ClientConfig) -> Self {
        Self::with(base, headers, Some(tls))
    }

    fn with(base: &str, headers: &[(&str, &str)], tls: Option<rustls::ClientConfig>) -> Self {
        let mut common = HeaderMap::new();
        for (name, value) in headers {
            let name: reqwest::header::HeaderName = name.parse().expect("a header's name");
            common.insert(name, value.parse().expect("a header's value"));
        }
        // A test that fails says more than one that hangs.
        let builder = Client::builder().default_headers(common).redirect(Policy::none()).no_proxy();
        let builder = builder.timeout(Duration::from_mins(2));
        // Otherwise reqwest would look for the process' default cryptography provider, which is not set.
        let builder =
            builder.tls_backend_preconfigured(tls.unwrap_or_else(|| super::authority::trusting(&[])));
        let client = builder.build().expect("a client without files or system settings can be made");
        Self { base: base.trim_end_matches('/').to_owned(), client }
    }

    /// Sends a request, with a body unless it is null, and returns the response.
    ///
    /// # Errors
    /// When there is no response.
    pub fn try_send(&self, method: &str, path: &str, body: &Value) -> Result<Answer, reqwest::Error> {
        let request = format!("{method} {path}");
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let mut builder =
            self.client.request(method, format!("{}/{}", self.base, path.trim_start_matches('/')));
        if !body.is_null() {
            builder = builder.header("content-type", "application/json").body(body.to_string());
        }
        let response = builder.send()?;
        let status = response.status().as_u16();
        let text = response.text()?;
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Answer { request, status, body, text })
    }

    /// Sends a request, with a body unless it is null, and returns the response.
    ///
    /// # Panics
    /// When there is no response.
    #[track_caller]
    pub fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        match self.try_send(method, path, body) {
            Ok(answer) => answer,
            Err(error) => panic!("{method} {path}: no answer: {error:?}"),
        }
    }
}

impl Answer {
    /// Returns whether the status is a success.
    pub fn succeeded(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Returns the body, when the status is a success.
    ///
    /// # Panics
    /// With the response, when it is not.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert!(self.succeeded(), "{}: {} {}", self.request, self.status, self.text);
        self.body
    }
}
