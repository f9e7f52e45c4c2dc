//! An OpenID provider that others wrote (npm `oidc-provider`), which issues access tokens and publishes the keys that tests choose.

use std::process::Command;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::{Http, installed::oidc_provider};
use crate::process::Process;

/// A running provider. It is killed when it is dropped.
pub struct Oidc {
    _process: Process,
    url: String,
}

impl Oidc {
    /// Starts a provider on a loopback port, with one key: `first`.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start() -> Self {
        let mut command = Command::new("node");
        command.arg(oidc_provider());
        let process = Process::spawn("oidc-provider", &mut command, Signal::SIGKILL);
        let url =
            process.line(|line| line.strip_prefix("listening on ").map(|url| url.trim_end().to_owned()));
        let url = url.unwrap_or_else(|log| panic!("oidc-provider does not come up:\n{log}"));
        Self { _process: process, url }
    }

    /// Returns the issuer's URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Publishes the keys of these names, and signs with the first.
    ///
    /// # Panics
    /// When the provider refuses.
    pub fn publish(&self, keys: &[&str]) {
        self.control("keys", &json!({ "keys": keys }));
    }

    /// Asks for an access token with this audience, which is valid for 5 minutes.
    ///
    /// # Panics
    /// When the provider refuses.
    pub fn token(&self, audience: &str, scope: &str) -> String {
        self.control("token", &json!({ "resource": audience, "scope": scope }))
    }

    /// Signs any claims with the key of this name, published or not.
    ///
    /// # Panics
    /// When the provider refuses.
    pub fn sign(&self, key: &str, header: &Value, claims: &Value) -> String {
        self.control("sign", &json!({ "key": key, "header": header, "claims": claims }))
    }

    /// Signs any claims with HMAC, and the PEM of the public key of this name as the secret.
    ///
    /// # Panics
    /// When the provider refuses.
    pub fn sign_with_public_key(&self, key: &str, header: &Value, claims: &Value) -> String {
        self.control("hmac", &json!({ "key": key, "header": header, "claims": claims }))
    }

    fn control(&self, what: &str, body: &Value) -> String {
        // The client blocks, and a test may be on a runtime that does not allow that.
        let sent = std::thread::scope(|scope| {
            let send = || Http::new(&self.url, &[]).send("POST", &format!("control/{what}"), body);
            scope.spawn(send).join()
        });
        let answer = sent.expect("oidc-provider answers");
        assert!(answer.succeeded(), "oidc-provider: {}: {} {}", answer.request, answer.status, answer.text);
        answer.text
    }
}
