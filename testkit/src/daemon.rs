//! A real `kontraktord`, started for a test.
//!
//! Every test and benchmark starts the daemon here. What it must do is for the tests to say.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use kontraktor_proto::v1::{
    audit_client::AuditClient, environments_client::EnvironmentsClient, projects_client::ProjectsClient,
    schemas_client::SchemasClient, secrets_client::SecretsClient, system_client::SystemClient,
    variables_client::VariablesClient,
};
use nix::sys::signal::Signal;
use tonic::transport::{Channel, Endpoint};

use crate::{binary, process::Process};

/// The variables that the daemon gets from the test's environment: what it needs to be loaded and to report.
const INHERITED: [&str; 4] = ["PATH", "LD_LIBRARY_PATH", "LLVM_PROFILE_FILE", "RUST_BACKTRACE"];

/// How a daemon is started. Everything that it reads and writes lies in one scratch directory, unless a method says
/// otherwise, and nothing of the user's own configuration or environment is visible to it.
#[derive(Clone, Debug)]
pub struct DaemonBuilder {
    directory: PathBuf,
    data_dir: Option<PathBuf>,
    socket: PathBuf,
    config: Option<PathBuf>,
    environment: Vec<(OsString, OsString)>,
    arguments: Vec<OsString>,
    open_files: Option<u64>,
}

impl DaemonBuilder {
    /// Returns a builder for a daemon whose data is in `data/`, whose socket is `run/kontraktord.sock` and whose
    /// configuration file, when there is one, is `kontraktord.toml` in the scratch directory.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        let directory = directory.into();
        Self {
            data_dir: Some(directory.join("data")),
            socket: directory.join("run/kontraktord.sock"),
            directory,
            config: None,
            environment: Vec::new(),
            arguments: Vec::new(),
            open_files: None,
        }
    }

    /// Leaves data directory, socket and configuration file to the daemon's defaults. The scratch directory is its home.
    /// `socket` is where the daemon is expected to listen.
    pub fn default_locations(mut self, socket: impl Into<PathBuf>) -> Self {
        self.data_dir = None;
        self.socket = socket.into();
        self
    }

    /// Sets the data directory.
    pub fn data_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(path.into());
        self
    }

    /// Sets the socket.
    pub fn socket(mut self, path: impl Into<PathBuf>) -> Self {
        self.socket = path.into();
        self
    }

    /// Sets the configuration file, which must exist.
    pub fn config(mut self, file: impl Into<PathBuf>) -> Self {
        self.config = Some(file.into());
        self
    }

    /// Adds an environment variable.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Adds command-line arguments.
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Limits how many files the daemon may have open.
    pub fn open_files(mut self, limit: u64) -> Self {
        self.open_files = Some(limit);
        self
    }

    /// Returns the command, for what runs to its end or needs streams of its own. Standard input is empty.
    pub fn command(&self) -> Command {
        let program = binary("kontraktord");
        let mut command = if let Some(limit) = self.open_files {
            let mut shell = Command::new("/bin/sh");
            shell.arg("-c").arg(format!("ulimit -n {limit} && exec \"$0\" \"$@\"")).arg(program);
            shell
        } else {
            Command::new(program)
        };
        command.env_clear();
        for name in INHERITED {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.env("HOME", &self.directory).env("TMPDIR", &self.directory);
        if let Some(data_dir) = &self.data_dir {
            command.env("KONTRAKTOR_DATA_DIR", data_dir).env("KONTRAKTOR_SOCKET", &self.socket);
            let usual = self.directory.join("kontraktord.toml");
            if let Some(config) = self.config.clone().or_else(|| usual.exists().then_some(usual)) {
                command.env("KONTRAKTOR_CONFIG", config);
            }
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.args(&self.arguments).stdin(Stdio::null());
        command
    }

    /// Starts the daemon and returns when it announces that it listens.
    ///
    /// # Panics
    /// With the daemon's log, when it ends or prints something else first.
    #[track_caller]
    pub fn start(self) -> Daemon {
        let mut daemon = self.spawn();
        match daemon.process.line(|line| Some(line.to_owned())) {
            Ok(line) if line.starts_with("listening on ") => daemon.announcement = line,
            // The drop prints the log.
            Ok(line) => panic!("kontraktord printed {line:?} instead of where it listens"),
            Err(_) => {
                let Ended { code, log } = daemon.wait();
                panic!("kontraktord ended with {code:?} instead of starting:\n{log}")
            }
        }
        daemon
    }

    /// Starts the daemon and does not wait for it.
    ///
    /// # Panics
    /// When the program cannot be started.
    pub fn spawn(self) -> Daemon {
        let process = Process::spawn("kontraktord", &mut self.command(), Signal::SIGKILL);
        Daemon { builder: self, process, announcement: String::new() }
    }
}

/// A daemon's process. When dropped it is killed, and its log is printed when the test is failing.
#[derive(Debug)]
pub struct Daemon {
    builder: DaemonBuilder,
    process: Process,
    announcement: String,
}

/// How a daemon ended.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; `None` when a signal ended the process.
    pub code: Option<i32>,
    /// Everything that it wrote to standard error.
    pub log: String,
}

