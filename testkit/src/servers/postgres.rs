//! A PostgreSQL server in which Vault's database engine creates users.

use std::{
    fs,
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::Command,
};

use nix::{
    sys::signal::Signal,
    unistd::{Uid, User},
};
use tempfile::TempDir;

use super::port;
use crate::{Run, process::Process};

/// The superuser's name.
const USER: &str = "postgres";

/// A PostgreSQL server on a loopback port. It ends when it is dropped.
pub struct Postgres {
    process: Option<Process>,
    scratch: TempDir,
    programs: PathBuf,
    account: Option<User>,
    port: u16,
    password: String,
}

impl Postgres {
    /// Starts a server with an empty database `postgres` and returns when it accepts connections.
    ///
    /// # Panics
    /// When it is not installed or does not start.
    pub fn start() -> Self {
        let scratch = tempfile::Builder::new().prefix("ktr-pg-").tempdir().expect("a temporary directory");
        let password = uuid::Uuid::new_v4().to_string();
        let mut server =
            Self { process: None, scratch, programs: programs(), account: account(), port: 0, password };
        server.initialize();
        for _ in 0..10 {
            server.port = port::free();
            match server.run() {
                Ok(()) => return server,
                Err(log) if log.contains("Address already in use") => {}
                Err(log) => panic!("PostgreSQL does not come up:\n{log}"),
            }
        }
        panic!("PostgreSQL found each of ten free ports taken");
    }

    /// Stops the server, which ends every connection.
    ///
    /// # Panics
    /// When it does not run or does not end in good order.
    pub fn stop(&mut self) {
        let process = self.process.take().expect("PostgreSQL runs");
        // What PostgreSQL calls a "fast" shutdown.
        let status = process.end(Signal::SIGINT);
        assert!(status.success(), "PostgreSQL ended with {status}");
    }

    /// Starts it again after [`Self::stop`], on the same port and with its data.
    ///
    /// # Panics
    /// When it runs already or does not start.
    pub fn start_again(&mut self) {
        assert!(self.process.is_none(), "PostgreSQL runs already");
        if let Err(log) = self.run() {
            panic!("PostgreSQL does not come up again:\n{log}");
        }
    }

    /// Returns its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the superuser's name.
    pub fn user(&self) -> &str {
        USER
    }

    /// Returns the superuser's password.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Runs SQL as the superuser and returns the rows, with `|` between columns.
    ///
    /// # Panics
    /// When it fails.
    #[track_caller]
    pub fn sql(&self, sql: &str) -> String {
        self.psql(USER, &self.password, sql).ok().stdout
    }

    /// Runs one SQL command by `psql` as this user. Its standard output is the rows, with `|` between columns.
    ///
    /// # Panics
    /// When `psql` cannot be started.
    pub fn psql(&self, user: &str, password: &str, sql: &str) -> Run {
        Run::of(
            Command::new(self.programs.join("psql"))
                .args(["--no-psqlrc", "--no-align", "--tuples-only", "--no-password"])
                .args(["--host", "127.0.0.1", "--port", &self.port.to_string(), "--dbname", "postgres"])
                .args(["--username", user, "--command", sql])
                .env("PGPASSWORD", password)
                .env("LC_ALL", "C"),
        )
    }

    fn initialize(&self) {
        let secret = self.scratch.path().join("password");
        fs::write(&secret, &self.password).expect("the scratch directory takes a file");
        if let Some(account) = &self.account {
            let (user, group) = (Some(account.uid.as_raw()), Some(account.gid.as_raw()));
            for path in [self.scratch.path(), &secret] {
                chown(path, user, group).expect("root may give files away");
            }
        }
        Run::of(
            self.program("initdb")
                .args(["--username", USER, "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"])
                .args(["--no-sync", "--no-instructions"])
                .arg("--pwfile")
                .arg(&secret)
                .arg("--pgdata")
                .arg(self.data()),
        )
        .ok();
        fs::remove_file(secret).expect("the file is ours");
    }

    fn run(&mut self) -> Result<(), String> {
        let mut command = self.program("postgres");
        command.arg("-D").arg(self.data()).arg("-p").arg(self.port.to_string());
        let sockets = format!("unix_socket_directories={}", self.scratch.path().display());
        // Nothing here has to survive a crash, so nothing waits for the disk.
        let durability = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"];
        for setting in ["listen_addresses=127.0.0.1", &sockets].into_iter().chain(durability) {
            command.args(["-c", setting]);
        }
        // What PostgreSQL calls an "immediate" shutdown: SIGKILL would leave its child processes behind for a while.
        let process = Process::spawn_with_one_log("postgres", &mut command, Signal::SIGQUIT);
        process.line(|line| line.contains("ready to accept connections").then_some(()))?;
        self.process = Some(process);
        Ok(())
    }

    fn data(&self) -> PathBuf {
        self.scratch.path().join("data")
    }

    /// Returns a command for one of PostgreSQL's programs, run by an account that may.
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command.current_dir(self.scratch.path()).env("LC_ALL", "C");
        if let Some(account) = &self.account {
            command.uid(account.uid.as_raw()).gid(account.gid.as_raw());
        }
        command
    }
}

/// Returns the account to use as root, as which PostgreSQL refuses to run: the package's own, or nobody.
fn account() -> Option<User> {
    if !Uid::effective().is_root() {
        return None;
    }
    let found = ["postgres", "nobody"]
        .into_iter()
        .find_map(|name| User::from_name(name).expect("the accounts can be read"));
    Some(
        found.expect("there is an account for PostgreSQL, which refuses to run as root: add the user nobody"),
    )
}

/// Returns the folder of the newest PostgreSQL. Debian does not put the server's programs on the PATH.
fn programs() -> PathBuf {
    let root = Path::new("/usr/lib/postgresql");
    let versions = fs::read_dir(root).into_iter().flatten().flatten();
    let debian = versions.filter_map(|entry| {
        let version: u32 = entry.file_name().to_str()?.parse().ok()?;
        Some((version, entry.path().join("bin")))
    });
    let usable = debian.filter(|(_, programs)| programs.join("initdb").exists());
    let on_path =
        || std::env::split_paths(&std::env::var_os("PATH")?).find(|folder| folder.join("initdb").exists());
    let found = usable.max().map(|(_, programs)| programs).or_else(on_path);
    found.expect("PostgreSQL's server is installed: apt-get install postgresql")
}
