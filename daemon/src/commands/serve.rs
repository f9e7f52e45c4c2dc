//! `kontraktord` without a command: open the data, listen, serve, and stop in order.

use std::{io::Write as _, path::Path, sync::Arc, time::Duration};

use tokio::{
    sync::oneshot,
    task::{JoinError, JoinHandle},
};

use super::{data, system_clock};
use crate::{
    config::Config,
    exit::{Exit, Failure},
    hardening,
    listener::{Bound, ListenError},
    logging,
    signals::Signals,
};
use kontraktor_api::{Running, ServeError};
use kontraktor_service::{Service, ServiceOptions};
use kontraktor_store_duckdb::DuckDbStore;
use kontraktor_vault::Broker;

/// How long the running calls have to be answered after a signal.
const ANSWER_WITHIN: Duration = Duration::from_secs(7);

/// How long it may then take to write out what was accepted and to close the database, and to end leases in their
/// vaults meanwhile. Together these are the 10 seconds that `--help` promises.
const CLOSE_WITHIN: Duration = Duration::from_secs(3);

/// How long stopping may take where nothing can be saved any more.
const STOP_BROKEN_WITHIN: Duration = Duration::from_secs(1);

/// A signal that comes so soon after the first is the same one: it went to the process and to its group, as from
/// timeout(1), or from a terminal and a parent.
const SAME_SIGNAL: Duration = Duration::from_millis(500);

type Api = JoinHandle<Result<(), ServeError>>;

pub(super) fn run(config: &Config) -> Result<(), Failure> {
    logging::start(&config.log.value, config.log_format.value);
    hardening::keep_memory_private();
    let broker = Broker::new(config.vaults()?, Arc::new(system_clock));
    let runtime = super::runtime()?;
    let result = runtime.block_on(serve(&config.data_dir.value, &config.socket.value, broker));
    // Whoever is still connected has had its time.
    runtime.shutdown_timeout(Duration::from_millis(100));
    result
}

async fn serve(data_dir: &Path, socket: &Path, broker: Broker) -> Result<(), Failure> {
    // Before anything else, so that a signal during the start is not lost.
    let mut signals = Signals::new()
        .map_err(|error| Failure::new(Exit::Failure, format!("signals cannot be caught: {error}")))?;

    let (store, service) = open(data_dir, broker.clone()).await?;
    let (_bound, listener) = match Bound::bind(socket) {
        Ok(bound) => bound,
        Err(error) => {
            service.drain(CLOSE_WITHIN).await;
            return Err(error.into());
        }
    };
    // For commands that find the data locked. Without the note they try the usual place.
    if let Err(error) = store.dir().note_socket(socket) {
        tracing::warn!(%error, "the socket could not be noted beside the data");
    }

    let (stop, stopped) = oneshot::channel::<()>();
    let running = Running::default();
    let mut api = tokio::spawn({
        let (service, data_dir, running) = (service.clone(), data_dir.to_owned(), running.clone());
        async move {
            // A sender that is gone means the same.
            let stopped = async { drop(stopped.await) };
            kontraktor_api::serve(listener, service, &data_dir, running, stopped).await
        }
    });
    announce(socket);

    let trouble = tokio::select! {
        signal = signals.stop(|| forget_secrets(&broker)) => {
            tracing::info!(signal, "stopping");
            None
        }
        reason = service.fatal() => Some(store_lost(&reason)),
        ended = &mut api => Some(ended_early(ended)),
    };
    match trouble {
        None => {
            tokio::select! {
                result = stop_in_order(stop, api, &running, &service, &broker) => result,
                signal = insisted(&mut signals) => Err(Failure::new(
                    Exit::Failure,
                    format!("a second signal, {signal}, cut the orderly stop short"),
                )),
            }
        }
        Some(failure) => {
            tracing::error!("{}", failure.message);
            // Answers that are ready still leave; the rest would only wait.
            drop(stop);
            let _ = tokio::time::timeout(STOP_BROKEN_WITHIN, service.drain(STOP_BROKEN_WITHIN)).await;
            Err(failure)
        }
    }
}