impl Ended {
    /// Asserts that the daemon ended in good order, and returns its log.
    ///
    /// # Panics
    /// With the log, when it did not.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "kontraktord failed:\n{}", self.log);
        self.log
    }
}

impl Daemon {
    /// Returns a builder for a daemon in this scratch directory.
    pub fn builder(directory: impl Into<PathBuf>) -> DaemonBuilder {
        DaemonBuilder::new(directory)
    }

    /// Returns the line in which the daemon said where it listens.
    pub fn announcement(&self) -> &str {
        &self.announcement
    }

    /// Returns the URL of the first port that the daemon said it listens on.
    ///
    /// # Panics
    /// When it listens on the socket alone.
    #[track_caller]
    pub fn url(&self) -> String {
        let url = |line: &str| line.strip_prefix("listening on http").map(|rest| format!("http{rest}"));
        self.printed(url)
    }

    /// Waits for a line of standard output.
    ///
    /// # Panics
    /// With what it printed, when it ends first or the bound passes.
    #[track_caller]
    pub fn printed<T>(&self, find: impl Fn(&str) -> Option<T>) -> T {
        match self.process.line(find) {
            Ok(found) => found,
            Err(printed) => panic!("kontraktord ended and printed only:\n{printed}"),
        }
    }

    /// Returns the socket's path.
    pub fn socket(&self) -> &Path {
        &self.builder.socket
    }

    /// Returns the value of `KONTRAKTOR_HOST` that reaches the daemon.
    pub fn host(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Returns the process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Returns what the daemon has logged so far.
    pub fn log(&self) -> String {
        self.process.stderr.text()
    }

    /// Waits until the log has a line that contains `text`.
    ///
    /// # Panics
    /// With the log, when the daemon ends first or the bound passes.
    #[track_caller]
    pub fn wait_for_log(&self, text: &str) {
        if let Err(log) = self.process.error_line(|line| line.contains(text).then_some(())) {
            panic!("kontraktord ended and never logged {text:?}:\n{log}");
        }
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// When the daemon has been waited for.
    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Stops the process with SIGSTOP and returns when it has stopped.
    ///
    /// # Panics
    /// When it ends instead.
    pub fn pause(&self) {
        self.process.pause();
    }

    /// Continues a paused process.
    pub fn resume(&self) {
        self.process.resume();
    }

    /// Returns whether the process is running.
    pub fn is_running(&mut self) -> bool {
        self.process.is_running()
    }

    /// Kills the process without warning and waits for its end.
    pub fn kill(&mut self) -> Ended {
        self.signal(Signal::SIGKILL);
        self.wait()
    }

    /// Waits until the process has ended.
    pub fn wait(&mut self) -> Ended {
        let status = self.process.wait();
        Ended { code: status.code(), log: self.process.stderr.to_end() }
    }

    /// Asks the daemon to stop (SIGTERM) and waits for its end.
    pub fn terminate(mut self) -> Ended {
        self.signal(Signal::SIGTERM);
        self.wait()
    }

    /// Starts a daemon in the same way on the same data, after this one has ended; one that still runs is stopped first.
    ///
    /// # Panics
    /// When the daemon fails to stop or to start.
    #[track_caller]
    pub fn restart(&mut self) {
        if self.is_running() {
            self.signal(Signal::SIGTERM);
            self.wait().ok();
        }
        *self = self.builder.clone().start();
    }

    /// Returns a connection to the daemon that is made when it is first used. Needs a running tokio.
    pub fn channel(&self) -> Channel {
        Endpoint::from_shared(self.host()).expect("a socket's path is an address").connect_lazy()
    }

    /// Returns a client for projects.
    pub fn projects(&self) -> ProjectsClient<Channel> {
        ProjectsClient::new(self.channel())
    }

    /// Returns a client for environments.
    pub fn environments(&self) -> EnvironmentsClient<Channel> {
        EnvironmentsClient::new(self.channel())
    }

    /// Returns a client for variables.
    pub fn variables(&self) -> VariablesClient<Channel> {
        VariablesClient::new(self.channel())
    }

    /// Returns a client for schemas.
    pub fn schemas(&self) -> SchemasClient<Channel> {
        SchemasClient::new(self.channel())
    }

    /// Returns a client for secrets.
    pub fn secrets(&self) -> SecretsClient<Channel> {
        SecretsClient::new(self.channel())
    }

    /// Returns a client for the audit log.
    pub fn audit(&self) -> AuditClient<Channel> {
        AuditClient::new(self.channel())
    }

    /// Returns a client for the daemon's status.
    pub fn system(&self) -> SystemClient<Channel> {
        SystemClient::new(self.channel())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if std::thread::panicking() {
            #[expect(clippy::print_stderr, reason = "shown beside the failure of the test, and only then")]
            {
                eprintln!("kontraktord (process {}) logged:\n{}", self.pid(), self.log());
            }
        }
    }
}
