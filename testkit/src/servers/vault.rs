//! A HashiCorp Vault server in development mode: its process, its seal, its tokens.
//!
//! Development mode is the real server with its storage in memory, initialised and unsealed by itself. What is mounted in
//! it, and who may log in how, is in `mounts` and `logins`.

mod logins;
mod mounts;

use std::{fs, path::Path, process::Command};

use nix::sys::signal::Signal;
use rustls::ClientConfig;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Answer, Authority, Http, Identity, installed::vault_binary, port, process::Process};

pub use logins::AppRole;

/// A running Vault, unsealed. It is killed when it is dropped, and with it goes all that it held.
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
    /// A Vault that listens on a loopback port without TLS, with KV v2 at `secret/`.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn start() -> Self {
        Self::launch(None)
    }

    /// Likewise, and it listens with TLS on a second port: with this certificate, asking clients for one of `clients`
    /// but not insisting on it.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn start_with_tls(server: &Identity, clients: &Authority) -> Self {
        Self::launch(Some((server, clients)))
    }

    fn launch(tls: Option<(&Identity, &Authority)>) -> Self {
        for _ in 0..10 {
            match Self::try_launch(tls) {
                Ok(vault) => return vault,
                // Vault cannot say which port the system gave it, so it is told one, and another program came first.
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
            // Nothing of the user's own Vault may reach it.
            .env_clear()
            .env("HOME", scratch.path())
            .current_dir(scratch.path());
        let mut tls_address = None;
        if let Some((server, clients)) = tls {
            let listen = format!("127.0.0.1:{}", port::free());
            command.arg("-config").arg(listener(scratch.path(), &listen, server, clients));
            tls_address = Some(format!("https://{listen}"));
        }
        let process = Process::spawn("vault", &mut command, Signal::SIGKILL);
        // Two streams, so in no order that can be relied on.
        process.line(|line| line.contains("Vault server started").then_some(()))?;
        let unseal_key = process.line(|line| line.strip_prefix("Unseal Key: ").map(str::to_owned))?;

        let address = format!("http://{plain}");
        let root = Http::new(&format!("{address}/v1"), &[("x-vault-token", &root_token)]);
        let vault = Self { process, scratch, address, tls_address, root_token, unseal_key, root };
        vault.wait_for_kv2("secret");
        Ok(vault)
    }

    /// `http://127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// `https://127.0.0.1:PORT`.
    ///
    /// # Panics
    /// When it was started without TLS.
    pub fn tls_address(&self) -> &str {
        self.tls_address.as_deref().expect("this Vault was started with TLS")
    }

    /// The token that may do everything.
    pub fn root_token(&self) -> &str {
        &self.root_token
    }

    /// Everything that it printed so far.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Stops the process for a while: connections are taken and nothing answers.
    pub fn pause(&self) {
        self.process.pause();
    }

    /// Lets a stopped process go on.
    pub fn resume(&self) {
        self.process.resume();
    }

    /// Its API, below `/v1`, with this token.
    pub fn with_token(&self, token: &str) -> Http {
        Http::new(&format!("{}/v1", self.address), &[("x-vault-token", token)])
    }

    /// Its API, below `/v1`, over TLS and without a token.
    ///
    /// # Panics
    /// When it was started without TLS.
    pub fn over_tls(&self, tls: ClientConfig) -> Http {
        Http::over_tls(&format!("{}/v1", self.tls_address()), &[], tls)
    }

    /// Any request with the root token, whatever the answer says.
    ///
    /// # Panics
    /// When no answer came at all.
    #[track_caller]
    pub fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.root.send(method, path, body)
    }

    /// Writes what lies at a path, such as `secret/data/app`, and returns the answer, null where it is empty.
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
    /// When Vault refuses or nothing is there.
    #[track_caller]
    pub fn get(&self, path: &str) -> Value {
        self.send("GET", path, &Value::Null).ok()
    }

    /// Deletes what lies at a path.
    ///
    /// # Panics
    /// When Vault refuses.
    #[track_caller]
    pub fn delete(&self, path: &str) {
        self.send("DELETE", path, &Value::Null).ok();
    }

    /// The names below a path; none where nothing is there. `sys/leases/lookup/database/creds/ROLE` lists leases.
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

    /// Seals it: everything but its health is refused from now on.
    ///
    /// # Panics
    /// When Vault refuses.
    pub fn seal(&self) {
        self.put("sys/seal", &json!({}));
    }

    /// Unseals it again.
    ///
    /// # Panics
    /// When Vault refuses or remains sealed.
    pub fn unseal(&self) {
        let state = self.put("sys/unseal", &json!({ "key": self.unseal_key }));
        assert_eq!(state["sealed"], false, "one key unseals a development server");
        self.wait_for_kv2("secret");
    }

    /// A new policy, in Vault's own language.
    ///
    /// # Panics
    /// When Vault refuses.
    pub fn write_policy(&self, name: &str, policy: &str) {
        self.put(&format!("sys/policies/acl/{name}"), &json!({ "policy": policy }));
    }

    /// A new token with these policies, such as `root`, that lives for `ttl`, such as `30s`. It has no parent, so nothing
    /// but its time and [`Self::revoke_token`] ends it.
    ///
    /// # Panics
    /// When Vault refuses.
    pub fn create_token(&self, policies: &[&str], ttl: &str, renewable: bool) -> String {
        let asked = json!({ "policies": policies, "ttl": ttl, "renewable": renewable, "no_parent": true });
        text(&self.put("auth/token/create", &asked)["auth"]["client_token"])
    }

    /// Ends a token, and with it every lease that it was given.
    ///
    /// # Panics
    /// When Vault refuses.
    pub fn revoke_token(&self, token: &str) {
        self.put("auth/token/revoke", &json!({ "token": token }));
    }

    /// Begins to record every request, before it is answered, for [`Self::requests`].
    ///
    /// # Panics
    /// When Vault refuses.
    pub fn record(&self) {
        let file = self.scratch.path().join("audit.log");
        self.put("sys/audit/record", &json!({ "type": "file", "options": { "file_path": file } }));
    }

    /// How many requests of a path, such as `secret/data/app`, were recorded.
    ///
    /// # Panics
    /// When nothing was recorded.
    pub fn requests(&self, path: &str) -> usize {
        let log = fs::read_to_string(self.scratch.path().join("audit.log")).expect("requests are recorded");
        let entries = log.lines().map(|line| serde_json::from_str::<Value>(line).expect("entries are JSON"));
        entries.filter(|entry| entry["type"] == "request" && entry["request"]["path"] == path).count()
    }
}

/// The configuration of one more listener, with TLS.
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
