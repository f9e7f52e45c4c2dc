//! The detached signature, made by gpg, which handles keys, agents and smartcards.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::PackageError;

/// Signs a file, in the binary format that registries require.
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
    let message = String::from_utf8_lossy(&output.stderr);
    let message = message.trim().replace('\n', "; ");
    Err(PackageError::Unsigned { key: key.to_owned(), message })
}
