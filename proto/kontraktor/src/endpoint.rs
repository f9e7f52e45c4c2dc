//! The daemon's address: the `host` setting, and the default socket. It never connects.

use std::{
    env,
    ffi::OsStr,
    fmt, fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use http::Uri;

/// The file name of the daemon's socket inside its runtime directory.
pub const SOCKET_NAME: &str = "kontraktord.sock";

/// The longest path of a socket, in bytes: `sun_path` of unix(7) has 108, and the last one is the terminator.
pub const MAX_SOCKET_PATH_BYTES: usize = 107;

/// The environment variable that sets the host when no setting does.
pub const HOST_VARIABLE: &str = "KONTRAKTOR_HOST";

/// The environment variable that sets the token when no setting does.
pub const TOKEN_VARIABLE: &str = "KONTRAKTOR_TOKEN";

/// The environment variable that sets the timeout when no setting does.
pub const TIMEOUT_VARIABLE: &str = "KONTRAKTOR_TIMEOUT";

/// The environment variable that names another user whose daemon is trusted, by uid.
pub const DAEMON_UID_VARIABLE: &str = "KONTRAKTOR_DAEMON_UID";

/// Parses [`DAEMON_UID_VARIABLE`]. Empty means that it is not set.
///
/// # Errors
/// What is wrong, in a sentence without a full stop.
pub fn parse_daemon_uid(text: &str) -> Result<Option<u32>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let uid = text.parse().map_err(|_| {
        format!(
            "invalid {DAEMON_UID_VARIABLE}: expected the uid of the user who runs the daemon, such as 990"
        )
    })?;
    Ok(Some(uid))
}

/// The daemon's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// A unix socket.
    Unix(PathBuf),
    /// A daemon that listens on TCP with TLS.
    Https(Uri),
}

impl Host {
    /// Parses a `host` setting. Absent or empty means the local daemon's socket, [`default_socket_path`].
    pub fn parse(host: Option<&str>) -> Result<Self, HostError> {
        let Some(host) = host.filter(|host| !host.is_empty()) else {
            return default_socket(default_socket_path());
        };
        if let Some(path) = host.strip_prefix("unix://") {
            return socket(path);
        }
        if host.starts_with("https://") {
            return https(host);
        }
        Err(match host.split_once("://") {
            // Only the scheme is repeated: the rest may contain a password.
            Some((scheme, _)) if scheme.len() <= 16 => HostError::Scheme(scheme.to_owned()),
            _ => HostError::NoScheme,
        })
    }
}

fn socket(path: &str) -> Result<Host, HostError> {
    if !path.starts_with('/') || path.ends_with('/') || path.contains('\0') {
        return Err(HostError::SocketPath);
    }
    if let Some(bytes) = excessive_length(Path::new(path)) {
        return Err(HostError::SocketPathTooLong { bytes });
    }
    Ok(Host::Unix(path.into()))
}

fn default_socket(path: PathBuf) -> Result<Host, HostError> {
    match excessive_length(&path) {
        Some(bytes) => Err(HostError::DefaultSocketPathTooLong { path, bytes }),
        None => Ok(Host::Unix(path)),
    }
}

/// Returns the length of a socket's path in bytes, if the system does not allow it.
pub fn excessive_length(path: &Path) -> Option<usize> {
    Some(path.as_os_str().len()).filter(|bytes| *bytes > MAX_SOCKET_PATH_BYTES)
}

fn https(text: &str) -> Result<Host, HostError> {
    let uri: Uri = text.parse().map_err(|_| HostError::Https)?;
    let authority = uri.authority().ok_or(HostError::Https)?;
    if authority.as_str().contains('@') {
        return Err(HostError::Credentials);
    }
    if authority.host().is_empty() || !matches!(uri.path(), "" | "/") || uri.query().is_some() {
        return Err(HostError::Https);
    }
    Ok(Host::Https(uri))
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Https(uri) => write!(f, "{}", uri.to_string().trim_end_matches('/')),
        }
    }
}

