//! A server behind which nothing stands: it answers as the test says, and breaks as the test says. For the faults of
//! services whose real server cannot be made to have them.

use std::path::Path;

use serde_json::json;

use super::{
    certificates::{Authority, Validity},
    faults::Faults,
    http::{Answer, Request, Service},
    server::{Listener, Server},
    traffic::Traffic,
};

/// Such a server. It stops when it is dropped.
#[derive(Debug)]
pub struct FaultServer {
    server: Server,
    authority: Option<Authority>,
}

impl FaultServer {
    /// Over plain HTTP; whatever no fault is in store for gets `answer`.
    pub fn http(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        Self { server: Listener::bind(None).serve(Scripted(Box::new(answer))), authority: None }
    }

    /// Over HTTPS, with a certificate of an authority of its own.
    pub fn https(validity: Validity, answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let authority = Authority::new();
        let listener = Listener::bind(Some(authority.server(validity)));
        Self { server: listener.serve(Scripted(Box::new(answer))), authority: Some(authority) }
    }

    /// Scheme, host and port, without a slash at the end.
    pub fn url(&self) -> &str {
        self.server.url()
    }

    /// What a client must trust.
    ///
    /// # Panics
    /// When it speaks plain HTTP.
    pub fn ca_pem_path(&self) -> &Path {
        self.authority.as_ref().expect("this one speaks plain HTTP").pem_path()
    }

    /// What goes wrong here.
    pub fn faults(&self) -> &Faults {
        self.server.faults()
    }

    /// What came in here.
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
