//! The directory of the local daemon's socket, and whether it can be trusted.

use std::{
    env,
    ffi::OsStr,
    fmt, fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use super::SOCKET_NAME;

/// Returns the socket of this user's daemon: `$XDG_RUNTIME_DIR/kontraktor/kontraktord.sock`, or without `XDG_RUNTIME_DIR`
/// `<temporary directory>/kontraktor-<uid>/kontraktord.sock`.
pub fn default_socket_path() -> PathBuf {
    RuntimeDir::of_this_user().socket()
}

/// The directory that holds the daemon's socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeDir(PathBuf);

impl RuntimeDir {
    /// Returns the directory for this process' user and environment.
    pub fn of_this_user() -> Self {
        let uid = nix::unistd::geteuid().as_raw();
        Self::from_parts(env::var_os("XDG_RUNTIME_DIR").as_deref(), &env::temp_dir(), uid)
    }

    /// Returns the directory for the given environment. A relative `XDG_RUNTIME_DIR` is ignored, as the XDG base
    /// directory specification demands.
    pub fn from_parts(xdg_runtime_dir: Option<&OsStr>, temp_dir: &Path, uid: u32) -> Self {
        match xdg_runtime_dir.map(Path::new).filter(|path| path.is_absolute()) {
            Some(path) => Self(path.join("kontraktor")),
            None => Self(temp_dir.join(format!("kontraktor-{uid}"))),
        }
    }

    /// Returns the directory's path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Returns the path of the socket inside.
    pub fn socket(&self) -> PathBuf {
        self.0.join(SOCKET_NAME)
    }

    /// Checks that nobody else can have put a socket there, see [`check_private`].
    pub fn check(&self) -> Result<(), NotPrivate> {
        check_private(&self.0, nix::unistd::geteuid().as_raw())
    }
}

/// Returns the fallback directory, when `socket` lies in it. Everyone can create names in the directory for temporary
/// files, so a socket found there is trusted only after [`RuntimeDir::check`].
pub(crate) fn fallback_dir_of(socket: &Path) -> Option<RuntimeDir> {
    let fallback = RuntimeDir::from_parts(None, &env::temp_dir(), nix::unistd::geteuid().as_raw());
    (socket.parent() == Some(fallback.path())).then_some(fallback)
}

/// Checks that `path` is a directory and not a link to one, that `uid` owns it, and that its mode is 0700.
pub fn check_private(path: &Path, uid: u32) -> Result<(), NotPrivate> {
    let fail = |reason| Err(NotPrivate { path: path.to_owned(), reason });
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) => return fail(NotPrivateReason::Unreadable(error.kind())),
    };
    if !metadata.is_dir() {
        return fail(NotPrivateReason::NotADirectory);
    }
    if metadata.uid() != uid {
        return fail(NotPrivateReason::Owner(metadata.uid()));
    }
    match metadata.mode() & 0o7777 {
        0o700 => Ok(()),
        mode => fail(NotPrivateReason::Mode(mode)),
    }
}

/// A directory that others may have created or can write to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the directory {} {reason}", path.display())]
pub struct NotPrivate {
    path: PathBuf,
    reason: NotPrivateReason,
}

impl NotPrivate {
    /// Returns whether the directory does not exist.
    pub fn is_missing(&self) -> bool {
        self.reason == NotPrivateReason::Unreadable(io::ErrorKind::NotFound)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum NotPrivateReason {
    Unreadable(io::ErrorKind),
    NotADirectory,
    Owner(u32),
    Mode(u32),
}

impl fmt::Display for NotPrivateReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(kind) => write!(f, "cannot be read: {kind}"),
            Self::NotADirectory => f.write_str("is not a directory"),
            Self::Owner(uid) => write!(f, "is owned by the user with uid {uid}"),
            Self::Mode(mode) => write!(f, "has mode {mode:04o}; expected 0700"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn the_runtime_directory_follows_the_environment() {
        let of = |xdg: Option<&str>| {
            RuntimeDir::from_parts(xdg.map(OsStr::new), Path::new("/tmp"), 1000)
                .socket()
                .display()
                .to_string()
        };
        assert_eq!(of(Some("/run/user/1000")), "/run/user/1000/kontraktor/kontraktord.sock");
        for ignored in [None, Some(""), Some("run/user")] {
            assert_eq!(of(ignored), "/tmp/kontraktor-1000/kontraktord.sock");
        }
    }

    #[test]
    fn only_a_private_directory_is_trusted() {
        let temp = tempfile::tempdir().expect("a temporary directory");
        let uid = nix::unistd::geteuid().as_raw();
        let dir = temp.path().join("d");

        assert!(check_private(&dir, uid).expect_err("missing").is_missing());
        fs::create_dir(&dir).expect("created");
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).expect("mode set");
        assert!(check_private(&dir, uid).expect_err("open to others").to_string().contains("0755"));
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o700)).expect("mode set");
        assert_eq!(check_private(&dir, uid), Ok(()));
        assert!(
            check_private(&dir, uid + 1).expect_err("of another user").to_string().contains("is owned by")
        );
        let link = temp.path().join("link");
        symlink(&dir, &link).expect("linked");
        assert!(check_private(&link, uid).expect_err("a link").to_string().contains("not a directory"));
    }
}
