//! Connecting to the daemon's socket, and why that failed.

use std::{
    error::Error,
    io,
    path::{Path, PathBuf},
};

use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

use crate::endpoint::{RuntimeDir, default_socket_path};

const TRY_AGAIN: &str = "try again, or check the daemon's log";

/// Connects to `socket`. When `directory` is given, it must be private, or the socket is not trusted.
pub(super) async fn connect(
    socket: PathBuf,
    directory: Option<RuntimeDir>,
) -> Result<TokioIo<UnixStream>, ConnectError> {
    if let Some(directory) = directory {
        match directory.check() {
            Err(error) if !error.is_missing() => {
                return Err(ConnectError {
                    retryability: Retryability::Never,
                    reason: format!("the socket is not trusted: {error}"),
                    remedy: "remove the directory, which someone else may have created, or name another socket with \
                             the host setting"
                        .to_owned(),
                });
            }
            _ => {}
        }
    }
    let stream =
        UnixStream::connect(&socket).await.map_err(|error| ConnectError::from_io(&error, &socket))?;
    Ok(TokioIo::new(stream))
}

/// Whether a connection can succeed later without anyone changing something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Retryability {
    /// The daemon runs, or did a moment ago.
    Soon,
    /// Nothing listens: there is no daemon, or it is being restarted.
    AfterRestart,
    /// Someone must change something first.
    Never,
}

/// Why there is no connection. It travels through the channel as the source of a status.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{reason}")]
pub(super) struct ConnectError {
    pub(super) retryability: Retryability,
    pub(super) reason: String,
    pub(super) remedy: String,
}

impl ConnectError {
    /// Returns the error behind a status, when the status means that there was no connection to send the request on.
    pub(super) fn in_status(status: &tonic::Status) -> Option<Self> {
        let mut source: Option<&(dyn Error + 'static)> = status.source();
        while let Some(error) = source {
            if let Some(error) = error.downcast_ref::<Self>() {
                return Some(error.clone());
            }
            // The request was still queued when the daemon closed the connection, as it does when it stops.
            if error.downcast_ref().is_some_and(hyper::Error::is_canceled) {
                return Some(Self {
                    retryability: Retryability::Soon,
                    reason: "the connection was closed".to_owned(),
                    remedy: TRY_AGAIN.to_owned(),
                });
            }
            source = error.source();
        }
        None
    }

    fn from_io(error: &io::Error, socket: &Path) -> Self {
        let start_daemon = || {
            if socket == default_socket_path() {
                return "start the daemon with `kontraktord`".to_owned();
            }
            format!("start the daemon with `kontraktord --socket {}`", socket.display())
        };
        let (retryability, reason, remedy) = match error.kind() {
            io::ErrorKind::NotFound => {
                (Retryability::AfterRestart, "the socket does not exist".to_owned(), start_daemon())
            }
            io::ErrorKind::ConnectionRefused => {
                (Retryability::AfterRestart, "nothing listens on the socket".to_owned(), start_daemon())
            }
            io::ErrorKind::PermissionDenied => (
                Retryability::Never,
                "permission denied".to_owned(),
                "run as the user who runs kontraktord, or start a daemon of your own with `kontraktord`"
                    .to_owned(),
            ),
            // EAGAIN: the queue of waiting connections is full, see unix(7).
            io::ErrorKind::WouldBlock => {
                (Retryability::Soon, "too many connections are waiting".to_owned(), TRY_AGAIN.to_owned())
            }
            _ => (Retryability::Never, error.to_string(), start_daemon()),
        };
        Self { retryability, reason, remedy }
    }
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
        let directory = RuntimeDir::from_parts(None, temp.path(), nix::unistd::geteuid().as_raw());
        let connect = || connect(directory.socket(), Some(directory.clone()));

        // A missing directory means the same as a daemon that does not run.
        assert_eq!(connect().await.expect_err("missing").reason, "the socket does not exist");

        fs::create_dir(directory.path()).expect("created");
        let _listener = UnixListener::bind(directory.socket()).expect("bound");
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).expect("mode set");
        let error = connect().await.expect_err("open to others");
        assert_eq!(error.retryability, Retryability::Never);
        assert!(error.reason.contains("not trusted"), "{error:?}");

        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o700)).expect("mode set");
        connect().await.expect("private");
    }
}
