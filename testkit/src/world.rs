//! A scratch directory with a daemon in it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use kontraktor_proto::endpoint::CONNECTION_VARIABLES;
use tempfile::TempDir;

use crate::{Daemon, DaemonBuilder, Install, Run, Workspace, binary};

/// A daemon with data of its own, and the clients that talk to it. Everything is removed when it is dropped.
#[derive(Debug)]
pub struct World {
    /// First, because the daemon ends before its directory is removed.
    daemon: Option<Daemon>,
    /// What the daemons before this one logged.
    earlier_log: String,
    directory: TempDir,
}

impl World {
    /// Returns a world whose daemon listens.
    ///
    /// # Panics
    /// When the daemon does not start.
    pub fn new() -> Self {
        let mut world = Self::without_daemon();
        world.start();
        world
    }

    /// Returns a world whose daemon was not started yet.
    ///
    /// # Panics
    /// When there is no temporary directory.
    pub fn without_daemon() -> Self {
        let directory = tempfile::Builder::new().prefix("ktr-").tempdir().expect("a temporary directory");
        Self { daemon: None, earlier_log: String::new(), directory }
    }

    /// Returns the scratch directory.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Returns the daemon's data directory.
    pub fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// Returns the path of the daemon's socket.
    pub fn socket(&self) -> PathBuf {
        self.path().join("run/kontraktord.sock")
    }

    /// Returns the value of `KONTRAKTOR_HOST` that reaches the daemon.
    pub fn host(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Writes the configuration file that the daemon reads when it is started next.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn configure(&self, toml: &str) {
        fs::write(self.config(), toml).expect("the scratch directory takes a file");
    }

    /// Returns the path of the daemon's configuration file.
    pub fn config(&self) -> PathBuf {
        self.path().join("kontraktord.toml")
    }

    /// Returns the running daemon.
    ///
    /// # Panics
    /// When it does not run.
    pub fn daemon(&self) -> &Daemon {
        self.daemon.as_ref().expect("the daemon runs")
    }

    /// Returns a command of the daemon's program on this world's data, socket and configuration, such as
    /// `vault check NAME`.
    pub fn kontraktord(&self, arguments: &[&str]) -> Command {
        self.builder().args(arguments).command()
    }

    /// Starts the daemon and returns when it listens.
    ///
    /// # Panics
    /// When it runs already or does not start.
    #[track_caller]
    pub fn start(&mut self) {
        assert!(self.daemon.is_none(), "the daemon runs already");
        self.daemon = Some(self.builder().start());
    }

    /// Asks the daemon to stop and waits for its end.
    ///
    /// # Panics
    /// When it does not run or does not end in good order.
    #[track_caller]
    pub fn stop(&mut self) {
        let daemon = self.daemon.take().expect("the daemon runs");
        self.earlier_log += &daemon.terminate().ok();
    }

    /// Kills the daemon without warning.
    ///
    /// # Panics
    /// When it does not run.
    pub fn kill(&mut self) {
        let mut daemon = self.daemon.take().expect("the daemon runs");
        self.earlier_log += &daemon.kill().log;
    }

    /// Returns what the daemon has logged so far, the daemons before it included.
    pub fn daemon_log(&self) -> String {
        let current = self.daemon.as_ref().map(Daemon::log).unwrap_or_default();
        format!("{}\n{current}", self.earlier_log)
    }

    /// Runs `ktr` with these arguments to its end.
    pub fn ktr(&self, arguments: &[&str]) -> Run {
        let mut command = Command::new(binary("ktr"));
        for name in CONNECTION_VARIABLES {
            command.env_remove(name);
        }
        Run::of(command.args(arguments).env("KONTRAKTOR_HOST", self.host()).env("NO_COLOR", "1"))
    }

    /// Returns a directory for terraform with this `main.tf`, which finds the provider through `dev_overrides`.
    pub fn workspace(&self, main: &str) -> Workspace {
        Workspace::new(self, Install::Override, main)
    }

    /// Returns a directory for terraform with this `main.tf`, which finds the provider through a filesystem mirror and
    /// `terraform init`.
    pub fn installed_workspace(&self, main: &str) -> Workspace {
        Workspace::new(self, Install::Mirror, main)
    }

    fn builder(&self) -> DaemonBuilder {
        Daemon::builder(self.path())
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}
