//! A scratch directory with a daemon in it.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;

use crate::{Install, Run, Workspace, binary};

/// A daemon with data of its own, and the clients that talk to it. Everything goes when it is dropped.
#[derive(Debug)]
pub struct World {
    directory: TempDir,
    daemon: Option<Child>,
}

impl World {
    /// A world whose daemon listens.
    ///
    /// # Panics
    /// When the daemon does not come up.
    pub fn new() -> Self {
        let mut world = Self::without_daemon();
        world.start();
        world
    }

    /// A world whose daemon was not started yet.
    ///
    /// # Panics
    /// When there is no temporary directory.
    pub fn without_daemon() -> Self {
        let directory = tempfile::Builder::new().prefix("ktr-").tempdir().expect("a temporary directory");
        Self { directory, daemon: None }
    }

    /// The scratch directory.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The daemon's data directory.
    pub fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// The daemon's socket.
    pub fn socket(&self) -> PathBuf {
        self.path().join("run/kontraktord.sock")
    }

    /// What `KONTRAKTOR_HOST` says to reach it.
    pub fn host(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Writes the daemon's configuration file, for its next start. Without one it has none, whatever the user has.
    ///
    /// # Panics
    /// When the scratch directory takes no file.
    pub fn configure(&self, toml: &str) {
        fs::write(self.config(), toml).expect("the scratch directory takes a file");
    }

    /// The daemon's configuration file.
    pub fn config(&self) -> PathBuf {
        self.path().join("kontraktord.toml")
    }

    /// A command of the daemon's binary on this world's data, socket and configuration, such as `vault check NAME`.
    pub fn kontraktord(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary("kontraktord"));
        command.arg("--data-dir").arg(self.data()).arg("--socket").arg(self.socket()).args(arguments);
        if self.config().exists() {
            command.arg("--config").arg(self.config());
        }
        command
    }

    /// Starts the daemon and waits until it says that it listens.
    ///
    /// # Panics
    /// When it ends or says something else first.
    pub fn start(&mut self) {
        assert!(self.daemon.is_none(), "the daemon runs already");
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.path().join("daemon.log"))
            .expect("the scratch directory takes a log");
        let mut child = self
            .kontraktord(&[])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("kontraktord can be started");
        let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut first = String::new();
        lines.read_line(&mut first).expect("the daemon's output can be read");
        assert!(first.contains("listening on"), "the daemon said {first:?}\n{}", self.daemon_log());
        // The pipe stays open for as long as the daemon runs.
        child.stdout = Some(lines.into_inner());
        self.daemon = Some(child);
    }

    /// Asks the daemon to stop and waits for it.
    ///
    /// # Panics
    /// When it does not run or does not end well.
    pub fn stop(&mut self) {
        let mut child = self.daemon.take().expect("the daemon runs");
        signal(&child, Signal::SIGTERM);
        let status = child.wait().expect("the daemon can be waited for");
        assert!(status.success(), "the daemon ended with {status}\n{}", self.daemon_log());
    }

    /// Kills the daemon without warning.
    ///
    /// # Panics
    /// When it does not run.
    pub fn kill(&mut self) {
        let mut child = self.daemon.take().expect("the daemon runs");
        signal(&child, Signal::SIGKILL);
        child.wait().expect("the daemon can be waited for");
    }

    /// Sends the running daemon a signal: to stop it for a while, and to let it go on.
    ///
    /// # Panics
    /// When it does not run.
    pub fn signal(&self, what: Signal) {
        signal(self.daemon.as_ref().expect("the daemon runs"), what);
    }

    /// The daemon's process id.
    ///
    /// # Panics
    /// When it does not run.
    pub fn pid(&self) -> u32 {
        self.daemon.as_ref().expect("the daemon runs").id()
    }

    /// What the daemon logged so far.
    pub fn daemon_log(&self) -> String {
        fs::read_to_string(self.path().join("daemon.log")).unwrap_or_default()
    }

    /// `ktr` with these arguments, run to its end.
    pub fn ktr(&self, arguments: &[&str]) -> Run {
        Run::of(
            Command::new(binary("ktr"))
                .args(arguments)
                .env("KONTRAKTOR_HOST", self.host())
                .env_remove("KONTRAKTOR_TOKEN")
                .env_remove("KONTRAKTOR_TIMEOUT")
                .env("NO_COLOR", "1"),
        )
    }

    /// A directory for terraform with this `main.tf`, and the provider by way of `dev_overrides`.
    pub fn workspace(&self, main: &str) -> Workspace {
        Workspace::new(self, Install::Override, main)
    }

    /// Likewise, with the provider by way of a filesystem mirror and `terraform init`.
    pub fn installed_workspace(&self, main: &str) -> Workspace {
        Workspace::new(self, Install::Mirror, main)
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(mut child) = self.daemon.take() {
            // A stopped process takes no SIGTERM: kill it.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn signal(child: &Child, what: Signal) {
    let pid = i32::try_from(child.id()).expect("process ids fit in 32 bits");
    kill(Pid::from_raw(pid), what).expect("our own child takes signals");
}
