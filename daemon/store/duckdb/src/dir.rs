//! The data directory: who may use it, and that only one daemon does. It refuses to know what is in the database.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use super::StoreError;

/// The database, in the data directory.
pub const DATABASE_FILE: &str = "kontraktor.duckdb";

/// Accesses to secrets on their way into the database, in the data directory.
pub const JOURNAL_FILE: &str = "kontraktor.journal";

/// The file that is locked as long as a daemon uses the directory. It names the daemon's process.
pub const LOCK_FILE: &str = "kontraktord.lock";

/// Any access by others than the owner.
const OTHERS: u32 = 0o077;

/// A data directory that this process has locked. The lock goes with the value, and with the process.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    lock: Option<File>,
}

/// The daemon that has locked a directory, as it described itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its process.
    pub pid: u32,
    /// The socket that it listens on, if it said so.
    pub socket: Option<PathBuf>,
}

impl DataDir {
    /// Makes the directory where it does not exist (mode 0700) and locks it for this process alone.
    ///
    /// A directory that others may enter is closed to them if it is empty or holds our database already; otherwise it
    /// serves something else too, and is refused.
    pub fn lock(path: &Path) -> Result<Self, StoreError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(io_error("cannot create", path))?;
        let path = fs::canonicalize(path).map_err(io_error("cannot use", path))?;
        close_to_others(&path)?;
        let file = path.join(LOCK_FILE);
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&file)
            .map_err(io_error("cannot open", &file))?;
        take(lock.try_lock(), &path, &file)?;
        let describe = |lock: &mut File| -> io::Result<()> {
            lock.set_len(0)?;
            lock.seek(SeekFrom::Start(0))?;
            writeln!(lock, "{}", std::process::id())
        };
        // On a full disk the lock holds all the same; only the name is missing from the message to the next one.
        if let Err(error) = describe(&mut lock) {
            tracing::warn!(%error, "the lock file could not be written");
        }
        Ok(Self { path, lock: Some(lock) })
    }

    /// Locks a directory for reading: several processes may do so, and no daemon at the same time. Writes nothing.
    pub fn lock_for_reading(path: &Path) -> Result<Self, StoreError> {
        let missing = |_| StoreError::Missing { path: path.join(DATABASE_FILE) };
        let path = fs::canonicalize(path).map_err(missing)?;
        let file = path.join(LOCK_FILE);
        let lock = match File::open(&file) {
            Ok(lock) => {
                take(lock.try_lock_shared(), &path, &file)?;
                Some(lock)
            }
            // No daemon ever ran here: a copy of a database, for example.
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(io_error("cannot open", &file)(error)),
        };
        Ok(Self { path, lock })
    }

    /// Notes the socket that this daemon listens on, for commands that want to ask it.
    pub fn note_socket(&self, socket: &Path) -> Result<(), StoreError> {
        let file = self.path.join(LOCK_FILE);
        let Some(mut lock) = self.lock.as_ref() else { return Ok(()) };
        lock.seek(SeekFrom::End(0))
            .and_then(|_| writeln!(lock, "{}", socket.display()))
            .map_err(io_error("cannot write", &file))
    }

    /// The daemon that has locked the directory at `path`. None: no daemon has, or it could not write that down.
    pub fn holder(path: &Path) -> Option<Holder> {
        let mut text = String::new();
        // More than this no daemon writes.
        File::open(path.join(LOCK_FILE)).ok()?.take(8192).read_to_string(&mut text).ok()?;
        let mut lines = text.lines();
        let pid: u32 = lines.next()?.parse().ok()?;
        // One that was killed leaves its number behind. EPERM would mean that it runs, as somebody else.
        let target = nix::unistd::Pid::from_raw(i32::try_from(pid).ok()?);
        if nix::sys::signal::kill(target, None) == Err(nix::errno::Errno::ESRCH) {
            return None;
        }
        Some(Holder { pid, socket: lines.next().map(PathBuf::from) })
    }

    /// The directory, without symbolic links.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The database file in it.
    pub fn database(&self) -> PathBuf {
        self.path.join(DATABASE_FILE)
    }

    /// The file beside it with accesses that are on their way into it.
    pub fn journal(&self) -> PathBuf {
        self.path.join(JOURNAL_FILE)
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        // A lock for reading can't be written to, and must not be: this fails for it, as it should.
        if let Some(lock) = &self.lock {
            let _ = lock.set_len(0);
        }
    }
}

fn take(locked: Result<(), TryLockError>, dir: &Path, file: &Path) -> Result<(), StoreError> {
    match locked {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked {
            dir: dir.to_owned(),
            pid: DataDir::holder(dir).map(|holder| holder.pid),
        }),
        Err(TryLockError::Error(error)) => Err(io_error("cannot lock", file)(error)),
    }
}

fn close_to_others(path: &Path) -> Result<(), StoreError> {
    let refused = |reason: String| StoreError::Directory { dir: path.to_owned(), reason };
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
            "others may enter it (mode {mode:04o}) and it holds other files: name a directory of its own, or \
             `chmod 700` this one"
        )));
    }
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
        .map_err(io_error("cannot close to others", path))
}

pub(super) fn io_error<'a>(what: &'static str, path: &'a Path) -> impl Fn(io::Error) -> StoreError + 'a {
    move |source| StoreError::Io { what, path: path.to_owned(), source }
}
