//! Where the daemon is: the `host` setting, and the socket that is meant when nothing is set.
//! It knows addresses; it never connects.

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

/// A socket's path, in bytes: `sun_path` of unix(7) has 108, and the last one ends the text.
pub const MAX_SOCKET_PATH_BYTES: usize = 107;

/// The environment variable that names the host where no setting does.
pub const HOST_VARIABLE: &str = "KONTRAKTOR_HOST";

/// The environment variable that holds the token where no setting does.
pub const TOKEN_VARIABLE: &str = "KONTRAKTOR_TOKEN";

/// The environment variable that sets the timeout where no setting does.
pub const TIMEOUT_VARIABLE: &str = "KONTRAKTOR_TIMEOUT";

/// The daemon's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// A unix socket.
    Unix(PathBuf),
    /// A daemon that listens on TCP with TLS.
    Https(Uri),
}

impl Host {
    /// Reads a `host` setting. Absent or empty means the local daemon's socket, [`default_socket_path`].
    pub fn parse(host: Option<&str>) -> Result<Self, HostError> {
        let Some(host) = host.filter(|host| !host.is_empty()) else {
            return Ok(Self::Unix(default_socket_path()));
        };
        if let Some(path) = host.strip_prefix("unix://") {
            return socket(path);
        }
        if host.starts_with("https://") {
            return https(host);
        }
        Err(match host.split_once("://") {
            // Nothing but the scheme is repeated: the rest may hold a password.
            Some((scheme, _)) if scheme.len() <= 16 => HostError::Scheme(scheme.to_owned()),
            _ => HostError::NoScheme,
        })
    }
}

fn socket(path: &str) -> Result<Host, HostError> {
    if !path.starts_with('/') || path.ends_with('/') || path.contains('\0') {
        return Err(HostError::SocketPath);
    }
    if path.len() > MAX_SOCKET_PATH_BYTES {
        return Err(HostError::SocketPathTooLong { bytes: path.len() });
    }
    Ok(Host::Unix(path.into()))
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

/// A `host` setting that names no daemon.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// A scheme that is not known.
    #[error("host cannot begin with {0}://: {ACCEPTED}")]
    Scheme(String),
    /// No scheme at all.
    #[error("host has no scheme: {ACCEPTED}")]
    NoScheme,
    /// Not an absolute path to a file.
    #[error("host must name the socket by its absolute path, as in unix:///run/kontraktor/kontraktord.sock")]
    SocketPath,
    /// Longer than the kernel allows.
    #[error(
        "host names a socket whose path is {bytes} bytes long: at most {MAX_SOCKET_PATH_BYTES} are allowed by the \
         system, choose a shorter directory"
    )]
    SocketPathTooLong {
        /// The length found.
        bytes: usize,
    },
    /// Not a usable https address.
    #[error("host is not a usable https address: write https://NAME or https://NAME:PORT, without a path")]
    Https,
    /// A user name or password in the address.
    #[error("host must not hold a user name or password: set oauth_token or {TOKEN_VARIABLE} instead")]
    Credentials,
}

const ACCEPTED: &str = "write unix:///path/to/kontraktord.sock or https://NAME[:PORT], or leave it out for the local \
                        daemon's socket";

/// The socket of this user's daemon: `$XDG_RUNTIME_DIR/kontraktor/kontraktord.sock`, or without `XDG_RUNTIME_DIR`
/// `<temporary directory>/kontraktor-<uid>/kontraktord.sock`.
pub fn default_socket_path() -> PathBuf {
    RuntimeDir::of_this_user().socket()
}

/// The directory that holds the daemon's socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeDir(PathBuf);

impl RuntimeDir {
    /// The directory for the user and the environment of this process.
    pub fn of_this_user() -> Self {
        let uid = nix::unistd::geteuid().as_raw();
        Self::from_parts(env::var_os("XDG_RUNTIME_DIR").as_deref(), &env::temp_dir(), uid)
    }

    /// The directory for the given surroundings. A relative `XDG_RUNTIME_DIR` is ignored, as the XDG base directory
    /// specification demands.
    pub fn from_parts(xdg_runtime_dir: Option<&OsStr>, temp_dir: &Path, uid: u32) -> Self {
        match xdg_runtime_dir.map(Path::new).filter(|path| path.is_absolute()) {
            Some(path) => Self(path.join("kontraktor")),
            None => Self(temp_dir.join(format!("kontraktor-{uid}"))),
        }
    }

