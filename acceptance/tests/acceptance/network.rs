//! The API on the network, as terraform, `ktr`, curl and grpcurl use it: a daemon that serves TLS, and each kind of credentials.

mod certificates;
mod ktr;
mod pipelines;
mod restarts;
mod roles;
mod service_accounts;
mod tools;

use std::{
    fs,
    path::PathBuf,
    process::Command,
    thread::{self, JoinHandle},
};

use serde_json::Value;
use testkit::{
    Run, Workspace, World, eventually,
    servers::{Authority, Identity, free_port},
};

/// A daemon that serves TLS on a port, with a certificate of an authority that its clients are given.
struct Site {
    world: World,
    authority: Authority,
    /// `127.0.0.1:PORT`, which stays the same after a restart.
    address: String,
}

/// The credentials of a service account.
struct Account {
    id: String,
    secret: String,
}

impl Site {
    /// Returns a site whose daemon was not started yet.
    fn new() -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        let site = Self { world: World::without_daemon(), authority: Authority::new(), address };
        site.authority.server().write(&site.path("server.pem"), &site.path("server.key"));
        fs::write(site.path("ca.pem"), site.authority.pem()).expect("the scratch directory takes a file");
        site
    }

    /// Starts the daemon with these settings in the table `[tls]`, and more tables.
    fn start(mut self, tls: &str, tables: &str) -> Self {
        self.configure(tls, tables);
        self.world.start();
        self
    }

    /// Writes the daemon's configuration.
    fn configure(&self, tls: &str, tables: &str) {
        self.world.configure(&format!(
            "log = 'debug'\nlisten = ['{}']\n[tls]\ncert = '{}'\nkey = '{}'\n{tls}\n{tables}",
            self.address,
            self.path("server.pem").display(),
            self.path("server.key").display(),
        ));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.world.path().join(name)
    }

    fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Writes a client's certificate, and returns the paths of certificate and key.
    fn certificate(&self, name: &str, identity: &Identity) -> [String; 2] {
        let (certificate, key) = (self.path(&format!("{name}.pem")), self.path(&format!("{name}.key")));
        identity.write(&certificate, &key);
        [certificate, key].map(|path| path.display().to_string())
    }

    /// Returns a provider block for the daemon's port, with these arguments.
    fn provider(&self, arguments: &[(&str, &str)]) -> String {
        let ca = self.path("ca.pem").display().to_string();
        let (host, mut block) = (self.url(), "provider \"kontraktor\" {\n".to_owned());
        for (name, value) in [("host", host.as_str()), ("ca_certificate", &ca)].iter().chain(arguments) {
            block += &format!("  {name} = \"{value}\"\n");
        }
        block + "}\n"
    }

    /// Returns a workspace whose provider has these arguments.
    fn workspace(&self, arguments: &[(&str, &str)], main: &str) -> Workspace {
        self.world.workspace(&format!("{}{main}", self.provider(arguments)))
    }

    /// Returns a workspace of a service account.
    fn account_workspace(&self, account: &Account, main: &str) -> Workspace {
        self.workspace(&[("client_id", &account.id), ("client_secret", &account.secret)], main)
    }

    /// Creates a service account with these scopes, as the owner of the socket.
    fn account(&self, name: &str, scopes: &[&str]) -> Account {
        let scopes = scopes.iter().flat_map(|scope| ["--scope", scope]);
        let arguments = ["service-account", "create", name, "--output", "json"].into_iter().chain(scopes);
        let created = self.world.ktr(&arguments.collect::<Vec<_>>()).ok().stdout;
        let created: Value = serde_json::from_str(&created).expect("ktr prints JSON");
        let text = |name: &str| created[name].as_str().expect("a text").to_owned();
        Account { id: text("client_id"), secret: text("client_secret") }
    }

    /// Grants a role, as the owner of the socket.
    fn grant(&self, role: &str, subject: &str, pattern: &str) {
        self.world.ktr(&["role", "grant", role, "--to", subject, "--on", pattern]).ok();
    }

    /// Returns the newest entries of the audit log, the newest first.
    fn audit(&self) -> Vec<Value> {
        let entries = self.world.ktr(&["audit", "--limit", "10000", "--output", "json"]).ok().stdout;
        let list: Value = serde_json::from_str(&entries).expect("ktr prints JSON");
        list["entries"].as_array().expect("a list").clone()
    }

    /// Counts the entries of an operation.
    fn count(&self, operation: &str) -> usize {
        self.audit().iter().filter(|entry| entry["operation"] == operation).count()
    }

    /// Runs curl, which trusts the site's authority, on a path of the daemon's. What it prints ends with the status.
    fn curl(&self, arguments: &[&str], path: &str) -> Run {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "60"]);
        command.args(["--write-out", " %{response_code}"]).arg("--cacert").arg(self.path("ca.pem"));
        Run::of(command.args(arguments).arg(format!("{}{path}", self.url())))
    }

    /// Returns an access token of a service account.
    fn token(&self, account: &Account) -> String {
        let user = format!("{}:{}", account.id, account.secret);
        let answer = self.curl(&["--user", &user, "--data", "grant_type=client_credentials"], "/oauth/token");
        let answer = answer.ok().stdout;
        let (body, status) = answer.rsplit_once(' ').expect("a status");
        assert_eq!(status, "200", "{body}");
        let body: Value = serde_json::from_str(body).expect("JSON");
        body["access_token"].as_str().expect("a token").to_owned()
    }
}

/// Variables `FIRST_n`, a gate that waits for a file `open`, and variables `SECOND_n`, of `shop/dev`.
fn gated(count: usize) -> String {
    let variables = |name: &str, key: &str, more: &str| {
        format!(
            r#"
resource "kontraktor_variable" "{name}" {{
  count   = {count}
  project = "shop"
  env     = "dev"
  key     = "{key}_${{count.index}}"
  value   = "value ${{count.index}}"
  {more}
}}
"#
        )
    };
    let gate = r#"
resource "terraform_data" "gate" {
  depends_on = [kontraktor_variable.first]
  provisioner "local-exec" {
    command = "until [ -e open ]; do sleep 0.1; done"
  }
}
"#;
    variables("first", "FIRST", "")
        + gate
        + &variables("second", "SECOND", "depends_on = [terraform_data.gate]")
}

/// Runs an apply while the test does something else. Returns when it waits at the gate, or fails with what terraform said.
#[track_caller]
fn apply_to_the_gate(site: &Site, workspace: &Workspace, count: usize) -> JoinHandle<Run> {
    let mut command = workspace.command(&["apply", "-auto-approve", "-no-color"]);
    let mut apply = Some(thread::spawn(move || Run::of(&mut command)));
    eventually("the variables before the gate are written", || {
        if let Some(ended) = apply.take_if(|apply| apply.is_finished()) {
            let Run { stdout, stderr, .. } = ended.join().expect("terraform ran");
            panic!("terraform did not wait:\n{stdout}\n{stderr}");
        }
        let shown = site.world.ktr(&["env", "show", "shop/dev"]).stdout;
        (0..count).all(|number| shown.contains(&format!("FIRST_{number} ")))
    });
    apply.expect("it runs")
}
