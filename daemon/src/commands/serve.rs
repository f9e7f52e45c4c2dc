//! `kontraktord` without a command: open the data, listen, serve, and stop in order.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use kontraktor_api::{Listener, Running, ServeError};
use kontraktor_service::{Service, ServiceOptions};
use kontraktor_store_duckdb::DuckDbStore;
use kontraktor_vault::Broker;

use super::{data, system_clock};
use crate::{
    config::Config,
    exit::{Exit, Failure},
    listener::{Bound, ListenError},
    logging,
    signals::Signals,
    supervisor::{OnOverrun, Supervisor, Task},
};

/// How long the running calls have to be answered after a signal.
const ANSWER_WITHIN: Duration = Duration::from_secs(7);

/// How long it may then take to write what was accepted and to close the database, and to end leases in their vaults
/// meanwhile. Together these are the 10 seconds that `--help` promises.
const CLOSE_WITHIN: Duration = Duration::from_secs(3);

pub(super) fn run(config: &Config) -> Result<(), Failure> {
    logging::start(&config.log.value, config.log_format.value);
    super::keep_memory_private();
    let broker = Broker::new(config.vaults()?, Arc::new(system_clock));
    let runtime = super::runtime()?;
    let result = runtime.block_on(serve(&config.data_dir.value, &config.socket.value, broker));
    // Those who are still connected have had their time.
    runtime.shutdown_timeout(Duration::from_millis(100));
    result
}

async fn serve(data_dir: &Path, socket: &Path, broker: Broker) -> Result<(), Failure> {
    // Before anything else, so that a signal during the start is not lost.
    let mut signals = Signals::new()
        .map_err(|error| Failure::new(Exit::Failure, format!("cannot handle signals: {error}")))?;

    let (store, service) = open(data_dir, broker.clone()).await?;
    let (_bound, listener) = match Bound::bind(socket) {
        Ok(bound) => bound,
        Err(error) => {
            service.drain(CLOSE_WITHIN).await;
            return Err(error.into());
        }
    };
    // For commands that find the data locked. Without it they try the default socket.
    if let Err(error) = store.dir().note_socket(socket) {
        tracing::warn!(%error, "cannot record the socket beside the data");
    }

    announce(socket);
    let data_dir = data_dir.to_owned();
    let listeners = vec![Listener::Unix(listener)];
    Supervisor::default()
        .stage(vec![store_task(service.clone()), vaults_task(broker.clone())])
        .stage(vec![api_task(listeners, service, data_dir)])
        .on_reload(move || forget_secrets(&broker))
        .run(&mut signals)
        .await
}

/// Watches the store, and at the end writes what was accepted and closes it.
fn store_task(service: Service) -> Task {
    Task::new("the store", move |mut stop| {
        let service = service.clone();
        async move {
            tokio::select! {
                reason = service.fatal() => Err(store_lost(&reason)),
                () = stop.requested() => {
                    // The supervisor knows the limit.
                    service.drain(Duration::MAX).await;
                    Ok(())
                }
            }
        }
    })
    .stop_within(CLOSE_WITHIN, OnOverrun::Fail(not_closed))
}

/// Ends leases in their vaults when the daemon stops.
fn vaults_task(broker: Broker) -> Task {
    Task::new("the vaults", move |mut stop| {
        let broker = broker.clone();
        async move {
            stop.requested().await;
            broker.close(CLOSE_WITHIN).await;
            Ok(())
        }
    })
    .stop_within(CLOSE_WITHIN, OnOverrun::Warn)
}

/// Serves the API. At the end it answers the calls that run, and does not wait for connections on which nothing does.
fn api_task(listeners: Vec<Listener>, service: Service, data_dir: PathBuf) -> Task {
    let mut listeners = Some(listeners);
    Task::new("the API", move |mut stop| {
        let (listeners, service, data_dir) =
            (listeners.take().unwrap_or_default(), service.clone(), data_dir.clone());
        async move {
            let running = Running::default();
            let mut asked = stop.clone();
            let stopped = async move { stop.requested().await };
            let serving = kontraktor_api::serve(listeners, service, &data_dir, running.clone(), stopped);
            let quiet = async {
                asked.requested().await;
                running.quiet().await;
            };
            tokio::select! {
                served = serving => served.map_err(Failure::from),
                () = quiet => {
                    tracing::debug!("nothing runs on the connections that are still open; they are cut");
                    Ok(())
                }
            }
        }
    })
    .stop_within(ANSWER_WITHIN, OnOverrun::Warn)
}

/// Opens the data, loads the state and starts the writer. Both read the disk.
async fn open(data_dir: &Path, broker: Broker) -> Result<(Arc<DuckDbStore>, Service), Failure> {
    let data_dir = data_dir.to_owned();
    let opening = tokio::task::spawn_blocking(move || {
        let store = Arc::new(data::open(&data_dir)?);
        let options = ServiceOptions::default();
        let service = Service::start_with(Arc::clone(&store) as _, Arc::new(system_clock), options, broker)?;
        Ok((store, service))
    });
    opening
        .await
        .unwrap_or_else(|error| Err(Failure::new(Exit::Failure, format!("opening the data failed: {error}"))))
}

/// Prints where the daemon listens, now that the socket is bound and the data is loaded.
fn announce(socket: &Path) {
    let mut out = std::io::stdout().lock();
    // The daemon serves even if nobody reads this.
    let written = writeln!(out, "listening on unix://{}", socket.display()).and_then(|()| out.flush());
    if let Err(error) = written {
        tracing::warn!(%error, "cannot write to standard output");
    }
    tracing::info!(socket = %socket.display(), version = env!("CARGO_PKG_VERSION"), "listening");
}

/// Reloads on SIGHUP: the configuration is only read at the start, so this purges cached secrets.
fn forget_secrets(broker: &Broker) {
    let purged = broker.purge(None).unwrap_or_default();
    tracing::info!(purged, "SIGHUP: purged the cached secrets");
}

fn not_closed() -> Failure {
    Failure::new(Exit::Failure, "the store could not be closed within the time allowed")
        .hint("start `kontraktord` again: everything that was acknowledged is in the log")
}

fn store_lost(reason: &str) -> Failure {
    Failure::new(Exit::Failure, format!("the store failed: {reason}"))
        .hint("start `kontraktord` again: everything that was acknowledged is in the log")
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        Self::new(Exit::Failure, error)
    }
}

impl From<ListenError> for Failure {
    fn from(error: ListenError) -> Self {
        match error {
            ListenError::InUse(_) => Self::new(Exit::InUse, error)
                .hint("stop that daemon first, or choose another socket with `--socket`"),
            ListenError::Directory { .. } | ListenError::Occupied { .. } => Self::new(Exit::Usage, error),
            ListenError::Io { .. } => Self::new(Exit::Failure, error),
        }
    }
}
