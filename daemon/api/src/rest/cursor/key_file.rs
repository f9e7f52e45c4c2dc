//! The key of cursors in the data directory: a list that a client is in the middle of continues after a restart.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use kontraktor_hardening::file::{OpenError, Rule, read};

const NAME: &str = "cursor.key";
const UNFINISHED: &str = "cursor.key.new";

/// Returns the key of the data directory, which is `fresh` from now on where the key is missing. Where it can neither be read nor
/// written, cursors end with the process: that is no reason not to serve.
pub(super) fn key(data_dir: &Path, fresh: [u8; 32]) -> [u8; 32] {
    let path = data_dir.join(NAME);
    match read(&path, Rule::Data) {
        Ok(content) => {
            if let Ok(key) = <[u8; 32]>::try_from(content.as_slice()) {
                return key;
            }
            tracing::warn!(path = %path.display(), "the key of cursors is not 32 bytes long, and is replaced");
        }
        Err(OpenError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "cannot read the key of cursors; they end with this process");
            return fresh;
        }
    }
    if let Err(error) = write(data_dir, &fresh) {
        tracing::warn!(path = %path.display(), %error, "cannot write the key of cursors; they end with this process");
    }
    fresh
}

/// Writes the key whole or not at all.
fn write(data_dir: &Path, key: &[u8; 32]) -> io::Result<()> {
    let unfinished = data_dir.join(UNFINISHED);
    // What an interrupted start left.
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    file.write_all(key)?;
    file.sync_all()?;
    fs::rename(&unfinished, data_dir.join(NAME))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn the_first_key_stays_and_only_its_user_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(key(dir.path(), [1; 32]), [1; 32]);
        assert_eq!(key(dir.path(), [2; 32]), [1; 32]);
        let mode = fs::metadata(dir.path().join(NAME)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_key_that_is_no_key_or_not_ours_is_not_used() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(NAME), "short").unwrap();
        fs::write(dir.path().join(UNFINISHED), "of an interrupted start").unwrap();
        assert_eq!(key(dir.path(), [1; 32]), [1; 32]);
        assert_eq!(key(dir.path(), [2; 32]), [1; 32]);
        let other = tempfile::tempdir().unwrap();
        symlink(dir.path().join(NAME), other.path().join(NAME)).unwrap();
        assert_eq!(key(other.path(), [3; 32]), [3; 32]);
        assert_eq!(key(Path::new("/nonexistent"), [4; 32]), [4; 32]);
    }
}
