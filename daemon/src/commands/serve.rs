//! `kontraktord` without a command: open the data, listen, serve, and stop in order.

mod callers;
mod network;
mod reload;

use std::{io::Write as _, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use kontraktor_api::{ApiOptions, Listener, Running, ServeError, Tls};
use kontraktor_service::{DAMAGED_REMEDY, Service, ServiceOptions, StoreLost};
use kontraktor_store_duckdb::DuckDbStore;
use kontraktor_vault::{Broker, ConfiguredVault};
use tokio::sync::Notify;

use self::{callers::Callers, network::TlsStart, reload::Reloader};
use super::data;
use crate::{
    clock,
    config::{Config, ConfigError},
    exit::{Exit, Failure},
    listener::{Bound, ListenError},
    logging,
    signals::Signals,
    supervisor::{OnOverrun, Supervisor, Task},
};

/// How long the running calls have to be answered after a signal.
const ANSWERED_BY: Duration = Duration::from_secs(7);

/// When, after a signal, what was accepted must be written and the database closed: the 10 seconds that `--help` promises.
const CLOSED_BY: Duration = Duration::from_secs(10);

/// How long ending leases may take meanwhile. A vault that does not answer must not make every stop as long as it may be.
const REVOKED_WITHIN: Duration = Duration::from_secs(3);

/// Serves with this configuration; `load` reads it again.
pub(super) fn run(
    config: Config,
    load: impl Fn() -> Result<Config, ConfigError> + Send + Sync + 'static,
) -> Result<(), Failure> {
    logging::start(&config.log.value, config.log_format.value)?;
    super::keep_memory_private();
    clock::check()?;
    let vaults = config.vaults()?;
    report_grants(&vaults);
    let broker = Broker::new(vaults, Arc::new(clock::now));
    // So that a bad setting is reported before anything is opened.
    config.identities.issuers()?;
    config.identities.certificates()?;
    let runtime = super::runtime()?;
    let result = runtime.block_on(serve(config, load, broker));
    // Those who are still connected have had their time.
    runtime.shutdown_timeout(Duration::from_millis(100));
    result
}

async fn serve(
    config: Config,
    load: impl Fn() -> Result<Config, ConfigError> + Send + Sync + 'static,
    broker: Broker,
) -> Result<(), Failure> {
    let (data_dir, socket) = (config.data_dir.value.clone(), config.socket.value.clone());
    // Before anything else, so that a signal during the start is not lost.
    let mut signals = Signals::new()
        .map_err(|error| Failure::new(Exit::Failure, format!("cannot handle signals: {error}")))?;

    let tls = TlsStart::load(&config.network)?;
    let (store, service) = open(&data_dir, broker.clone()).await?;
    let Serving { _bound, listeners, urls, port, tls } = match listen(&config, tls).await {
        Ok(serving) => serving,
        Err(failure) => {
            service.drain(CLOSED_BY).await;
            return Err(failure);
        }
    };
    // For commands that find the data locked. Without it they try the default socket.
    if let Err(error) = store.dir().note_socket(&socket) {
        tracing::warn!(%error, "cannot record the socket beside the data");
    }

    let config = config.with_chosen_port(port);
    let callers = match Callers::open(&config).await {
        Ok(callers) => callers,
        Err(failure) => {
            service.drain(CLOSED_BY).await;
            return Err(failure);
        }
    };

    announce(&urls, tls.as_deref());
    let options = ApiOptions {
        data_dir,
        connections: network::fit_open_files(&config.network.connections.value),
        cors_origins: config.network.cors_origins.value.clone().into(),
        identity: Arc::clone(&callers.identity),
        limits: Arc::clone(&callers.limits),
    };
    let hung_up = Arc::new(Notify::new());
    let tls_task = tls.clone().map(network::tls_task);
    let load = move || load().map(|config| config.with_chosen_port(port));
    let reloader = Reloader::new(config, load, broker.clone(), callers, tls, REVOKED_WITHIN);
    Supervisor::default()
        .stage(vec![store_task(service.clone()), vaults_task(broker.clone())])
        .stage(
            [api_task(listeners, service, options), config_task(reloader, Arc::clone(&hung_up))]
                .into_iter()
                .chain(tls_task)
                .collect(),
        )
        .on_reload(move || {
            forget_secrets(&broker);
            hung_up.notify_one();
        })
        .run(&mut signals)
        .await
}

/// What the daemon serves on.
struct Serving {
    /// Removes the socket at the end.
    _bound: Bound,
    listeners: Vec<Listener>,
    /// Where the listeners are reached.
    urls: Vec<String>,
    /// The port of the first address.
    port: Option<u16>,
    tls: Option<Arc<Tls>>,
}

/// Binds the socket and the ports.
async fn listen(config: &Config, tls: TlsStart) -> Result<Serving, Failure> {
    let socket = config.socket.value.as_path();
    let (bound, listener) = Bound::bind(socket)?;
    let tls = tls.finish(&config.network)?;
    let mut listeners = vec![Listener::Unix(listener)];
    let mut urls = vec![format!("unix://{}", socket.display())];
    let (ports, addresses) = network::bind(&config.network.listen.value, tls.as_ref()).await?;
    listeners.extend(ports);
    let scheme = if tls.is_some() { "https" } else { "http" };
    urls.extend(addresses.iter().map(|address| format!("{scheme}://{address}")));
    let port = addresses.first().map(SocketAddr::port);
    Ok(Serving { _bound: bound, listeners, urls, port, tls })
}

/// Watches the store, and at the end writes what was accepted and closes it.
fn store_task(service: Service) -> Task {
    Task::new("the store", move |mut stop| {
        let service = service.clone();
        async move {
            tokio::select! {
                lost = service.fatal() => Err(store_lost(&lost)),
                _ = stop.requested() => {
                    // The supervisor knows the limit.
                    service.drain(Duration::MAX).await;
                    Ok(())
                }
            }
        }
    })
    .stopped_by(CLOSED_BY, OnOverrun::Fail(not_closed))
}

/// Logs which vaults grant nothing to environments.
fn report_grants(vaults: &[ConfiguredVault]) {
    for remark in vaults.iter().filter_map(ConfiguredVault::without_grants) {
        tracing::info!("{remark}");
    }
}

/// Ends leases in their vaults when the daemon stops.
fn vaults_task(broker: Broker) -> Task {
    Task::new("the vaults", move |mut stop| {
        let broker = broker.clone();
        async move {
            let left = stop.requested().await;
            broker.close(left.min(REVOKED_WITHIN)).await;
            Ok(())
        }
    })
    .stopped_by(CLOSED_BY, OnOverrun::Warn)
}

/// Serves the API. At the end it answers the calls that run, and does not wait for connections on which nothing does.
fn api_task(listeners: Vec<Listener>, service: Service, options: ApiOptions) -> Task {
    let mut listeners = Some(listeners);
    Task::new("the API", move |mut stop| {
        let (listeners, service, options) =
            (listeners.take().unwrap_or_default(), service.clone(), options.clone());
        async move {
            let running = Running::default();
            let mut asked = stop.clone();
            let stopped = async move {
                stop.requested().await;
            };
            let serving = kontraktor_api::serve(listeners, service, options, running.clone(), stopped);
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
    .stopped_by(ANSWERED_BY, OnOverrun::Warn)
}

/// Reads the configuration again after each SIGHUP; several in a row are one.
fn config_task(reloader: Reloader, hung_up: Arc<Notify>) -> Task {
    let mut reloader = Some(reloader);
    Task::new("the configuration", move |mut stop| {
        let (mut reloader, hung_up) = (reloader.take(), Arc::clone(&hung_up));
        async move {
            let reloads = async {
                while let Some(reloader) = &mut reloader {
                    hung_up.notified().await;
                    reloader.reload().await;
                }
            };
            tokio::select! {
                () = reloads => {}
                _ = stop.requested() => {}
            }
            Ok(())
        }
    })
    .stopped_by(ANSWERED_BY, OnOverrun::Warn)
}

/// Opens the data, loads the state and starts the writer. Both read the disk.
async fn open(data_dir: &Path, broker: Broker) -> Result<(Arc<DuckDbStore>, Service), Failure> {
    let data_dir = data_dir.to_owned();
    let opening = tokio::task::spawn_blocking(move || {
        let store = Arc::new(data::open(&data_dir)?);
        let options = ServiceOptions::default();
        let service = Service::start_with(Arc::clone(&store) as _, Arc::new(clock::now), options, broker)?;
        Ok((store, service))
    });
    opening
        .await
        .unwrap_or_else(|error| Err(Failure::new(Exit::Failure, format!("opening the data failed: {error}"))))
}

/// Prints where the daemon listens, now that everything is bound and the data is loaded, and whose certificates are its own.
fn announce(urls: &[String], tls: Option<&Tls>) {
    let mut lines: Vec<_> = urls.iter().map(|url| format!("listening on {url}\n")).collect();
    if let Some(authority) = tls.and_then(Tls::own_authority) {
        lines.push(format!("clients have to trust the authority {}\n", authority.display()));
    }
    let mut out = std::io::stdout().lock();
    // The daemon serves even if nobody reads this.
    let written = out.write_all(lines.concat().as_bytes()).and_then(|()| out.flush());
    if let Err(error) = written {
        tracing::warn!(%error, "cannot write to standard output");
    }
    tracing::info!(on = %urls.join(", "), version = env!("CARGO_PKG_VERSION"), "listening");
}

/// Purges cached secrets on SIGHUP, whatever becomes of the configuration.
fn forget_secrets(broker: &Broker) {
    let purged = broker.purge(None).unwrap_or_default();
    tracing::info!(purged, "SIGHUP: purged the cached secrets");
}

fn not_closed() -> Failure {
    Failure::new(Exit::Failure, "the store could not be closed within the time allowed")
        .hint("start `kontraktord` again: everything that was acknowledged is in the log")
}

fn store_lost(lost: &StoreLost) -> Failure {
    let StoreLost { reason, is_damaged } = lost;
    if *is_damaged {
        return Failure::new(Exit::Data, reason).hint(DAMAGED_REMEDY);
    }
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