/// An invalid `host` setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// An unsupported scheme.
    #[error("unsupported host scheme {0}://; expected {EXPECTED}")]
    Scheme(String),
    /// No scheme.
    #[error("host has no scheme; expected {EXPECTED}")]
    NoScheme,
    /// Not an absolute path to a file.
    #[error("host must be the absolute path of a socket, such as unix:///run/kontraktor/kontraktord.sock")]
    SocketPath,
    /// Longer than the kernel allows.
    #[error(
        "the socket path in host is {bytes} bytes long; the system allows at most {MAX_SOCKET_PATH_BYTES}. Choose a \
         shorter directory"
    )]
    SocketPathTooLong {
        /// The length found.
        bytes: usize,
    },
    /// The default socket's path, which follows from the environment, is longer than the kernel allows.
    #[error(
        "the default socket path {} is {bytes} bytes long; the system allows at most {MAX_SOCKET_PATH_BYTES}",
        path.display()
    )]
    DefaultSocketPathTooLong {
        /// The path.
        path: PathBuf,
        /// Its length.
        bytes: usize,
    },
    /// An invalid https address.
    #[error("invalid https address in host; expected https://NAME or https://NAME:PORT, without a path")]
    Https,
    /// A user name or password in the address.
    #[error("host must not contain a user name or password. Set oauth_token or {TOKEN_VARIABLE} instead")]
    Credentials,
}

impl HostError {
    /// Returns what to do about an error that no setting caused, as an imperative sentence without capital and full stop. The
    /// other errors say it.
    pub fn remedy(&self) -> Option<String> {
        matches!(self, Self::DefaultSocketPathTooLong { .. }).then(|| {
            format!(
                "start the daemon with `kontraktord --socket PATH` and a shorter path, and set {HOST_VARIABLE} to unix://PATH"
            )
        })
    }
}

const EXPECTED: &str =
    "unix:///path/to/kontraktord.sock or https://NAME[:PORT]. Omit host to use the local daemon's socket";

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

    fn refusal(host: &str) -> String {
        Host::parse(Some(host)).expect_err("an invalid host").to_string()
    }

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
    fn absent_and_empty_mean_the_local_socket() {
        let local = Host::Unix(default_socket_path());
        assert_eq!(Host::parse(None), Ok(local.clone()));
        assert_eq!(Host::parse(Some("")), Ok(local));
    }

    #[test]
    fn hosts_are_shown_as_they_are_written() {
        for host in ["unix:///run/k.sock", "https://config.example.com", "https://[::1]:8743"] {
            assert_eq!(Host::parse(Some(host)).expect("a good host").to_string(), host);
        }
    }

    #[test]
    fn invalid_hosts_are_refused() {
        insta::assert_snapshot!(refusal("http://localhost:80"), @"unsupported host scheme http://; expected unix:///path/to/kontraktord.sock or https://NAME[:PORT]. Omit host to use the local daemon's socket");
        insta::assert_snapshot!(refusal("localhost"), @"host has no scheme; expected unix:///path/to/kontraktord.sock or https://NAME[:PORT]. Omit host to use the local daemon's socket");
        insta::assert_snapshot!(refusal("unix://relative.sock"), @"host must be the absolute path of a socket, such as unix:///run/kontraktor/kontraktord.sock");
        insta::assert_snapshot!(refusal(&format!("unix:///{}", "x".repeat(200))), @"the socket path in host is 201 bytes long; the system allows at most 107. Choose a shorter directory");
        insta::assert_snapshot!(refusal("https://"), @"invalid https address in host; expected https://NAME or https://NAME:PORT, without a path");
        insta::assert_snapshot!(refusal("https://name/path"), @"invalid https address in host; expected https://NAME or https://NAME:PORT, without a path");
        insta::assert_snapshot!(refusal("https://me:hunter2@name"), @"host must not contain a user name or password. Set oauth_token or KONTRAKTOR_TOKEN instead");
        assert!(!refusal("ftp://me:hunter2@name").contains("hunter2"));
    }

    #[test]
    fn a_default_path_that_is_too_long_is_named_with_its_length_and_the_remedy() {
        let fits = PathBuf::from(format!("/{}", "x".repeat(MAX_SOCKET_PATH_BYTES - 1)));
        assert_eq!(default_socket(fits.clone()), Ok(Host::Unix(fits)));
        let runtime = format!("/{}", "x".repeat(100));
        let path = RuntimeDir::from_parts(Some(OsStr::new(&runtime)), Path::new("/tmp"), 1).socket();
        let error = default_socket(path).expect_err("too long");
        insta::assert_snapshot!(error.to_string().replace(&runtime, "/x"), @"the default socket path /x/kontraktor/kontraktord.sock is 129 bytes long; the system allows at most 107");
        insta::assert_snapshot!(error.remedy().expect("a remedy"), @"start the daemon with `kontraktord --socket PATH` and a shorter path, and set KONTRAKTOR_HOST to unix://PATH");
    }

    #[test]
    fn the_uid_of_a_daemon_is_a_number() {
        assert_eq!(parse_daemon_uid(""), Ok(None));
        assert_eq!(parse_daemon_uid("990"), Ok(Some(990)));
        for wrong in ["-1", "root", "4294967296", " 1"] {
            assert!(parse_daemon_uid(wrong).is_err(), "{wrong}");
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
