//! The socket that a plugin listens on: a unix socket that is removed afterwards, or a loopback port.

use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;

use super::{Address, PluginEnv, ServeError, Transport, connection::Connection};

/// A bound listener.
pub(super) struct Listener {
    bound: BoundListener,
    address: Address,
    guard: SocketGuard,
}

/// The bound socket.
pub(super) enum BoundListener {
    #[cfg(unix)]
    Unix(UnixListener),
    Tcp(TcpListener),
}

/// Removes the unix socket when dropped.
pub(super) struct SocketGuard(Option<PathBuf>);

impl Drop for SocketGuard {
    fn drop(&mut self) {
        if let Some(path) = &self.0
            && let Err(error) = std::fs::remove_file(path)
        {
            tracing::debug!(path = %path.display(), %error, "cannot remove the socket");
        }
    }
}

impl Listener {
    /// Binds the socket. Must be called on a Tokio runtime.
    pub(super) fn bind(environment: &PluginEnv, transport: Transport) -> Result<Self, ServeError> {
        #[cfg(unix)]
        if transport == Transport::Native {
            return bind_unix(environment);
        }
        #[cfg(not(unix))]
        let (Transport::Native | Transport::Tcp) = transport;
        bind_tcp(environment)
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// Returns the socket, and the guard that removes it.
    pub(super) fn split(self) -> (BoundListener, SocketGuard) {
        (self.bound, self.guard)
    }
}

impl BoundListener {
    pub(super) async fn accept(&self) -> io::Result<Connection> {
        match self {
            #[cfg(unix)]
            Self::Unix(listener) => listener.accept().await.map(|(stream, _)| Connection::new(stream)),
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // Messages are small: waiting to fill a packet only adds latency.
                stream.set_nodelay(true)?;
                Ok(Connection::new(stream))
            }
        }
    }
}

#[cfg(unix)]
fn bind_unix(environment: &PluginEnv) -> Result<Listener, ServeError> {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    let dir = environment.socket_dir.clone().unwrap_or_else(std::env::temp_dir);
    let failed = |path: &PathBuf, source| ServeError::Bind {
        address: path.display().to_string(),
        source,
        remedy: "set PLUGIN_UNIX_SOCKET_DIR or TMPDIR to a writable directory with a short path",
    };
    // The name is unpredictable, and binding fails if it exists, so an existing socket is never used.
    let path = dir.join(format!("plugin{:016x}", RandomState::new().build_hasher().finish()));
    let listener = UnixListener::bind(&path).map_err(|source| failed(&path, explained(&path, source)))?;
    let guard = SocketGuard(Some(path.clone()));
    let mode = match &environment.socket_group {
        Some(group) => {
            give_to_group(&path, group)
                .map_err(|reason| ServeError::Group { group: group.escape_debug().to_string(), reason })?;
            0o660
        }
        None => 0o600,
    };
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).map_err(|source| failed(&path, source))?;
    Ok(Listener { bound: BoundListener::Unix(listener), address: Address::Unix(path), guard })
}

/// Returns the error in words for people, if the path is too long: the standard library names a constant of C.
#[cfg(unix)]
fn explained(path: &std::path::Path, error: io::Error) -> io::Error {
    /// `sun_path` of unix(7) without its terminator.
    const MAX_BYTES: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

    let bytes = path.as_os_str().len();
    if bytes <= MAX_BYTES {
        return error;
    }
    let text = format!("the path is {bytes} bytes long; the system allows at most {MAX_BYTES}");
    io::Error::new(error.kind(), text)
}

#[cfg(unix)]
fn give_to_group(path: &std::path::Path, group: &str) -> Result<(), String> {
    let number = match group.parse() {
        Ok(number) => number,
        Err(_) => match nix::unistd::Group::from_name(group) {
            Ok(Some(group)) => group.gid.as_raw(),
            Ok(None) => return Err("the group does not exist".to_owned()),
            Err(error) => return Err(error.to_string()),
        },
    };
    std::os::unix::fs::chown(path, None, Some(number)).map_err(|error| error.to_string())
}

fn bind_tcp(environment: &PluginEnv) -> Result<Listener, ServeError> {
    let ports = environment.ports()?;
    let address = format!("127.0.0.1, ports {} to {}", ports.start(), ports.end());
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for port in ports {
        match listen_tcp(port) {
            Ok((listener, address)) => {
                return Ok(Listener {
                    bound: BoundListener::Tcp(listener),
                    address: Address::Tcp(address),
                    guard: SocketGuard(None),
                });
            }
            Err(error) => last = error,
        }
    }
    let remedy = "free a port in that range, or widen it with PLUGIN_MIN_PORT and PLUGIN_MAX_PORT";
    Err(ServeError::Bind { address, source: last, remedy })
}

fn listen_tcp(port: u16) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok((TcpListener::from_std(listener)?, address))
}
