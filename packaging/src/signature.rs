//! The detached signature, made by gpg: keys, agents and smartcards are its matter.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::PackageError;

/// Signs a file, in the binary form that registries ask for.
pub(crate) fn sign(file: &Path, signature: &Path, key: &str) -> Result<(), PackageError> {
    let output = Command::new("gpg")
        .args(["--batch", "--yes", "--local-user", key, "--output"])
        .arg(signature)
        .arg("--detach-sign")
        .arg(file)
        .stdin(Stdio::null())
        .output()
        .map_err(PackageError::NoGpg)?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.trim().replace('\n', "; ");
    Err(PackageError::Unsigned { key: key.to_owned(), said })
}