    /// The directory's path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The path of the socket inside.
    pub fn socket(&self) -> PathBuf {
        self.0.join(SOCKET_NAME)
    }

    /// Requires that nobody else can have put a socket there, see [`check_private`].
    pub fn check(&self) -> Result<(), NotPrivate> {
        check_private(&self.0, nix::unistd::geteuid().as_raw())
    }
}

/// The fallback directory that `socket` lies in, where it does. Everyone can create names in the directory for
/// temporary files, so a socket found there is trusted only after [`RuntimeDir::check`].
pub(crate) fn fallback_dir_of(socket: &Path) -> Option<RuntimeDir> {
    let fallback = RuntimeDir::from_parts(None, &env::temp_dir(), nix::unistd::geteuid().as_raw());
    (socket.parent() == Some(fallback.path())).then_some(fallback)
}

/// Requires that `path` is a directory, not a link to one, that `uid` owns it, and that its mode is 0700.
pub fn check_private(path: &Path, uid: u32) -> Result<(), NotPrivate> {
    let fail = |fault| Err(NotPrivate { path: path.to_owned(), fault });
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) => return fail(PrivacyFault::Unreadable(error.kind())),
    };
    if !metadata.is_dir() {
        return fail(PrivacyFault::NoDirectory);
    }
    if metadata.uid() != uid {
        return fail(PrivacyFault::Owner(metadata.uid()));
    }
    match metadata.mode() & 0o7777 {
        0o700 => Ok(()),
        mode => fail(PrivacyFault::Mode(mode)),
    }
}

/// A directory that others may have prepared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the directory {} {fault}", path.display())]
pub struct NotPrivate {
    path: PathBuf,
    fault: PrivacyFault,
}

impl NotPrivate {
    /// Whether the directory simply does not exist.
    pub fn is_missing(&self) -> bool {
        self.fault == PrivacyFault::Unreadable(io::ErrorKind::NotFound)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum PrivacyFault {
    Unreadable(io::ErrorKind),
    NoDirectory,
    Owner(u32),
    Mode(u32),
}

impl fmt::Display for PrivacyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(kind) => write!(f, "cannot be looked at: {kind}"),
            Self::NoDirectory => f.write_str("is not a directory"),
            Self::Owner(uid) => write!(f, "belongs to the user with uid {uid}"),
            Self::Mode(mode) => write!(f, "has mode {mode:04o}, and 0700 is required"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn refusal(host: &str) -> String {
        Host::parse(Some(host)).expect_err("no daemon's address").to_string()
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
    fn what_names_no_daemon_is_refused() {
        insta::assert_snapshot!(refusal("http://localhost:80"), @"host cannot begin with http://: write unix:///path/to/kontraktord.sock or https://NAME[:PORT], or leave it out for the local daemon's socket");
        insta::assert_snapshot!(refusal("localhost"), @"host has no scheme: write unix:///path/to/kontraktord.sock or https://NAME[:PORT], or leave it out for the local daemon's socket");
        insta::assert_snapshot!(refusal("unix://relative.sock"), @"host must name the socket by its absolute path, as in unix:///run/kontraktor/kontraktord.sock");
        insta::assert_snapshot!(refusal(&format!("unix:///{}", "x".repeat(200))), @"host names a socket whose path is 201 bytes long: at most 107 are allowed by the system, choose a shorter directory");
        insta::assert_snapshot!(refusal("https://"), @"host is not a usable https address: write https://NAME or https://NAME:PORT, without a path");
        insta::assert_snapshot!(refusal("https://name/path"), @"host is not a usable https address: write https://NAME or https://NAME:PORT, without a path");
        insta::assert_snapshot!(refusal("https://me:hunter2@name"), @"host must not hold a user name or password: set oauth_token or KONTRAKTOR_TOKEN instead");
        assert!(!refusal("ftp://me:hunter2@name").contains("hunter2"));
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
            check_private(&dir, uid + 1).expect_err("of another user").to_string().contains("belongs to")
        );
        let link = temp.path().join("link");
        symlink(&dir, &link).expect("linked");
        assert!(check_private(&link, uid).expect_err("a link").to_string().contains("not a directory"));
    }
}
