//! The files of the keys that sign: PKCS #8 in DER, mode 0600, each named by its time and its id (`1800000000-0123….p8`).

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use kontraktor_hardening::file::{OpenError, Rule, Untrusted, check_entry, open};
use zeroize::Zeroizing;

/// What ends the name of a key's file, and of one that is being written.
const EXTENSION: &str = "p8";
const UNFINISHED: &str = "new";

/// The largest file that can be a key, in bytes.
const MAX_BYTES: usize = 4096;

/// Why the files of keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The system refuses.
    #[error("cannot {what} {}: {error}", path.display())]
    Io {
        /// What was to be done with it.
        what: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The system's message.
        error: io::Error,
    },
    /// Others may have written it.
    #[error("{} {problem}", path.display())]
    Untrusted {
        /// The file or directory.
        path: PathBuf,
        /// Why, with the remedy.
        problem: Untrusted,
    },
    /// Others can read it.
    #[error("{} has mode {mode:04o}, which lets other users read a private key. Delete it, and start `kontraktord` again", path.display())]
    Readable {
        /// The file or directory.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It is not a key.
    #[error("{} is not a private key of this daemon. Restore it from a backup, or delete it", path.display())]
    NotAKey {
        /// The file.
        path: PathBuf,
    },
}

/// What a file contains.
pub(super) struct KeyFile {
    /// When the key was made, in seconds since 1970.
    pub(super) created: i64,
    pub(super) id: String,
    pub(super) pkcs8: Zeroizing<Vec<u8>>,
}

impl KeyFile {
    pub(super) fn not_a_key(&self, dir: &Path) -> KeyFileError {
        KeyFileError::NotAKey { path: path(dir, self.created, &self.id) }
    }
}

/// Makes the directory with mode 0700, or checks that nobody else can change what is in it.
pub(super) fn create_dir(dir: &Path) -> Result<(), KeyFileError> {
    match fs::DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(io("create", dir)(error)),
        _ => {}
    }
    let metadata = fs::symlink_metadata(dir).map_err(io("read", dir))?;
    check_entry(&metadata).map_err(|problem| KeyFileError::Untrusted { path: dir.to_owned(), problem })
}

/// Reads all keys. Files that were being written when the daemon ended are deleted.
pub(super) fn read_all(dir: &Path) -> Result<Vec<KeyFile>, KeyFileError> {
    let mut keys = Vec::new();
    for entry in fs::read_dir(dir).map_err(io("read", dir))? {
        let path = entry.map_err(io("read", dir))?.path();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some(EXTENSION) => keys.push(read(&path)?),
            Some(UNFINISHED) => fs::remove_file(&path).map_err(io("delete", &path))?,
            _ => tracing::warn!(path = %path.display(), "an unknown file among the keys is ignored"),
        }
    }
    Ok(keys)
}

fn read(path: &Path) -> Result<KeyFile, KeyFileError> {
    let file = open(path, Rule::Data).map_err(|error| match error {
        OpenError::Io(error) => io("read", path)(error),
        OpenError::Untrusted(problem) => KeyFileError::Untrusted { path: path.to_owned(), problem },
    })?;
    let mode = file.metadata().map_err(io("read", path))?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyFileError::Readable { path: path.to_owned(), mode });
    }
    // Allocated with its final size: a vector that grows leaves copies behind that are not wiped.
    let mut pkcs8 = Zeroizing::new(Vec::with_capacity(MAX_BYTES));
    file.take(MAX_BYTES as u64).read_to_end(&mut pkcs8).map_err(io("read", path))?;
    let name = path.file_stem().and_then(|name| name.to_str()).and_then(|name| name.split_once('-'));
    let (created, id) = name.ok_or_else(|| KeyFileError::NotAKey { path: path.to_owned() })?;
    let created = created.parse().map_err(|_| KeyFileError::NotAKey { path: path.to_owned() })?;
    Ok(KeyFile { created, id: id.to_owned(), pkcs8 })
}

/// Writes a key so that it is on disk, or not there at all.
pub(super) fn write(dir: &Path, key: &KeyFile) -> Result<(), KeyFileError> {
    let path = path(dir, key.created, &key.id);
    let unfinished = path.with_extension(UNFINISHED);
    let written = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
        file.write_all(&key.pkcs8)?;
        file.sync_all()?;
        fs::rename(&unfinished, &path)?;
        File::open(dir)?.sync_all()
    };
    written().map_err(io("write", &path))
}

/// Deletes a key.
pub(super) fn delete(dir: &Path, created: i64, id: &str) -> Result<(), KeyFileError> {
    let path = path(dir, created, id);
    fs::remove_file(&path).map_err(io("delete", &path))
}

fn path(dir: &Path, created: i64, id: &str) -> PathBuf {
    dir.join(format!("{created}-{id}.{EXTENSION}"))
}

fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> KeyFileError {
    let path = path.to_owned();
    move |error| KeyFileError::Io { what, path, error }
}
