//! The `package` program, on stand-ins for the provider: what it writes, and what it refuses.

mod files;
mod refusals;
mod signing;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

const VERSION: &str = env!("CARGO_PKG_VERSION");
const MANIFEST: &str = r#"{"version":1,"metadata":{"protocol_versions":["6.0"]}}"#;

/// A folder with a provider that says its version, a license and a manifest.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().expect("a temporary directory"));
        desk.provider(VERSION);
        fs::write(desk.path("LICENSE"), "Permission is granted.\n").expect("a file");
        fs::write(desk.path("manifest.json"), MANIFEST).expect("a file");
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// (Re)writes the provider, so that it says this version.
    fn provider(&self, version: &str) {
        let script = format!("#!/bin/sh\necho terraform-provider-kontraktor {version}\n");
        fs::write(self.path("provider"), script).expect("a file");
        fs::set_permissions(self.path("provider"), fs::Permissions::from_mode(0o700)).expect("a mode");
    }

    fn command(&self, out: &str, provider: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_package"));
        command
            .current_dir(self.0.path())
            .args(["--manifest", "manifest.json", "--out", out, "--provider", provider])
            .env_remove("GPG_KEY")
            .stdin(Stdio::null());
        command
    }

    fn package(&self, out: &str, provider: &str) -> Output {
        self.command(out, provider).output().expect("it can be started")
    }

    /// The names in a folder, in order.
    fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).expect("the folder is there");
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("an entry").file_name().display().to_string()).collect();
        names.sort();
        names
    }
}

#[track_caller]
fn ok(output: Output) -> String {
    assert!(output.status.success(), "{}", stderr(&output));
    stderr(&output)
}

#[track_caller]
fn refused(output: Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    stderr(&output)
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn read(path: impl AsRef<Path>) -> Vec<u8> {
    fs::read(path).expect("it was written")
}
