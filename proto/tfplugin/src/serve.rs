//! Serving a provider: from the handshake with the host to the end of the process.
//!
//! This module owns the order of the steps. `tls` pins the certificate, `listener` binds the socket, and `services` defines the
//! services beside the provider.

mod acceptor;
mod connection;
mod error;
mod extensions;
mod listener;
mod plugin_env;
mod services;
mod tls;

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use tokio::sync::watch;

use self::{acceptor::Acceptor, listener::Listener, tls::Tls};
pub use self::{error::ServeError, extensions::ConnectionExtensions, plugin_env::PluginEnv};
use crate::{logging, wire::provider_server::Provider};

/// The version of the plugin protocol that this crate implements.
pub const PROTOCOL_VERSION: u32 = 6;

/// The maximum size of a received message, in bytes. Hosts use the same limit.
pub const MAX_MESSAGE_BYTES: usize = 256 << 20;

/// How long running calls may take after the host shuts the provider down. The host kills the process after two seconds.
const GRACE_PERIOD: Duration = Duration::from_millis(1_200);

/// How a provider is started.
#[derive(Debug, Clone)]
pub enum Mode {
    /// By a host, which passes its settings in environment variables.
    Hosted(PluginEnv),
    /// By a person, for debugging. The provider prints `TF_REATTACH_PROVIDERS`, which lets hosts connect to it. There is no TLS,
    /// any number of hosts may connect, and an interrupt stops it.
    Debug(PluginEnv),
}

impl Mode {
    /// Reads the process's arguments and environment: `Debug` if `--debug` is among the arguments, otherwise `Hosted`.
    pub fn from_process() -> Self {
        let environment = PluginEnv::from_process();
        if std::env::args_os().skip(1).any(|argument| argument == "--debug" || argument == "-debug") {
            Self::Debug(environment)
        } else {
            Self::Hosted(environment)
        }
    }

    /// Returns the host's settings.
    pub fn environment(&self) -> &PluginEnv {
        match self {
            Self::Hosted(environment) | Self::Debug(environment) => environment,
        }
    }
}

/// The kind of socket to listen on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Transport {
    /// A unix socket if the platform has them, otherwise TCP.
    #[default]
    Native,
    /// TCP on the loopback address.
    Tcp,
}

/// The address that a plugin listens on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// The path of a unix socket.
    Unix(PathBuf),
    /// A port on the loopback address.
    Tcp(SocketAddr),
}

/// A provider, and how to serve it.
#[derive(Debug)]
pub struct Plugin<P> {
    address: String,
    provider: P,
    transport: Transport,
}

impl<P: Provider> Plugin<P> {
    /// Creates a plugin. `address` is the provider's full source address, such as `registry.terraform.io/namespace/name`.
    pub fn new(address: impl Into<String>, provider: P) -> Self {
        Self { address: address.into(), provider, transport: Transport::Native }
    }

    /// Sets the kind of socket to listen on.
    pub fn transport(self, transport: Transport) -> Self {
        Self { transport, ..self }
    }

