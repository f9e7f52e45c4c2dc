//! The channel to the socket, what is sent along with every request, and why a connection could not be made.

use std::{
    error::Error,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use hyper_util::rt::TokioIo;
use secrecy::ExposeSecret as _;
use tokio::net::UnixStream;
use tonic::{
    metadata::{Ascii, MetadataMap, MetadataValue},
    transport::{Channel, Endpoint},
};
use tower::service_fn;

use super::{ClientError, ClientOptions};
use crate::{
    endpoint::{Host, RuntimeDir, TOKEN_VARIABLE, default_socket_path, fallback_dir_of},
    v1::{Problem, ProblemCode},
};
use kontraktor_model::limits::{MAX_VIA_CHARS, VIA_METADATA};

/// A refusal's details travel in a header; hyper's 16 KiB would be just about enough for one.
const MAX_HEADER_LIST_BYTES: u32 = 64 * 1024;

pub(super) struct Transport {
    pub(super) channel: Channel,
    pub(super) metadata: MetadataMap,
    /// Whether the daemon was there, and nobody has waited in vain for it since.
    met: Arc<AtomicBool>,
}

impl Transport {
    /// Needs a running tokio; connects to nothing.
    pub(super) fn new(options: &ClientOptions) -> Result<Self, ClientError> {
        let Host::Unix(socket) = &options.host else {
            return Err(ClientError::Unsupported {
                target: options.host.to_string(),
                reason: "the daemon does not listen on https yet".to_owned(),
            });
        };
        let met = Arc::<AtomicBool>::default();
        let channel = channel(socket.clone(), &options.user_agent, Arc::clone(&met))?;
        Ok(Self { channel, metadata: metadata(options)?, met })
    }

    /// Whether there has been a connection, and nobody has given up since.
    pub(super) fn met(&self) -> bool {
        self.met.load(Ordering::Relaxed)
    }

    /// Waiting was of no use: who comes next need not wait as long again.
    pub(super) fn give_up(&self) {
        self.met.store(false, Ordering::Relaxed);
    }
}

fn channel(socket: PathBuf, user_agent: &str, met: Arc<AtomicBool>) -> Result<Channel, ClientError> {
    let guard = fallback_dir_of(&socket);
    // The address is never resolved; it becomes the :authority of the requests.
    let endpoint = Endpoint::from_static("http://localhost")
        .user_agent(user_agent)
        .map_err(|_| {
            invalid("user_agent", "the client's user agent holds characters that no header may hold")
        })?
        .http2_max_header_list_size(MAX_HEADER_LIST_BYTES);
    let connector = service_fn(move |_| {
        let (socket, guard, met) = (socket.clone(), guard.clone(), Arc::clone(&met));
        async move {
            let stream = connect(socket, guard).await?;
            met.store(true, Ordering::Relaxed);
            Ok::<_, ConnectFailure>(stream)
        }
    });
    Ok(endpoint.connect_with_connector_lazy(connector))
}

async fn connect(socket: PathBuf, guard: Option<RuntimeDir>) -> Result<TokioIo<UnixStream>, ConnectFailure> {
    if let Some(guard) = guard {
        match guard.check() {
            Err(error) if !error.is_missing() => {
                return Err(ConnectFailure {
                    hope: Hope::None,
                    reason: format!("its socket is not trusted, {error}"),
                    remedy: "someone else may have put it there: remove the directory, or name another socket with \
                             the host setting"
                        .to_owned(),
                });
            }
            _ => {}
        }
    }
    let stream = UnixStream::connect(&socket).await.map_err(|error| ConnectFailure::of(&error, &socket))?;
    Ok(TokioIo::new(stream))
}

/// Whether waiting may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hope {
    /// The daemon is there, or was just now.
    Soon,
    /// Nobody listens: no daemon, or one that is being restarted.
    AfterRestart,
    /// Somebody must change something.
    None,
}

/// Why there is no connection. Travels through the channel as the source of a status.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{reason}")]
pub(super) struct ConnectFailure {
    pub(super) hope: Hope,
    pub(super) reason: String,
    pub(super) remedy: String,
}

