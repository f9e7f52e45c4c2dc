//! Where the servers' programs are. The scripts that install them print the path, and do nothing else when the program is
//! there: a test that is run by hand needs no preparation, and the first one waits for the installation.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use crate::repository;

/// Returns the Vault server, which is built on first use (minutes).
///
/// # Panics
/// When it cannot be built.
pub fn vault_binary() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| installed_by("acceptance/vault-server/build.sh"))
}

/// Returns a python with the packages of `acceptance/python/requirements.txt`, which are installed on first use.
///
/// # Panics
/// When it cannot be installed.
pub fn python() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| installed_by("acceptance/python/install.sh"))
}

/// Returns the script of the OpenID provider, which is installed on first use.
///
/// # Panics
/// When it cannot be installed.
pub(super) fn oidc_provider() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| installed_by("acceptance/oidc-provider/install.sh"))
}

fn installed_by(script: &str) -> PathBuf {
    // Its standard error (progress, what is missing and how to get it) is for the person who runs the test.
    let output = Command::new(repository().join(script))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .unwrap_or_else(|error| panic!("{script} cannot be run: {error}"));
    assert!(output.status.success(), "{script} ended with {}: see above for what it said", output.status);
    let path = String::from_utf8(output.stdout).expect("the cache's path is UTF-8");
    PathBuf::from(path.trim_end())
}
