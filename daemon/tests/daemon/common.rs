//! A real `kontraktord` on a temporary directory, and raw gRPC clients for it.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use kontraktor_proto::v1::{
    Delete, EnvironmentName, Put, ValueType, WriteGroup, WriteItem, WriteVariablesRequest,
    audit_client::AuditClient, environments_client::EnvironmentsClient, projects_client::ProjectsClient, put,
    secrets_client::SecretsClient, system_client::SystemClient, variables_client::VariablesClient,
    write_item,
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;
use tonic::transport::{Channel, Endpoint};

/// A directory for one daemon: its data and its socket.
pub(crate) struct Home {
    pub(crate) dir: TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.path().join("run/k.sock")
    }

    /// `kontraktord` with nothing of our own environment but what it needs to be loaded.
    pub(crate) fn bare_command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kontraktord"));
        command.env_clear();
        for name in ["PATH", "LD_LIBRARY_PATH", "LLVM_PROFILE_FILE"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.env("HOME", self.dir.path()).env("TMPDIR", self.dir.path()).stdin(Stdio::null());
        command
    }

    /// The same with data and socket in this directory.
    pub(crate) fn command(&self) -> Command {
        let mut command = self.bare_command();
        command.env("KONTRAKTOR_DATA_DIR", self.data()).env("KONTRAKTOR_SOCKET", self.socket());
        command
    }

    pub(crate) fn start(&self) -> Daemon {
        Daemon::start(self.command(), self.socket())
    }

    /// Runs a command that ends by itself, and replaces the directory's path in what it prints by `HOME`.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.ended(self.command().args(arguments).output().unwrap())
    }

    pub(crate) fn ended(&self, output: Output) -> Ended {
        let tidy = |bytes: Vec<u8>| {
            String::from_utf8(bytes).unwrap().replace(&self.dir.path().display().to_string(), "HOME")
        };
        Ended {
            code: output
                .status
                .code()
                .unwrap_or_else(|| panic!("ended by signal {:?}", output.status.signal())),
            stdout: tidy(output.stdout),
            stderr: tidy(output.stderr),
        }
    }
}

/// How a command ended and what it printed.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// The lines of standard error for people, without the log lines.
    pub(crate) fn report(&self) -> String {
        self.stderr.lines().filter(|line| !line.starts_with('{')).collect::<Vec<_>>().join("\n")
    }
}

/// A running daemon; killed when dropped.
pub(crate) struct Daemon {
    pub(crate) child: Child,
    pub(crate) socket: PathBuf,
    pub(crate) announced: String,
}

impl Daemon {
    /// Starts it and returns when it says that it listens.
    pub(crate) fn start(mut command: Command, socket: PathBuf) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut announced = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut announced).unwrap();
        if announced.is_empty() {
            let mut stderr = String::new();
            child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
            panic!("the daemon did not start: {stderr}");
        }
        Self { child, socket, announced }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.pid()).unwrap()), signal).unwrap();
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM; the exit code, how long it took, and what was logged.
    pub(crate) fn terminate(mut self) -> (Option<i32>, Duration, String) {
        let started = Instant::now();
        self.signal(Signal::SIGTERM);
        let mut stderr = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        let status = self.child.wait().unwrap();
        (status.code(), started.elapsed(), stderr)
    }

    pub(crate) fn channel(&self) -> Channel {
        channel(&self.socket)
    }

    pub(crate) fn projects(&self) -> ProjectsClient<Channel> {
        ProjectsClient::new(self.channel())
    }

    pub(crate) fn environments(&self) -> EnvironmentsClient<Channel> {
        EnvironmentsClient::new(self.channel())
    }

    pub(crate) fn variables(&self) -> VariablesClient<Channel> {
        VariablesClient::new(self.channel())
    }

    pub(crate) fn audit(&self) -> AuditClient<Channel> {
        AuditClient::new(self.channel())
    }

    pub(crate) fn secrets(&self) -> SecretsClient<Channel> {
        SecretsClient::new(self.channel())
    }

    pub(crate) fn system(&self) -> SystemClient<Channel> {
        SystemClient::new(self.channel())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn channel(socket: &Path) -> Channel {
    Endpoint::from_shared(format!("unix://{}", socket.display())).unwrap().connect_lazy()
}

/// As messages hold it, where it is a field that may be absent.
#[expect(clippy::unnecessary_wraps, reason = "messages want an Option")]
pub(crate) fn environment(project: &str, env: &str) -> Option<EnvironmentName> {
    Some(EnvironmentName { project: project.to_owned(), env: env.to_owned() })
}

/// Writes a string into `demo/dev`, wherever that stands.
pub(crate) fn put(key: &str, value: &str) -> WriteItem {
    WriteItem {
        environment: environment("demo", "dev"),
        key: key.to_owned(),
        operation: Some(write_item::Operation::Put(Put {
            r#type: ValueType::String.into(),
            content: Some(put::Content::Value(value.to_owned())),
            description: String::new(),
            create_missing: true,
            deletion_protection: None,
        })),
        expect: None,
    }
}

pub(crate) fn delete(key: &str) -> WriteItem {
    WriteItem { operation: Some(write_item::Operation::Delete(Delete {})), ..put(key, "") }
}

/// A batch in which each item is a group of its own.
pub(crate) fn batch(items: impl IntoIterator<Item = WriteItem>) -> WriteVariablesRequest {
    WriteVariablesRequest {
        batch_id: uuid::Uuid::new_v4().to_string(),
        groups: items.into_iter().map(|item| WriteGroup { items: vec![item] }).collect(),
    }
}