impl ConnectFailure {
    /// The failure behind a status, where the status means that there was no connection to send the request on.
    pub(super) fn behind(status: &tonic::Status) -> Option<Self> {
        let mut cause: Option<&(dyn Error + 'static)> = status.source();
        while let Some(error) = cause {
            if let Some(failure) = error.downcast_ref::<Self>() {
                return Some(failure.clone());
            }
            // The request still waited for its turn when the other side closed the connection, as it does when it ends.
            if error.downcast_ref().is_some_and(hyper::Error::is_canceled) {
                return Some(Self {
                    hope: Hope::Soon,
                    reason: "it closed the connection".to_owned(),
                    remedy: "try again, or look at the daemon's log".to_owned(),
                });
            }
            cause = error.source();
        }
        None
    }

    fn of(error: &io::Error, socket: &Path) -> Self {
        let start = || {
            if socket == default_socket_path() {
                return "start the daemon with `kontraktord`".to_owned();
            }
            format!("start the daemon with `kontraktord --socket {}`", socket.display())
        };
        let (hope, reason, remedy) = match error.kind() {
            io::ErrorKind::NotFound => (Hope::AfterRestart, "there is no such socket".to_owned(), start()),
            io::ErrorKind::ConnectionRefused => {
                (Hope::AfterRestart, "nothing listens on the socket".to_owned(), start())
            }
            io::ErrorKind::PermissionDenied => (
                Hope::None,
                "this user may not use the socket".to_owned(),
                "run as the user who runs kontraktord, or start a daemon of your own with: kontraktord"
                    .to_owned(),
            ),
            // EAGAIN: the queue of waiting connections is full, see unix(7).
            io::ErrorKind::WouldBlock => (
                Hope::Soon,
                "too many connections wait for it".to_owned(),
                "try again, or look at the daemon's log".to_owned(),
            ),
            _ => (Hope::None, error.to_string(), start()),
        };
        Self { hope, reason, remedy }
    }
}

fn metadata(options: &ClientOptions) -> Result<MetadataMap, ClientError> {
    let mut metadata = MetadataMap::new();
    metadata.insert(VIA_METADATA, via(&options.via)?);
    if let Some(token) = &options.token {
        let mut bearer: MetadataValue<Ascii> =
            format!("Bearer {}", token.expose_secret()).parse().map_err(|_| {
                invalid(
                    "oauth_token",
                    &format!("the token of oauth_token or {TOKEN_VARIABLE} holds characters that no header may hold"),
                )
            })?;
        bearer.set_sensitive(true);
        metadata.insert("authorization", bearer);
    }
    Ok(metadata)
}

fn via(text: &str) -> Result<MetadataValue<Ascii>, ClientError> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if text.is_empty() || text.len() > MAX_VIA_CHARS || !text.bytes().all(allowed) {
        return Err(invalid("via", "the client's name must be 1 to 32 characters of a-z, 0-9 and \"-\""));
    }
    text.parse().map_err(|_| invalid("via", "the client's name cannot be sent"))
}

fn invalid(field: &str, message: &str) -> ClientError {
    ClientError::Refused(Box::new(Problem::new(ProblemCode::Invalid, message).with_field(field)))
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::{fs::PermissionsExt as _, net::UnixListener},
    };

    use super::*;

    #[tokio::test]
    async fn a_directory_that_others_can_write_to_is_not_trusted() {
        let temp = tempfile::tempdir().expect("a temporary directory");
        let guard = RuntimeDir::from_parts(None, temp.path(), nix::unistd::geteuid().as_raw());
        let connect = || connect(guard.socket(), Some(guard.clone()));

        // Not there at all is the same as a daemon that does not run.
        assert_eq!(connect().await.expect_err("missing").reason, "there is no such socket");

        fs::create_dir(guard.path()).expect("created");
        let _listener = UnixListener::bind(guard.socket()).expect("bound");
        fs::set_permissions(guard.path(), fs::Permissions::from_mode(0o777)).expect("mode set");
        let failure = connect().await.expect_err("open to others");
        assert!(failure.hope == Hope::None && failure.reason.contains("not trusted"), "{failure:?}");

        fs::set_permissions(guard.path(), fs::Permissions::from_mode(0o700)).expect("mode set");
        connect().await.expect("private");
    }
}
