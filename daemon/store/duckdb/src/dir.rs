//! The data directory: its access rights, and the lock that keeps a second daemon out. It knows nothing of the database's
//! content.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use kontraktor_hardening::file::{self, OpenError, Rule};

use super::StoreError;

/// The database, in the data directory.
pub const DATABASE_FILE: &str = "kontraktor.duckdb";

/// The file that a daemon locks while it uses the directory. It contains the daemon's process id.
pub const LOCK_FILE: &str = "kontraktord.lock";

/// What the names of all files in the data directory begin with, DuckDB's own included.
const PREFIX: &str = "kontraktor";

/// Any access by users other than the owner.
const OTHERS: u32 = 0o077;

/// A data directory that this process has locked, until the value is dropped.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    lock: Option<File>,
}

/// The daemon that has locked a directory, as its lock file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its process id.
    pub pid: u32,
    /// The socket that it listens on, if it has noted one.
    pub socket: Option<PathBuf>,
}

impl DataDir {
    /// Creates the directory if it does not exist (mode 0700) and locks it for this process.
    ///
    /// If other users can enter it, it gets the mode 0700, provided that it is empty or contains a database of Kontraktor;
    /// otherwise it has another purpose, and is refused. So is one with files that others may have put there meanwhile.
    pub fn lock(path: &Path) -> Result<Self, StoreError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(io_error("cannot create", path))?;
        let path = fs::canonicalize(path).map_err(io_error("cannot use", path))?;
        restrict_access(&path)?;
        check_files(&path)?;
        let file = path.join(LOCK_FILE);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut lock =
            file::open_with(&mut options, &file, Rule::Data).map_err(open_error("cannot open", &file))?;
        locked(lock.try_lock(), &path, &file)?;
        let describe = |lock: &mut File| -> io::Result<()> {
            lock.set_len(0)?;
            lock.seek(SeekFrom::Start(0))?;
            writeln!(lock, "{}", std::process::id())
        };
        // On a full disk the lock holds; only the process id is missing from the error of the next daemon.
        if let Err(error) = describe(&mut lock) {
            tracing::warn!(%error, "cannot write the lock file");
        }
        Ok(Self { path, lock: Some(lock) })
    }

    /// Locks a directory for reading: for several processes, but not beside a daemon. Writes nothing.
    pub fn lock_for_reading(path: &Path) -> Result<Self, StoreError> {
        let missing = |_| StoreError::Missing { path: path.join(DATABASE_FILE) };
        let path = fs::canonicalize(path).map_err(missing)?;
        let metadata = fs::metadata(&path).map_err(io_error("cannot use", &path))?;
        file::check_entry(&metadata).map_err(|untrusted| refused(&path, format!("it {untrusted}")))?;
        check_files(&path)?;
        let file = path.join(LOCK_FILE);
        let lock = match file::open(&file, Rule::Data) {
            Ok(lock) => {
                locked(lock.try_lock_shared(), &path, &file)?;
                Some(lock)
            }
            // No daemon ever ran here, as in a copy of a database.
            Err(OpenError::Io(error)) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(open_error("cannot open", &file)(error)),
        };
        Ok(Self { path, lock })
    }

    /// Notes the socket that this daemon listens on, for commands that need to call it.
    pub fn note_socket(&self, socket: &Path) -> Result<(), StoreError> {
        let file = self.path.join(LOCK_FILE);
        let Some(mut lock) = self.lock.as_ref() else { return Ok(()) };
        lock.seek(SeekFrom::End(0))
            .and_then(|_| writeln!(lock, "{}", socket.display()))
            .map_err(io_error("cannot write", &file))
    }

    /// Returns the daemon that has locked the directory at `path`. None: no daemon has, or it could not write its lock file.
    pub fn holder(path: &Path) -> Option<Holder> {
        let mut text = String::new();
        // No daemon writes more than this.
        file::open(&path.join(LOCK_FILE), Rule::Data).ok()?.take(8192).read_to_string(&mut text).ok()?;
        let mut lines = text.lines();
        let pid: u32 = lines.next()?.parse().ok()?;
        // A killed daemon leaves its process id behind. EPERM would mean that it runs as another user.
        let target = nix::unistd::Pid::from_raw(i32::try_from(pid).ok()?);
        if nix::sys::signal::kill(target, None) == Err(nix::errno::Errno::ESRCH) {
            return None;
        }
        Some(Holder { pid, socket: lines.next().map(PathBuf::from) })
    }

    /// Returns the directory, without symbolic links.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the path of the database.
    pub fn database(&self) -> PathBuf {
        self.path.join(DATABASE_FILE)
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        // This fails for a lock for reading, which must not be written to.
        if let Some(lock) = &self.lock {
            let _ = lock.set_len(0);
        }
    }
}

fn locked(locked: Result<(), TryLockError>, dir: &Path, file: &Path) -> Result<(), StoreError> {
    match locked {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked {
            dir: dir.to_owned(),
            pid: DataDir::holder(dir).map(|holder| holder.pid),
        }),
        Err(TryLockError::Error(error)) => Err(io_error("cannot lock", file)(error)),
    }
}

fn restrict_access(path: &Path) -> Result<(), StoreError> {
    let refused = |reason: String| refused(path, reason);
    let metadata = fs::metadata(path).map_err(io_error("cannot use", path))?;
    if !metadata.is_dir() {
        return Err(refused("it is not a directory".to_owned()));
    }
    let me = nix::unistd::geteuid();
    if metadata.uid() != me.as_raw() {
        return Err(refused(format!(
            "it belongs to uid {}, and this process runs as uid {me}",
            metadata.uid()
        )));
    }
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & OTHERS == 0 {
        return Ok(());
    }
    let is_empty = fs::read_dir(path).map_err(io_error("cannot read", path))?.next().is_none();
    if !is_empty && !path.join(DATABASE_FILE).exists() {
        return Err(refused(format!(
            "other users can enter it (mode {mode:04o}), and it contains other files; choose an empty directory, or \
             run `chmod 700` on this one"
        )));
    }
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
        .map_err(io_error("cannot restrict access to", path))
}

/// Refuses files that others may have put here while they could enter the directory. From now on only this user can.
fn check_files(path: &Path) -> Result<(), StoreError> {
    for entry in fs::read_dir(path).map_err(io_error("cannot read", path))? {
        let entry = entry.map_err(io_error("cannot read", path))?;
        let name = entry.file_name();
        if !name.as_encoded_bytes().starts_with(PREFIX.as_bytes()) {
            continue;
        }
        match entry.metadata() {
            Ok(metadata) => file::check_entry(&metadata)
                .map_err(|untrusted| refused(path, format!("{} {untrusted}", name.display())))?,
            // A daemon that is stopping has removed it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(io_error("cannot inspect", &entry.path())(error)),
        }
    }
    Ok(())
}

fn refused(dir: &Path, reason: String) -> StoreError {
    StoreError::Directory { dir: dir.to_owned(), reason }
}

pub(super) fn open_error<'a>(what: &'static str, path: &'a Path) -> impl Fn(OpenError) -> StoreError + 'a {
    move |error| match error {
        OpenError::Io(source) => StoreError::Io { what, path: path.to_owned(), source },
        OpenError::Untrusted(untrusted) => {
            let name = path.file_name().unwrap_or_default().display();
            refused(path.parent().unwrap_or(path), format!("{name} {untrusted}"))
        }
    }
}

pub(super) fn io_error<'a>(what: &'static str, path: &'a Path) -> impl Fn(io::Error) -> StoreError + 'a {
    move |source| StoreError::Io { what, path: path.to_owned(), source }
}
