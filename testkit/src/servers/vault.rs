//! A HashiCorp Vault server in development mode: its process, its seal, its tokens.
//!
//! Development mode is the real server with its storage in memory, initialized and unsealed automatically. Its mounts and
//! its login methods are in `mounts` and `logins`.

mod logins;
mod mounts;

use std::{fs, path::Path, process::Command};

use nix::sys::signal::Signal;
use rustls::ClientConfig;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Answer, Authority, Http, Identity, installed::vault_binary, port};
use crate::process::Process;

pub use logins::AppRole;

/// A running, unsealed Vault. It is killed when it is dropped, and its content is lost.
pub struct Vault {
    process: Process,
    scratch: TempDir,
    address: String,
    tls_address: Option<String>,
    root_token: String,
    unseal_key: String,
    root: Http,
}

impl Vault {
    /// Starts a Vault on a loopback port without TLS, with KV v2 at `secret/`.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start() -> Self {
        Self::launch(None)
    }

    /// Starts a Vault that also listens with TLS on a second port, with this certificate. Client certificates of `clients`
    /// are accepted and not required.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_with_tls(server: &Identity, clients: &Authority) -> Self {
        Self::launch(Some((server, clients)))
    }

    fn launch(tls: Option<(&Identity, &Authority)>) -> Self {
        for _ in 0..10 {
            match Self::try_launch(tls) {
                Ok(vault) => return vault,
                // Vault cannot report which port the system gave it, so it is given one, and another program was faster.
                Err(log) if log.contains("address already in use") => {}
                Err(log) => panic!("Vault does not come up:\n{log}"),
            }
        }
        panic!("Vault found each of ten free ports taken");
    }

    fn try_launch(tls: Option<(&Identity, &Authority)>) -> Result<Self, String> {
        let scratch = tempfile::Builder::new().prefix("ktr-vault-").tempdir().expect("a temporary directory");
        let root_token = format!("root-{}", uuid::Uuid::new_v4());
        let plain = format!("127.0.0.1:{}", port::free());
        let mut command = Command::new(vault_binary());
        command
            .args(["server", "-dev", "-dev-no-store-token"])
            .arg(format!("-dev-root-token-id={root_token}"))
            .arg(format!("-dev-listen-address={plain}"))
            // Settings for the user's own Vault must not reach it.
            .env_clear()
            .env("HOME", scratch.path())
            .current_dir(scratch.path());
        let mut tls_address = None;
        if let Some((server, clients)) = tls {
            let listen = format!("127.0.0.1:{}", port::free());
            command.arg("-config").arg(listener(scratch.path(), &listen, server, clients));
            tls_address = Some(format!("https://{listen}"));
        }
        let process = Process::spawn_with_one_log("vault", &mut command, Signal::SIGKILL);
        // They are on two streams, so their order is not defined.
        process.line(|line| line.contains("Vault server started").then_some(()))?;
        let unseal_key = process.line(|line| line.strip_prefix("Unseal Key: ").map(str::to_owned))?;

        let address = format!("http://{plain}");
        let root = Http::new(&format!("{address}/v1"), &[("x-vault-token", &root_token)]);
        let vault = Self { process, scratch, address, tls_address, root_token, unseal_key, root };
        vault.wait_for_kv2("secret");
        Ok(vault)
    }

    /// Returns `http://127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Returns `https://127.0.0.1:PORT`.
    ///
    /// # Panics
    /// When it was started without TLS.
    pub fn tls_address(&self) -> &str {
        self.tls_address.as_deref().expect("this Vault was started with TLS")
    }

    /// Returns the token that may do everything.
    pub fn root_token(&self) -> &str {
        &self.root_token
    }

    /// Returns everything that it has printed so far.
    pub fn log(&self) -> String {
        self.process.stdout.text()
    }

    /// Pauses the process: connections are accepted, and there is no response.
    pub fn pause(&self) {
        self.process.pause();
    }

    /// Continues a paused process.
    pub fn resume(&self) {
        self.process.resume();
    }

    /// Returns a client for its API, below `/v1`, with this token.
    pub fn with_token(&self, token: &str) -> Http {
        Http::new(&format!("{}/v1", self.address), &[("x-vault-token", token)])
    }

    /// Returns a client for its API, below `/v1`, over TLS and without a token.
    ///
    /// # Panics
    /// When it was started without TLS.
    pub fn over_tls(&self, tls: ClientConfig) -> Http {
        Http::over_tls(&format!("{}/v1", self.tls_address()), &[], tls)
    }

    /// Sends a request with the root token and returns the response, an error included.
    ///
    /// # Panics
    /// When there is no response.
    #[track_caller]
    pub fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.root.send(method, path, body)
    }

    /// Writes to a path, such as `secret/data/app`, and returns the response, null when it is empty.
    ///
    /// # Panics
    /// When Vault refuses.
    #[track_caller]
    pub fn put(&self, path: &str, body: &Value) -> Value {
        self.send("PUT", path, body).ok()
    }

    /// Reads a path.
    ///
    /// # Panics
    /// When Vault refuses or the path does not exist.
    #[track_caller]
    pub fn get(&self, path: &str) -> Value {
        self.send("GET", path, &Value::Null).ok()
    }

    /// Deletes a path.
    ///
    /// # Panics
    /// When Vault refuses.
    #[track_caller]
    pub fn delete(&self, path: &str) {
        self.send("DELETE", path, &Value::Null).ok();
    }

    /// Lists the names below a path, which need not exist. `sys/leases/lookup/database/creds/ROLE` lists leases.
    ///
    /// # Panics
    /// When Vault refuses.
    #[track_caller]
    pub fn list(&self, path: &str) -> Vec<String> {
        let answer = self.send("LIST", path, &Value::Null);
        if answer.status == 404 {
            return Vec::new();
        }
        let body = answer.ok();
        let keys = body["data"]["keys"].as_array().expect("a list has keys");
        keys.iter().map(|key| key.as_str().expect("keys are text").to_owned()).collect()
    }

    /// Seals it: it refuses every request but for its health.
    ///
    /// # Panics
    /// When Vault refuses.
    pub fn seal(&self) {
        self.put("sys/seal", &json!({}));
    }

    /// Unseals it.
    ///
    /// # Panics
    /// When Vault refuses or remains sealed.
    pub fn unseal(&self) {
        let state = self.put("sys/unseal", &json!({ "key": self.unseal_key }));
        assert_eq!(state["sealed"], false, "one key unseals a development server");
        self.wait_for_kv2("secret");
    }

    /// Writes a policy, in Vault's own language.
    ///
    /// # Panics
    /// When Vault refuses.
    pub fn write_policy(&self, name: &str, policy: &str) {
        self.put(&format!("sys/policies/acl/{name}"), &json!({ "policy": policy }));
    }

    /// Creates a token with these policies, such as `root`, and this time to live, such as `30s`. It has no parent, so it
    /// ends only when it expires or by [`Self::revoke_token`].
    ///
    /// # Panics
    /// When Vault refuses.
    pub fn create_token(&self, policies: &[&str], ttl: &str, renewable: bool) -> String {
        let asked = json!({ "policies": policies, "ttl": ttl, "renewable": renewable, "no_parent": true });
        text(&self.put("auth/token/create", &asked)["auth"]["client_token"])
    }

    /// Revokes a token, and with it all of its leases.
    ///
    /// # Panics
    /// When Vault refuses.
    pub fn revoke_token(&self, token: &str) {
        self.put("auth/token/revoke", &json!({ "token": token }));
    }

    /// Starts to record every request before its response, for [`Self::requests`].
    ///
    /// # Panics
    /// When Vault refuses.
    pub fn record(&self) {
        let file = self.scratch.path().join("audit.log");
        self.put("sys/audit/record", &json!({ "type": "file", "options": { "file_path": file } }));
    }

    /// Counts the recorded requests for a path, such as `secret/data/app`.
    ///
    /// # Panics
    /// When nothing was recorded.
    pub fn requests(&self, path: &str) -> usize {
        let log = fs::read_to_string(self.scratch.path().join("audit.log")).expect("requests are recorded");
        let entries = log.lines().map(|line| serde_json::from_str::<Value>(line).expect("entries are JSON"));
        entries.filter(|entry| entry["type"] == "request" && entry["request"]["path"] == path).count()
    }
}

/// Returns the configuration of another listener, with TLS.
fn listener(folder: &Path, address: &str, server: &Identity, clients: &Authority) -> std::path::PathBuf {
    let (certificate, key) = (folder.join("server.pem"), folder.join("server.key"));
    server.write(&certificate, &key);
    let client_ca = folder.join("clients.pem");
    fs::write(&client_ca, clients.pem()).expect("the scratch directory takes a file");
    let config = json!({ "listener": [{ "tcp": {
        "address": address,
        "tls_cert_file": certificate,
        "tls_key_file": key,
        "tls_client_ca_file": client_ca,
    } }] });
    let path = folder.join("listener.json");
    fs::write(&path, config.to_string()).expect("the scratch directory takes a file");
    path
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("text was expected, not {value}")).to_owned()
}