/// Opens the data, loads what stands and starts the writer. Both read the disk.
async fn open(data_dir: &Path, broker: Broker) -> Result<(Arc<DuckDbStore>, Service), Failure> {
    let data_dir = data_dir.to_owned();
    let opening = tokio::task::spawn_blocking(move || {
        let store = Arc::new(data::open(&data_dir)?);
        let options = ServiceOptions::default();
        let service = Service::start_with(Arc::clone(&store) as _, Arc::new(system_clock), options, broker)?;
        Ok((store, service))
    });
    opening.await.unwrap_or_else(|error| {
        Err(Failure::new(Exit::Failure, format!("opening the data was broken off: {error}")))
    })
}

/// Says where the daemon listens. Only here is it true: the socket is bound and the data is loaded.
fn announce(socket: &Path) {
    let mut out = std::io::stdout().lock();
    // Nobody may read it: that is no reason not to serve.
    let written = writeln!(out, "listening on unix://{}", socket.display()).and_then(|()| out.flush());
    if let Err(error) = written {
        tracing::warn!(%error, "standard output cannot be written");
    }
    tracing::info!(socket = %socket.display(), version = env!("CARGO_PKG_VERSION"), "listening");
}

/// What SIGHUP asks for. The configuration is read at the start alone.
fn forget_secrets(broker: &Broker) {
    let purged = broker.purge(None).unwrap_or_default();
    tracing::info!(purged, "SIGHUP: cached secrets are forgotten");
}

/// Waits for a signal of somebody who does not want to wait.
async fn insisted(signals: &mut Signals) -> &'static str {
    let _ = tokio::time::timeout(SAME_SIGNAL, async {
        loop {
            signals.stop(|| {}).await;
        }
    })
    .await;
    signals.stop(|| {}).await
}

/// Lets the calls that run be answered, then writes out what was accepted and closes the store.
async fn stop_in_order(
    stop: oneshot::Sender<()>,
    api: Api,
    running: &Running,
    service: &Service,
    broker: &Broker,
) -> Result<(), Failure> {
    drop(stop);
    tokio::select! {
        _ = api => {}
        () = running.quiet() => tracing::debug!("connections are still open and nothing runs on them; they will be cut"),
        () = tokio::time::sleep(ANSWER_WITHIN) => tracing::warn!("calls are still running; they will be cut"),
    }
    let (drained, ()) = tokio::join!(service.drain(CLOSE_WITHIN), broker.close(CLOSE_WITHIN));
    if drained {
        tracing::info!("stopped");
        Ok(())
    } else {
        Err(Failure::new(Exit::Failure, "the store could not be closed within the time allowed")
            .hint("everything that was acknowledged is in the log; the next start takes it up"))
    }
}

fn store_lost(reason: &str) -> Failure {
    Failure::new(Exit::Failure, format!("the store cannot be used any longer: {reason}"))
        .hint("start kontraktord again; everything that was acknowledged is in the log")
}

fn ended_early(ended: Result<Result<(), ServeError>, JoinError>) -> Failure {
    match ended {
        Ok(Ok(())) => Failure::new(Exit::Failure, "the API ended by itself"),
        Ok(Err(error)) => Failure::new(Exit::Failure, error),
        Err(error) => Failure::new(Exit::Failure, format!("the API broke off: {error}")),
    }
}

impl From<ListenError> for Failure {
    fn from(error: ListenError) -> Self {
        match error {
            ListenError::InUse(_) => Self::new(Exit::InUse, error)
                .hint("stop that daemon first, or name another socket with --socket"),
            ListenError::Directory { .. } | ListenError::Occupied { .. } => Self::new(Exit::Usage, error),
            ListenError::Io { .. } => Self::new(Exit::Failure, error),
        }
    }
}
