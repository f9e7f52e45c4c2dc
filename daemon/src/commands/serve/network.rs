//! Serving on the network: TLS before anything is opened, ports once the data is loaded, and certificates that are replaced
//! while the daemon runs.

use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use kontraktor_api::{ConnectionLimits, Listener, ServerCertificate, Tls, TlsError};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::net::TcpListener;

use crate::{
    clock,
    config::Network,
    exit::{Exit, Failure},
    supervisor::{OnOverrun, Task},
};

/// Files that connections leave to the rest of the daemon: the database, vaults, the socket.
const RESERVED_FILES: u64 = 256;

/// TLS as far as it can be loaded before the data directory is opened.
pub(super) enum TlsStart {
    /// The daemon serves without it.
    None,
    /// It is loaded: its files are the operator's.
    Loaded(Arc<Tls>),
    /// Its files are in the data directory.
    AfterData,
}

impl TlsStart {
    /// Loads what does not need the data directory, so that a bad certificate changes nothing.
    pub(super) fn load(network: &Network) -> Result<Self, TlsError> {
        match &network.tls.value {
            Some(options) if !network.listen.value.is_empty() => match options.server {
                ServerCertificate::Files { .. } => {
                    Ok(Self::Loaded(Tls::load(options.clone(), Arc::new(clock::now))?))
                }
                ServerCertificate::SelfSigned { .. } => Ok(Self::AfterData),
            },
            _ => Ok(Self::None),
        }
    }

    /// Loads the rest.
    pub(super) fn finish(self, network: &Network) -> Result<Option<Arc<Tls>>, TlsError> {
        match (self, &network.tls.value) {
            (Self::Loaded(tls), _) => Ok(Some(tls)),
            (Self::AfterData, Some(options)) => Tls::load(options.clone(), Arc::new(clock::now)).map(Some),
            _ => Ok(None),
        }
    }
}

/// Why a port cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub(super) struct BindError {
    address: SocketAddr,
    source: io::Error,
}

/// Binds the ports. Returns the listeners, and the address of each, with the port that it has.
pub(super) async fn bind(
    addresses: &[SocketAddr],
    tls: Option<&Arc<Tls>>,
) -> Result<(Vec<Listener>, Vec<SocketAddr>), BindError> {
    let (mut listeners, mut bound) = (Vec::new(), Vec::new());
    for &address in addresses {
        let failed = |source| BindError { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        bound.push(listener.local_addr().map_err(failed)?);
        listeners.push(Listener::Tcp(listener, tls.cloned()));
    }
    Ok((listeners, bound))
}

/// Raises the number of open files as far as the system allows, and returns limits that fit into it.
pub(super) fn fit_open_files(limits: &ConnectionLimits) -> ConnectionLimits {
    let (soft, hard) = match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok(limit) => limit,
        Err(error) => {
            tracing::warn!(%error, "cannot find out how many files may be open");
            return limits.clone();
        }
    };
    let raised = soft < hard && setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok();
    let files = if raised { hard } else { soft };
    let most = usize::try_from(files.saturating_sub(RESERVED_FILES)).unwrap_or(usize::MAX).max(16);
    if most < limits.max {
        tracing::info!(
            connections = most,
            configured = limits.max,
            open_files = files,
            "the system's limit of open files allows fewer connections than configured"
        );
    }
    ConnectionLimits { max: limits.max.min(most), ..limits.clone() }
}

/// Watches the files of TLS.
pub(super) fn tls_task(tls: Arc<Tls>) -> Task {
    Task::new("the TLS certificates", move |mut stop| {
        let tls = Arc::clone(&tls);
        async move {
            tokio::select! {
                () = tls.watch() => {}
                _ = stop.requested() => {}
            }
            Ok(())
        }
    })
    .stopped_by(Duration::from_secs(1), OnOverrun::Warn)
}

impl From<TlsError> for Failure {
    fn from(error: TlsError) -> Self {
        Self::new(Exit::Usage, error)
    }
}

impl From<BindError> for Failure {
    fn from(error: BindError) -> Self {
        match error.source.kind() {
            ErrorKind::AddrInUse => Self::new(Exit::InUse, error)
                .hint("stop the program that listens there, or choose another port with `--listen`"),
            ErrorKind::AddrNotAvailable => {
                Self::new(Exit::Usage, error).hint("choose an address of this machine with `--listen`")
            }
            ErrorKind::PermissionDenied => Self::new(Exit::Usage, error)
                .hint("choose a port of at least 1024 with `--listen`, or allow the daemon's user to use lower ones"),
            _ => Self::new(Exit::Failure, error),
        }
    }
}
