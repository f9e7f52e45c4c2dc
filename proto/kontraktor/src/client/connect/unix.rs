//! Connecting to the daemon's socket.

use std::{io, path::Path};

use nix::unistd::geteuid;
use tokio::net::UnixStream;

use super::{ConnectError, Retryability, TRY_AGAIN};
use crate::endpoint::{
    DAEMON_UID_VARIABLE, MAX_SOCKET_PATH_BYTES, RuntimeDir, default_socket_path, excessive_length,
};

/// Connects to `socket`, and sends nothing: when this returns, one of `users` listens there.
///
/// When `directory` is given, it must be private, or nothing is connected. Without it there is no socket, and one that appears
/// at this moment is not the daemon's: the daemon creates the directory first.
pub(super) async fn connect(
    socket: &Path,
    directory: Option<&RuntimeDir>,
    users: &TrustedUsers,
) -> Result<UnixStream, ConnectError> {
    match directory.map_or(Ok(()), RuntimeDir::check) {
        Ok(()) => {}
        Err(error) if error.is_missing() => {
            return Err(from_io(&io::ErrorKind::NotFound.into(), socket));
        }
        Err(error) => {
            return Err(ConnectError::never(
                format!("the socket is not trusted: {error}"),
                "remove the directory, which someone else may have created, or name another socket with the host setting",
            ));
        }
    }
    if let Some(bytes) = excessive_length(socket) {
        return Err(ConnectError::never(
            format!("its path is {bytes} bytes long; the system allows at most {MAX_SOCKET_PATH_BYTES}"),
            "start the daemon with `kontraktord --socket PATH` and a shorter path, and connect to that",
        ));
    }
    let failed = |error: io::Error| from_io(&error, socket);
    let stream = UnixStream::connect(socket).await.map_err(failed)?;
    // SO_PEERCRED (unix(7)): the process that listens on the socket, whatever its path leads to by now.
    users.check(stream.peer_cred().map_err(failed)?.uid())?;
    Ok(stream)
}

/// The users whose daemon receives requests and tokens, and whose answers are believed.
#[derive(Debug, Clone)]
pub(in super::super) struct TrustedUsers(Vec<u32>);

impl TrustedUsers {
    /// This process's user, root, and this one.
    pub(in super::super) fn new(uid: Option<u32>) -> Self {
        Self([geteuid().as_raw(), 0].into_iter().chain(uid).collect())
    }

    fn check(&self, uid: u32) -> Result<(), ConnectError> {
        if self.0.contains(&uid) {
            return Ok(());
        }
        Err(ConnectError::never(
            format!("the socket is not trusted: uid {uid} listens on it, and not uid {} or root", geteuid()),
            &format!(
                "start a daemon of your own with `kontraktord`, or set {DAEMON_UID_VARIABLE}={uid} if you trust that user \
                 with your secrets"
            ),
        ))
    }
}

fn from_io(error: &io::Error, socket: &Path) -> ConnectError {
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
    ConnectError { retryability, reason, remedy }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        io::Read as _,
        os::unix::{fs::PermissionsExt as _, net::UnixListener},
    };

    use super::*;

    /// Returns what a process that listens on the socket has received; `None`: nobody has connected.
    fn received(listener: &UnixListener) -> Option<Vec<u8>> {
        listener.set_nonblocking(true).expect("a socket");
        let (mut stream, _) = listener.accept().ok()?;
        stream.set_nonblocking(false).expect("a socket");
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("the client has closed its end");
        Some(bytes)
    }

    #[tokio::test]
    async fn a_directory_that_others_can_write_to_is_not_trusted() {
        let temp = tempfile::tempdir().expect("a temporary directory");
        let directory = RuntimeDir::from_parts(None, temp.path(), nix::unistd::geteuid().as_raw());
        let (socket, users) = (directory.socket(), TrustedUsers::new(None));
        let connect = || connect(&socket, Some(&directory), &users);

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

    /// Another user may create the directory at any moment, also between the check and the connection.
    #[tokio::test]
    async fn nothing_is_connected_while_the_directory_is_missing() {
        let temp = tempfile::tempdir().expect("a temporary directory");
        let socket = temp.path().join("k.sock");
        let listener = UnixListener::bind(&socket).expect("bound");
        let missing = RuntimeDir::from_parts(None, &temp.path().join("none"), 1);
        let error = connect(&socket, Some(&missing), &TrustedUsers::new(None)).await.expect_err("missing");
        assert_eq!(error.retryability, Retryability::AfterRestart);
        assert_eq!(received(&listener), None);
    }

    #[tokio::test]
    async fn a_daemon_of_another_user_receives_nothing() {
        let temp = tempfile::tempdir().expect("a temporary directory");
        let socket = temp.path().join("k.sock");
        let listener = UnixListener::bind(&socket).expect("bound");
        let me = geteuid().as_raw();
        // Whom else this process is, for a client of these users.
        let error = connect(&socket, None, &TrustedUsers(vec![me + 1])).await.expect_err("another user");
        assert_eq!(error.retryability, Retryability::Never);
        assert_eq!(received(&listener).as_deref(), Some(&b""[..]));
        let remedy = format!("{DAEMON_UID_VARIABLE}={me} ");
        assert!(
            error.reason.contains(&format!("uid {me} listens")) && error.remedy.contains(&remedy),
            "{error:?}"
        );
        connect(&socket, None, &TrustedUsers(vec![me + 1, me])).await.expect("trusted explicitly");
        assert!(TrustedUsers::new(None).check(me).is_ok() && TrustedUsers::new(None).check(0).is_ok());
        assert!(TrustedUsers::new(Some(4711)).check(4711).is_ok());
        assert!(TrustedUsers::new(Some(4711)).check(4712).is_err());
    }

    #[tokio::test]
    async fn a_path_that_is_too_long_is_not_taken_for_a_daemon_that_does_not_run() {
        let socket = Path::new("/tmp").join("x".repeat(200));
        let error = connect(&socket, None, &TrustedUsers::new(None)).await.expect_err("too long");
        assert_eq!(error.retryability, Retryability::Never);
        assert_eq!(error.reason, "its path is 205 bytes long; the system allows at most 107");
    }
}
