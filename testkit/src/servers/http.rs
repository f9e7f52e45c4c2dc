//! HTTP as tests need it: JSON out, JSON in, and the status as it came.

use std::time::Duration;

use reqwest::{Method, blocking::Client, header::HeaderMap, redirect::Policy};
use serde_json::Value;

/// A blocking client with the headers that every request carries.
#[derive(Clone)]
pub struct Http {
    base: String,
    client: Client,
}

/// What a server answered.
#[derive(Debug)]
pub struct Answer {
    /// The method and the path, for messages.
    pub request: String,
    /// The status.
    pub status: u16,
    /// The body: null where there was none or it was not JSON.
    pub body: Value,
    /// The body as text.
    pub text: String,
}

impl Http {
    /// A client for what lies under `base`.
    ///
    /// # Panics
    /// When a header's name or value is none.
    pub fn new(base: &str, headers: &[(&str, &str)]) -> Self {
        Self::with(base, headers, None)
    }

    /// Likewise over TLS, with the roots and the client certificate that `tls` holds.
    ///
    /// # Panics
    /// When a header's name or value is none.
    pub fn over_tls(base: &str, headers: &[(&str, &str)], tls: rustls::ClientConfig) -> Self {
        Self::with(base, headers, Some(tls))
    }

    fn with(base: &str, headers: &[(&str, &str)], tls: Option<rustls::ClientConfig>) -> Self {
        let mut common = HeaderMap::new();
        for (name, value) in headers {
            let name: reqwest::header::HeaderName = name.parse().expect("a header's name");
            common.insert(name, value.parse().expect("a header's value"));
        }
        // A test that hangs says less than one that fails.
        let builder = Client::builder().default_headers(common).redirect(Policy::none()).no_proxy();
        let builder = builder.timeout(Duration::from_mins(2));
        // Without one of our own, reqwest would look for the process's provider of cryptography, and there is none.
        let builder =
            builder.tls_backend_preconfigured(tls.unwrap_or_else(|| super::authority::trusting(&[])));
        let client = builder.build().expect("a client without files or system settings can be made");
        Self { base: base.trim_end_matches('/').to_owned(), client }
    }

    /// Sends a request, with a body unless it is null, and returns what came.
    ///
    /// # Errors
    /// When no answer came at all.
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

    /// Sends a request, with a body unless it is null, and returns what came.
    ///
    /// # Panics
    /// When no answer came at all.
    #[track_caller]
    pub fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        match self.try_send(method, path, body) {
            Ok(answer) => answer,
            Err(error) => panic!("{method} {path}: no answer: {error:?}"),
        }
    }
}

impl Answer {
    /// Whether the status says success.
    pub fn succeeded(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body, when the status says success.
    ///
    /// # Panics
    /// With the answer, when it does not.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert!(self.succeeded(), "{}: {} {}", self.request, self.status, self.text);
        self.body
    }
}
