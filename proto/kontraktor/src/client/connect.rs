//! Connecting to the daemon, and why that failed.
//!
//! A connection is returned when the daemon has shown that it takes requests on it, so that every failure of connecting
//! means that nothing was sent.

mod http2;
mod tcp;
mod unix;

use std::{error::Error, path::PathBuf, sync::Arc, time::Duration};

use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};

use self::http2::GreetError;
pub(super) use self::{tcp::tls_failure, unix::TrustedUsers};
use super::tls::Tls;
use crate::endpoint::{RuntimeDir, Server};

const TRY_AGAIN: &str = "try again, or check the daemon's log";

/// The longest time that connecting may take, over TCP with its handshakes.
const MAX_CONNECT_TIME: Duration = Duration::from_secs(10);

/// A connection of whatever kind.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

pub(super) type Connection = TokioIo<Box<dyn Stream>>;

/// Where to connect, and what must be checked there.
pub(super) enum Target {
    Unix {
        socket: PathBuf,
        /// When given, it must be private.
        directory: Option<RuntimeDir>,
        users: TrustedUsers,
    },
    Network {
        server: Server,
        /// When the address demands it.
        tls: Option<Arc<Tls>>,
    },
}

impl Target {
    /// Connects for HTTP/2. `time` is what a whole call may take: connecting takes at most half of it, so that a call whose
    /// server does not respond at all can say that nothing was sent.
    pub(super) async fn connect_http2(&self, time: Duration) -> Result<Connection, ConnectError> {
        let stream: Box<dyn Stream> = match self {
            Self::Unix { socket, directory, users } => {
                Box::new(unix::connect(socket, directory.as_ref(), users).await?)
            }
            Self::Network { server, tls } => {
                let connect = async {
                    let stream = tcp::connect(server, tls.as_deref(), b"h2").await?;
                    let greeted = http2::greet(stream).await.map_err(|error| match error {
                        GreetError::NotHttp2(start) => tcp::not_http2(&start, server),
                        GreetError::Io(error) => tcp::tls_failure(&error, server, tls.as_deref()),
                    })?;
                    Ok::<_, ConnectError>(Box::new(greeted) as Box<dyn Stream>)
                };
                within(time, connect).await?
            }
        };
        Ok(TokioIo::new(stream))
    }

    /// Connects for HTTP/1.1.
    pub(super) async fn connect_http1(&self, time: Duration) -> Result<Connection, ConnectError> {
        let stream: Box<dyn Stream> = match self {
            Self::Unix { socket, directory, users } => {
                Box::new(unix::connect(socket, directory.as_ref(), users).await?)
            }
            Self::Network { server, tls } => {
                within(time, tcp::connect(server, tls.as_deref(), b"http/1.1")).await?
            }
        };
        Ok(TokioIo::new(stream))
    }
}

async fn within<T>(
    time: Duration,
    connect: impl Future<Output = Result<T, ConnectError>>,
) -> Result<T, ConnectError> {
    match timeout(MAX_CONNECT_TIME.min(time / 2), connect).await {
        Ok(result) => result,
        Err(_) => Err(tcp::timed_out()),
    }
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

    pub(super) fn never(reason: String, remedy: &str) -> Self {
        Self { retryability: Retryability::Never, reason, remedy: remedy.to_owned() }
    }

    fn after_restart(reason: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { retryability: Retryability::AfterRestart, reason: reason.into(), remedy: remedy.into() }
    }
}
