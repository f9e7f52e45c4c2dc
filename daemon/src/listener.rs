//! The unix socket: created so that only its owner can reach it, never taken from a running daemon, removed at the end.
//!
//! It knows nothing of gRPC; it returns a bound listener.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io,
    os::unix::{
        fs::{
            DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
        },
        net::UnixStream,
    },
    path::{Path, PathBuf},
};

use kontraktor_hardening::file::{self, OpenError, Rule};
use nix::unistd::geteuid;
use tokio::net::UnixListener;

/// Why the socket could not be created.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another process is listening on it.
    #[error("another daemon is listening on {}", .0.display())]
    InUse(PathBuf),
    /// Other users can reach the directory of the socket, or own it.
    #[error("the socket's directory {} {problem}", directory.display())]
    Directory {
        /// The directory.
        directory: PathBuf,
        /// What is wrong with it, with the remedy.
        problem: String,
    },
    /// The path is taken by something else than a stale socket of ours.
    #[error("{} {problem}", path.display())]
    Occupied {
        /// The path of the socket.
        path: PathBuf,
        /// What is there, with the remedy.
        problem: String,
    },
    /// The system refused.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

/// A bound socket. Dropping it removes the file, if it is still the one that was created.
#[derive(Debug)]
pub struct Bound {
    path: PathBuf,
    identity: (u64, u64),
    // Held as long as the socket is ours, so that two daemons that start at once do not both consider it stale.
    _lock: File,
}

impl Bound {
    /// Creates the socket at `path`. Needs a running tokio runtime.
    ///
    /// Its directory is created with mode 0700 where it does not exist; an existing one must be a directory of ours that
    /// nobody else can enter. A socket that nobody listens on is replaced.
    pub fn bind(path: &Path) -> Result<(Self, UnixListener), ListenError> {
        let directory = path.parent().unwrap_or(Path::new("/"));
        private_directory(directory)?;
        let lock = lock_beside(path)?;
        remove_stale(path)?;
        let listener =
            UnixListener::bind(path).map_err(|source| io_error("bind the socket", path, source))?;
        fs::set_permissions(path, Permissions::from_mode(0o600))
            .map_err(|source| io_error("set the mode of", path, source))?;
        let metadata =
            fs::symlink_metadata(path).map_err(|source| io_error("inspect the socket", path, source))?;
        let bound = Self { path: path.to_owned(), identity: (metadata.dev(), metadata.ino()), _lock: lock };
        Ok((bound, listener))
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        let ours = fs::symlink_metadata(&self.path).is_ok_and(|now| (now.dev(), now.ino()) == self.identity);
        if ours && let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "cannot remove the socket");
        }
    }
}

fn io_error(what: &'static str, path: &Path, source: io::Error) -> ListenError {
    ListenError::Io { what, path: path.to_owned(), source }
}

/// Creates the directory, or checks that only we can reach and change what is in it.
fn private_directory(directory: &Path) -> Result<(), ListenError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.map_err(|source| io_error("create the socket's directory", directory, source))?;
    let metadata = fs::symlink_metadata(directory)
        .map_err(|source| io_error("inspect the socket's directory", directory, source))?;
    let problem = if metadata.is_symlink() {
        Some("is a symbolic link; use the directory itself".to_owned())
    } else if metadata.uid() != geteuid().as_raw() {
        Some(format!(
            "is owned by uid {}, not by uid {} that the daemon runs as; use a directory of your own",
            metadata.uid(),
            geteuid()
        ))
    } else if metadata.mode() & 0o077 != 0 {
        Some(format!(
            "has mode {:04o}, which lets other users in; use a directory of its own and `chmod 700` it",
            metadata.mode() & 0o7777
        ))
    } else {
        None
    };
    match problem {
        Some(problem) => Err(ListenError::Directory { directory: directory.to_owned(), problem }),
        None => Ok(()),
    }
}

fn lock_beside(path: &Path) -> Result<File, ListenError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let lock_path = PathBuf::from(name);
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true).mode(0o600);
    let file = file::open_with(&mut options, &lock_path, Rule::Data).map_err(|error| match error {
        OpenError::Io(source) => io_error("open the socket's lock", &lock_path, source),
        OpenError::Untrusted(untrusted) => {
            ListenError::Occupied { path: lock_path.clone(), problem: untrusted.to_string() }
        }
    })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(ListenError::InUse(path.to_owned())),
        Err(TryLockError::Error(source)) => Err(io_error("lock", &lock_path, source)),
    }
}