    /// Runs a provider's whole `main`: sets up logging, serves on a single-threaded runtime, and reports an error on stderr, in
    /// one line.
    pub fn run(self, mode: Mode) -> ExitCode {
        logging::init(mode.environment().log_level);
        let served = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => {
                let served = runtime.block_on(self.serve(mode));
                // Blocking tasks must not delay the end of the process beyond the host's limit.
                runtime.shutdown_background();
                served
            }
            Err(source) => Err(ServeError::Runtime { source }),
        };
        match served {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                // An error on stderr cannot be reported anywhere else.
                let _ = writeln!(io::stderr(), "{error}");
                ExitCode::FAILURE
            }
        }
    }

    /// Serves until the host or a signal shuts the plugin down. Returns within 1.2 seconds of that; calls that are still running
    /// end with the runtime.
    ///
    /// # Errors
    /// If the environment is not that of a supported host, or the socket cannot be bound or the handshake not printed.
    pub async fn serve(self, mode: Mode) -> Result<(), ServeError> {
        let (line, listener, tls) = match &mode {
            Mode::Hosted(environment) => {
                environment.check_cookie(&self.address)?;
                environment.check_version()?;
                let tls = environment.client_certificate.as_deref().map(Tls::pinned_to).transpose()?;
                let listener = Listener::bind(environment, self.transport)?;
                let line = handshake_line(environment, listener.address(), tls.as_ref());
                (line, listener, tls)
            }
            Mode::Debug(environment) => {
                let listener = Listener::bind(environment, self.transport)?;
                (reattach_line(&self.address, listener.address()), listener, None)
            }
        };
        let (end, ended) = watch::channel(false);
        let signals = Signals::install(&mode).map_err(|source| ServeError::Runtime { source })?;
        print_line(&line).map_err(|source| ServeError::Handshake { source })?;

        // The guard removes the socket on every path.
        let (listener, _guard) = listener.split();
        let incoming = Acceptor::new(listener, tls).run();
        let server = services::server(self.provider, end.clone(), &ended).await;
        let stopped = async {
            let mut ended = ended.clone();
            tokio::select! {
                // The sender is not dropped before this function returns.
                _ = ended.wait_for(|ended| *ended) => {}
                () = signals.end() => {}
            }
            // Ends the streams that would otherwise stay open.
            end.send_replace(true);
        };
        let overdue = async {
            let mut ended = ended.clone();
            if ended.wait_for(|ended| *ended).await.is_err() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(GRACE_PERIOD).await;
        };
        tokio::select! {
            served = server.serve_with_incoming_shutdown(incoming, stopped) => {
                served.map_err(|source| ServeError::Serve { source })
            }
            () = overdue => {
                tracing::warn!("ending while calls are still running");
                Ok(())
            }
        }
    }
}

/// The signals that stop a plugin, and those that are ignored.
struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    /// Whether an interrupt stops the plugin. Under a host it does not: Ctrl-C reaches the whole process group, and the host
    /// decides when to stop.
    interrupt_stops: bool,
}

impl Signals {
    #[cfg(unix)]
    fn install(mode: &Mode) -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt_stops: matches!(mode, Mode::Debug(_)),
        })
    }

    #[cfg(not(unix))]
    fn install(mode: &Mode) -> io::Result<Self> {
        Ok(Self { interrupt_stops: matches!(mode, Mode::Debug(_)) })
    }

    /// Completes at a signal that stops the plugin.
    async fn end(mut self) {
        while !self.next().await {
            tracing::debug!("ignoring an interrupt: the host decides when to stop");
        }
    }

    /// Waits for a signal, and returns whether it stops the plugin.
    #[cfg(unix)]
    async fn next(&mut self) -> bool {
        tokio::select! {
            _ = self.interrupt.recv() => self.interrupt_stops,
            _ = self.terminate.recv() => true,
        }
    }

    #[cfg(not(unix))]
    async fn next(&mut self) -> bool {
        match tokio::signal::ctrl_c().await {
            Ok(()) => self.interrupt_stops,
            Err(_) => std::future::pending().await,
        }
    }
}

/// Returns the handshake line, by which the host finds the plugin: `1|6|unix|/path|grpc|certificate`.
fn handshake_line(environment: &PluginEnv, address: &Address, tls: Option<&Tls>) -> String {
    let (network, location) = network(address);
    let certificate = tls.map_or("", Tls::certificate);
    // Hosts that support multiplexing read a seventh field; others would read it as part of the certificate.
    let multiplex = if environment.multiplex { "|false" } else { "" };
    format!("1|{PROTOCOL_VERSION}|{network}|{location}|grpc|{certificate}{multiplex}\n")
}

/// Returns the line that a person copies into the environment of a host.
fn reattach_line(provider: &str, address: &Address) -> String {
    let (network, location) = network(address);
    let reattach = serde_json::json!({
        provider: {
            "Protocol": "grpc",
            "ProtocolVersion": PROTOCOL_VERSION,
            "Pid": std::process::id(),
            "Test": true,
            "Addr": { "Network": network, "String": location },
        }
    });
    // In single quotes, a shell interprets nothing but the quote itself.
    format!("TF_REATTACH_PROVIDERS='{}'\n", reattach.to_string().replace('\'', r"'\''"))
}

fn network(address: &Address) -> (&'static str, String) {
    match address {
        Address::Unix(path) => ("unix", path.display().to_string()),
        Address::Tcp(address) => ("tcp", address.to_string()),
    }
}

/// Prints the handshake, the only output on stdout.
fn print_line(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(line.as_bytes())?;
    stdout.flush()
}
