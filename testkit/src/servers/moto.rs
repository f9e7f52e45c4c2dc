//! moto, which behaves like AWS Secrets Manager and keeps everything in memory.

use std::process::Command;

use base64::{Engine, prelude::BASE64_STANDARD};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Answer, Http, installed::python};
use crate::process::Process;

/// A running moto server. It is killed when it is dropped.
pub struct Moto {
    process: Option<Process>,
    scratch: TempDir,
    port: u16,
}

impl Moto {
    /// The region that the methods here write to.
    pub const REGION: &str = "eu-central-1";

    /// Starts an empty moto on a loopback port.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start() -> Self {
        let scratch = tempfile::Builder::new().prefix("ktr-moto-").tempdir().expect("a temporary directory");
        let mut server = Self { process: None, scratch, port: 0 };
        server.run();
        server
    }

    /// Kills it: its port refuses connections, and its secrets are lost.
    ///
    /// # Panics
    /// When it does not run.
    pub fn stop(&mut self) {
        self.process.take().expect("moto runs").end(Signal::SIGKILL);
    }

    /// Starts it again after [`Self::stop`], on the same port and empty.
    ///
    /// # Panics
    /// When it runs already or does not start.
    pub fn start_again(&mut self) {
        assert!(self.process.is_none(), "moto runs already");
        self.run();
    }

    /// Pauses the process: connections are accepted, and there is no response.
    ///
    /// # Panics
    /// When it does not run.
    pub fn pause(&self) {
        self.process.as_ref().expect("moto runs").pause();
    }

    /// Continues a paused process.
    ///
    /// # Panics
    /// When it does not run.
    pub fn resume(&self) {
        self.process.as_ref().expect("moto runs").resume();
    }

    /// Returns `http://127.0.0.1:PORT`, the endpoint of every AWS service.
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Sends an action to Secrets Manager, such as `GetSecretValue`, and returns the response, an error included. It is
    /// signed with a name only, which is all that moto requires.
    ///
    /// # Panics
    /// When there is no response.
    #[track_caller]
    pub fn call(&self, action: &str, body: &Value) -> Answer {
        let scope = format!("test/20200101/{}/secretsmanager/aws4_request", Self::REGION);
        let signature = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
        let target = format!("secretsmanager.{action}");
        let headers = [("x-amz-target", target.as_str()), ("authorization", &signature)];
        let mut answer = Http::new(&self.address(), &headers).send("POST", "/", body);
        action.clone_into(&mut answer.request);
        answer
    }

    /// Creates a secret and returns its ARN.
    ///
    /// # Panics
    /// When moto refuses.
    #[track_caller]
    pub fn create(&self, name: &str, value: &str) -> String {
        arn(&self.call("CreateSecret", &json!({ "Name": name, "SecretString": value })).ok())
    }

    /// Creates a binary secret and returns its ARN.
    ///
    /// # Panics
    /// When moto refuses.
    #[track_caller]
    pub fn create_binary(&self, name: &str, value: &[u8]) -> String {
        let value = BASE64_STANDARD.encode(value);
        arn(&self.call("CreateSecret", &json!({ "Name": name, "SecretBinary": value })).ok())
    }

    /// Creates a version of a secret with these stages (AWSCURRENT when empty), and returns the version's id.
    ///
    /// # Panics
    /// When moto refuses.
    #[track_caller]
    pub fn put(&self, name: &str, value: &str, stages: &[&str]) -> String {
        let mut asked = json!({ "SecretId": name, "SecretString": value });
        if !stages.is_empty() {
            asked["VersionStages"] = json!(stages);
        }
        let answer = self.call("PutSecretValue", &asked).ok();
        answer["VersionId"].as_str().expect("a version has an id").to_owned()
    }

    /// Deletes a secret for good.
    ///
    /// # Panics
    /// When moto refuses.
    #[track_caller]
    pub fn delete(&self, name: &str) {
        self.call("DeleteSecret", &json!({ "SecretId": name, "ForceDeleteWithoutRecovery": true })).ok();
    }

    /// Deletes everything, recorded requests included.
    ///
    /// # Panics
    /// When moto refuses.
    pub fn reset(&self) {
        self.api("reset");
        self.api("recorder/reset-recording");
    }

    /// Starts to record every request, for [`Self::actions`].
    ///
    /// # Panics
    /// When moto refuses.
    pub fn record(&self) {
        self.api("recorder/start-recording");
    }

    /// Returns the actions of the recorded requests, such as `GetSecretValue`, in order.
    ///
    /// # Panics
    /// When moto refuses.
    pub fn actions(&self) -> Vec<String> {
        let recorded = self.moto_api().send("GET", "recorder/download-recording", &Value::Null);
        assert!(recorded.succeeded(), "moto: {} {}", recorded.status, recorded.text);
        let requests =
            recorded.text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON lines"));
        let targets = requests.filter_map(|request| {
            let headers = request["headers"].as_object()?;
            let (_, target) = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("x-amz-target"))?;
            target.as_str()?.strip_prefix("secretsmanager.").map(str::to_owned)
        });
        targets.collect()
    }

    fn api(&self, path: &str) {
        let answer = self.moto_api().send("POST", path, &Value::Null);
        assert!(answer.succeeded(), "moto: {}: {} {}", answer.request, answer.status, answer.text);
    }

    fn moto_api(&self) -> Http {
        Http::new(&format!("{}/moto-api", self.address()), &[])
    }

    fn run(&mut self) {
        let mut command = Command::new(python());
        command
            .args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &self.port.to_string()])
            .env("PYTHONUNBUFFERED", "1")
            .env("MOTO_RECORDER_FILEPATH", self.scratch.path().join("recording"))
            .current_dir(self.scratch.path());
        let process = Process::spawn_with_one_log("moto", &mut command, Signal::SIGKILL);
        let port = process.line(|line| {
            let (_, port) = line.split_once("Running on http://127.0.0.1:")?;
            port.trim_end().parse().ok()
        });
        self.port = port.unwrap_or_else(|log| panic!("moto does not come up:\n{log}"));
        self.process = Some(process);
    }
}

fn arn(answer: &Value) -> String {
    answer["ARN"].as_str().expect("a secret has an ARN").to_owned()
}
