//! HashiCorp Vault: the real server in development mode, and PostgreSQL behind its database engine.

mod dynamic;
mod kv;
mod outages;
mod sign_in;
mod tls;

use std::{path::PathBuf, time::Duration};

use kontraktor_model::reference::{Reference, Secret};
use kontraktor_vault::{
    Fetched, Lease, LeaseId, Vault as _, VaultError,
    hashicorp::{HashicorpSettings, HashicorpVault},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::servers::Vault;
use tokio::runtime::Runtime;

/// The daemon's side, with a runtime of its own: the servers' harness blocks.
struct Client {
    runtime: Runtime,
    vault: HashicorpVault,
}

impl Client {
    fn new(settings: Value) -> Self {
        let settings: HashicorpSettings = serde_json::from_value(settings).unwrap();
        let vault = HashicorpVault::new(&"team".parse().unwrap(), settings).unwrap();
        Self {
            runtime: tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .unwrap(),
            vault,
        }
    }

    /// One that shows this token.
    fn with_token(server: &Vault, files: &Files, token: &str) -> Self {
        let auth = json!({ "method": "token", "token_file": files.put("token", token) });
        Self::new(json!({ "address": server.address(), "auth": auth }))
    }

    /// One that may do everything.
    fn root(server: &Vault, files: &Files) -> Self {
        Self::with_token(server, files, server.root_token())
    }

    fn fetch(&self, reference: &str) -> Result<Fetched, VaultError> {
        self.runtime.block_on(self.vault.fetch(&secret(reference)))
    }

    /// The field that the reference names, as text.
    #[track_caller]
    fn read(&self, reference: &str) -> String {
        let fetched = self.fetch(reference).unwrap();
        let name = reference.rsplit_once('#').unwrap().1;
        field(&fetched, name)
    }

    #[track_caller]
    fn fails(&self, reference: &str) -> VaultError {
        keeps_quiet(self.fetch(reference).unwrap_err())
    }

    fn version(&self, reference: &str) -> Result<Option<String>, VaultError> {
        self.runtime.block_on(self.vault.version(&secret(reference)))
    }

    fn renew(&self, lease: &LeaseId, seconds: u64) -> Result<Lease, VaultError> {
        self.runtime.block_on(self.vault.renew(lease, Duration::from_secs(seconds)))
    }

    fn revoke(&self, lease: &LeaseId) -> Result<(), VaultError> {
        self.runtime.block_on(self.vault.revoke(lease))
    }

    fn check(&self) -> Result<String, VaultError> {
        self.runtime.block_on(self.vault.check()).map(|findings| findings.join("\n"))
    }

    fn close(&self) {
        self.runtime.block_on(self.vault.sign_out());
    }
}

/// What no error may contain.
const SECRET: &str = "hunter2";

#[track_caller]
fn keeps_quiet(error: VaultError) -> VaultError {
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains(SECRET), "{shown}");
    error
}

fn secret(reference: &str) -> Secret {
    reference.parse::<Reference>().unwrap().secret().clone()
}

#[track_caller]
fn field(fetched: &Fetched, name: &str) -> String {
    let bytes = fetched.content.select(Some(name)).unwrap();
    String::from_utf8(bytes.expose().to_vec()).unwrap()
}

/// What a person reads of an error.
fn described(error: &VaultError) -> String {
    format!("{:?}: {error}\n{}", error.kind, error.remedy.as_deref().unwrap_or_default())
}

/// A folder for credentials.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Puts a file in its place, as one step.
    fn put(&self, name: &str, content: &str) -> PathBuf {
        let (new, path) = (self.0.path().join("new"), self.0.path().join(name));
        std::fs::write(&new, content).unwrap();
        std::fs::rename(&new, &path).unwrap();
        path
    }
}

/// Waits for something that the server does in the background.
#[track_caller]
fn eventually(what: &str, happened: impl Fn() -> bool) {
    let began = std::time::Instant::now();
    while !happened() {
        assert!(began.elapsed() < Duration::from_mins(1), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
