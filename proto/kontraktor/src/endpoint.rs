//! The daemon's address: the `host` setting, and the default socket. It never connects.

mod runtime_dir;
mod server;

use std::{
    fmt,
    path::{Path, PathBuf},
};

pub(crate) use self::runtime_dir::fallback_dir_of;
use self::server::ServerError;
pub use self::{
    runtime_dir::{NotPrivate, RuntimeDir, check_private, default_socket_path},
    server::{Scheme, Server, TokenUrl},
};

/// The file name of the daemon's socket inside its runtime directory.
pub const SOCKET_NAME: &str = "kontraktord.sock";

/// The longest path of a socket, in bytes: `sun_path` of unix(7) has 108, and the last one is the terminator.
pub const MAX_SOCKET_PATH_BYTES: usize = 107;

/// The environment variable that sets the host when no setting does.
pub const HOST_VARIABLE: &str = "KONTRAKTOR_HOST";

/// The environment variable that sets the token when no setting does.
pub const TOKEN_VARIABLE: &str = "KONTRAKTOR_TOKEN";

/// The environment variable that sets the certificates of authorities when no setting does.
pub const CA_CERTIFICATE_VARIABLE: &str = "KONTRAKTOR_CA_CERTIFICATE";

/// The environment variable that sets the client certificate when no setting does.
pub const CLIENT_CERTIFICATE_VARIABLE: &str = "KONTRAKTOR_CLIENT_CERTIFICATE";

/// The environment variable that sets the key of the client certificate when no setting does.
pub const CLIENT_KEY_VARIABLE: &str = "KONTRAKTOR_CLIENT_KEY";

/// The environment variable that sets the client id when no setting does.
pub const CLIENT_ID_VARIABLE: &str = "KONTRAKTOR_CLIENT_ID";

/// The environment variable that sets the client secret when no setting does.
pub const CLIENT_SECRET_VARIABLE: &str = "KONTRAKTOR_CLIENT_SECRET";

/// The environment variable that sets the token endpoint when no setting does.
pub const TOKEN_URL_VARIABLE: &str = "KONTRAKTOR_TOKEN_URL";

/// The environment variable that sets the timeout when no setting does.
pub const TIMEOUT_VARIABLE: &str = "KONTRAKTOR_TIMEOUT";

/// The environment variable that names another user whose daemon is trusted, by uid.
pub const DAEMON_UID_VARIABLE: &str = "KONTRAKTOR_DAEMON_UID";

/// Every environment variable that decides how the daemon is reached, and as whom.
pub const CONNECTION_VARIABLES: [&str; 10] = [
    HOST_VARIABLE,
    TIMEOUT_VARIABLE,
    CA_CERTIFICATE_VARIABLE,
    CLIENT_CERTIFICATE_VARIABLE,
    CLIENT_KEY_VARIABLE,
    TOKEN_VARIABLE,
    CLIENT_ID_VARIABLE,
    CLIENT_SECRET_VARIABLE,
    TOKEN_URL_VARIABLE,
    DAEMON_UID_VARIABLE,
];

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
    /// A daemon on the network, or on a port of this machine.
    Network(Server),
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
            return network(Scheme::Https, host);
        }
        if host.starts_with("http://") {
            return network(Scheme::Http, host);
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

fn network(scheme: Scheme, text: &str) -> Result<Host, HostError> {
    match Server::parse(scheme, text) {
        Ok((server, path)) if matches!(path.as_str(), "" | "/") => Ok(Host::Network(server)),
        Ok(_) | Err(ServerError::Invalid) => Err(HostError::Address),
        Err(ServerError::Credentials) => Err(HostError::Credentials),
        Err(ServerError::PlainHttp) => Err(HostError::PlainHttp),
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Network(server) => server.fmt(f),
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
    /// An invalid address on the network.
    #[error("invalid address in host; expected https://NAME or https://NAME:PORT, without a path")]
    Address,
    /// Plain text to another machine.
    #[error(
        "plain http:// would send tokens and values unencrypted, and is allowed only to localhost, 127.0.0.1 and [::1]. Use \
         https://"
    )]
    PlainHttp,
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

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    fn refusal(host: &str) -> String {
        Host::parse(Some(host)).expect_err("an invalid host").to_string()
    }

    #[test]
    fn absent_and_empty_mean_the_local_socket() {
        let local = Host::Unix(default_socket_path());
        assert_eq!(Host::parse(None), Ok(local.clone()));
        assert_eq!(Host::parse(Some("")), Ok(local));
    }

    #[test]
    fn hosts_are_shown_as_they_are_written() {
        for host in [
            "unix:///run/k.sock",
            "https://config.example.com",
            "https://[::1]:8743",
            "https://192.0.2.1:8743",
            "http://localhost:8743",
            "http://127.0.0.1",
            "http://[::1]:1",
        ] {
            assert_eq!(Host::parse(Some(host)).expect("a good host").to_string(), host);
        }
    }

    #[test]
    fn invalid_hosts_are_refused() {
        insta::assert_snapshot!(refusal("ftp://localhost:80"), @"unsupported host scheme ftp://; expected unix:///path/to/kontraktord.sock or https://NAME[:PORT]. Omit host to use the local daemon's socket");
        insta::assert_snapshot!(refusal("localhost"), @"host has no scheme; expected unix:///path/to/kontraktord.sock or https://NAME[:PORT]. Omit host to use the local daemon's socket");
        insta::assert_snapshot!(refusal("unix://relative.sock"), @"host must be the absolute path of a socket, such as unix:///run/kontraktor/kontraktord.sock");
        insta::assert_snapshot!(refusal(&format!("unix:///{}", "x".repeat(200))), @"the socket path in host is 201 bytes long; the system allows at most 107. Choose a shorter directory");
        insta::assert_snapshot!(refusal("https://"), @"invalid address in host; expected https://NAME or https://NAME:PORT, without a path");
        insta::assert_snapshot!(refusal("https://name/path"), @"invalid address in host; expected https://NAME or https://NAME:PORT, without a path");
        insta::assert_snapshot!(refusal("https://me:hunter2@name"), @"host must not contain a user name or password. Set oauth_token or KONTRAKTOR_TOKEN instead");
        insta::assert_snapshot!(refusal("http://name:8743"), @"plain http:// would send tokens and values unencrypted, and is allowed only to localhost, 127.0.0.1 and [::1]. Use https://");
        for invalid in [
            "https://name:",
            "https://name:0",
            "https://name:65536",
            "https://name#x",
            "https://[::1",
            "https://a_b:x",
        ] {
            assert_eq!(Host::parse(Some(invalid)), Err(HostError::Address), "{invalid}");
        }
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
}