fn remove_stale(path: &Path) -> Result<(), ListenError> {
    let occupied =
        |problem: &str| ListenError::Occupied { path: path.to_owned(), problem: problem.to_owned() };
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(io_error("inspect the socket", path, source)),
    };
    if metadata.is_symlink() {
        return Err(occupied("is a symbolic link; remove it or use another socket"));
    }
    if !metadata.file_type().is_socket() {
        return Err(occupied("exists and is not a socket; remove it or use another socket"));
    }
    if metadata.uid() != geteuid().as_raw() {
        return Err(occupied("is owned by another user; use another socket"));
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(ListenError::InUse(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(|source| io_error("remove the stale socket", path, source))
        }
        Err(source) => Err(io_error("find out who is listening on", path, source)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn private_temp() -> tempfile::TempDir {
        tempfile::Builder::new().permissions(Permissions::from_mode(0o700)).tempdir().unwrap()
    }

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().mode() & 0o777
    }

    #[tokio::test]
    async fn socket_and_directory_are_private_and_the_socket_goes_in_the_end() {
        let temp = private_temp();
        let path = temp.path().join("made/k.sock");
        let (bound, _listener) = Bound::bind(&path).unwrap();
        assert_eq!((mode(path.parent().unwrap()), mode(&path)), (0o700, 0o600));
        drop(bound);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_socket_in_use_is_not_taken_and_a_stale_one_is() {
        let temp = private_temp();
        let path = temp.path().join("k.sock");
        let (bound, listener) = Bound::bind(&path).unwrap();
        assert!(matches!(Bound::bind(&path), Err(ListenError::InUse(_))));
        // As after kill -9: the file stays, nobody listens, the lock is gone with the process.
        drop(listener);
        let stale = path.with_extension("old");
        fs::rename(&path, &stale).unwrap();
        drop(bound);
        fs::rename(&stale, &path).unwrap();
        assert!(Bound::bind(&path).is_ok());
    }

    #[tokio::test]
    async fn a_socket_of_a_server_without_our_lock_is_not_taken() {
        let temp = private_temp();
        let path = temp.path().join("k.sock");
        let _other = UnixListener::bind(&path).unwrap();
        assert!(matches!(Bound::bind(&path), Err(ListenError::InUse(_))));
        assert!(path.exists());
    }

    #[tokio::test]
    async fn what_is_no_socket_of_ours_is_left_alone() {
        let temp = private_temp();
        let file = temp.path().join("file");
        fs::write(&file, "precious").unwrap();
        let link = temp.path().join("link");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        for path in [&file, &link] {
            assert!(matches!(Bound::bind(path), Err(ListenError::Occupied { .. })), "{}", path.display());
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
    }

    #[tokio::test]
    async fn a_lock_that_someone_planted_is_not_opened() {
        let temp = private_temp();
        let (path, file) = (temp.path().join("k.sock"), temp.path().join("file"));
        fs::write(&file, "precious").unwrap();
        std::os::unix::fs::symlink(&file, temp.path().join("k.sock.lock")).unwrap();
        let error = Bound::bind(&path).unwrap_err().to_string();
        insta::assert_snapshot!(error.replace(&temp.path().display().to_string(), "DIR"),
            @"DIR/k.sock.lock is a symbolic link. Remove it, or replace it with the file itself");
        assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn directories_that_others_can_enter_are_refused() {
        let temp = private_temp();
        let open = temp.path().join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, Permissions::from_mode(0o755)).unwrap();
        let error = Bound::bind(&open.join("k.sock")).unwrap_err().to_string();
        insta::assert_snapshot!(error.replace(&open.display().to_string(), "/open"),
            @"the socket's directory /open has mode 0755, which lets other users in; use a directory of its own and `chmod 700` it");
        let link = temp.path().join("link");
        std::os::unix::fs::symlink(temp.path(), &link).unwrap();
        let error = Bound::bind(&link.join("k.sock")).unwrap_err().to_string();
        assert!(error.contains("is a symbolic link"), "{error}");
    }

    #[tokio::test]
    async fn a_socket_that_another_made_since_is_not_removed() {
        let temp = private_temp();
        let path = temp.path().join("k.sock");
        let (bound, _listener) = Bound::bind(&path).unwrap();
        let next = temp.path().join("next.sock");
        let _other = UnixListener::bind(&next).unwrap();
        fs::rename(&next, &path).unwrap();
        drop(bound);
        assert!(path.exists());
    }
}
