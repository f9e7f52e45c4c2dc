//! A server with nothing behind it: it responds and fails as the test says. For failures that the real server cannot be
//! made to show.

use std::path::Path;

use serde_json::json;

use super::{
    certificates::{Authority, Validity},
    faults::Faults,
    http::{Answer, Request, Service},
    server::{Listener, Server},
    traffic::Traffic,
};

/// A server whose responses the test decides. It stops when it is dropped.
#[derive(Debug)]
pub struct FaultServer {
    server: Server,
    authority: Option<Authority>,
}

impl FaultServer {
    /// Starts a server over plain HTTP. Requests without a pending fault get `answer`.
    pub fn http(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        Self { server: Listener::bind(None).serve(Scripted(Box::new(answer))), authority: None }
    }

    /// Starts a server over HTTPS, with a certificate of its own authority.
    pub fn https(validity: Validity, answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let authority = Authority::new();
        let listener = Listener::bind(Some(authority.server(validity)));
        Self { server: listener.serve(Scripted(Box::new(answer))), authority: Some(authority) }
    }

    /// Returns scheme, host and port, without a trailing slash.
    pub fn url(&self) -> &str {
        self.server.url()
    }

    /// Returns the file with the certificate that clients must trust.
    ///
    /// # Panics
    /// When it speaks plain HTTP.
    pub fn ca_pem_path(&self) -> &Path {
        self.authority.as_ref().expect("this one speaks plain HTTP").pem_path()
    }

    /// Returns the faults to inject.
    pub fn faults(&self) -> &Faults {
        self.server.faults()
    }

    /// Returns the requests that were received.
    pub fn traffic(&self) -> &Traffic {
        self.server.traffic()
    }
}

struct Scripted(Box<dyn Fn(&Request) -> Answer + Send + Sync>);

impl Service for Scripted {
    fn answer(&self, request: &Request) -> Answer {
        (self.0)(request)
    }

    fn failure(&self, status: u16) -> Answer {
        Answer::json(status, &json!({ "errors": [format!("injected failure {status}")] }))
    }
}
