//! The files of the daemon's own authority: created for their owner alone, replaced as a whole.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

use kontraktor_hardening::file::{self, Rule};
use zeroize::Zeroizing;

use crate::tls::TlsError;

pub(super) fn create_directory(directory: &Path) -> Result<(), TlsError> {
    let created = DirBuilder::new().recursive(true).mode(0o700).create(directory);
    created.map_err(|error| TlsError::not_created(directory, error))
}

/// Writes a file under another name and moves it into its place, so that nobody reads half of it, even after a crash.
pub(super) fn write(path: &Path, content: &[u8]) -> Result<(), TlsError> {
    written(path, content).map_err(|error| TlsError::not_created(path, error))
}

fn written(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let draft = Path::new(&name);
    match fs::remove_file(draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(draft, path)?;
    File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
}

/// Reads the authority's key.
pub(super) fn read_key(path: &Path) -> Result<Zeroizing<String>, TlsError> {
    let text =
        file::read_to_string(path, Rule::PrivateKey).map_err(|error| TlsError::unopened(path, error))?;
    Ok(Zeroizing::new(text))
}
