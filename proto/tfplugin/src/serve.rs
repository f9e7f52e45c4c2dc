//! Serving a provider: from the handshake with the host to the end of the process.
//!
//! This module owns the order of things. How a certificate is pinned (`tls`), where the provider listens (`listener`) and
//! what runs beside it (`services`) is said elsewhere, and what the provider does is not its matter.

mod connection;
mod environment;
mod error;
mod listener;
mod scope;
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

use self::{connection::Acceptor, listener::Listener, tls::Tls};
pub use self::{environment::Environment, error::ServeError, scope::ConnectionScope};
use crate::{logging, wire::provider_server::Provider};

/// The version of the plugin protocol that this crate speaks.
pub const PROTOCOL_VERSION: u32 = 6;

/// The largest message that is received, in bytes. Hosts allow themselves as much.
pub const MAX_MESSAGE_BYTES: usize = 256 << 20;

/// How long calls that run may still take when the host ends the provider. The host kills after two seconds.
const GRACE: Duration = Duration::from_millis(1_200);

/// How a provider is run.
#[derive(Debug, Clone)]
pub enum Mode {
    /// Started by a host, which said how in the environment.
    Hosted(Environment),
    /// Started by a person, perhaps in a debugger. Hosts find it through `TF_REATTACH_PROVIDERS`, which is printed. There
    /// is no TLS; several hosts may come in turn; an interrupt ends it.
    Debug(Environment),
}

impl Mode {
    /// What the process's arguments and environment ask for: debugging with `--debug` among the arguments, else hosted.
    pub fn from_process() -> Self {
        let environment = Environment::from_process();
        if std::env::args_os().skip(1).any(|argument| argument == "--debug" || argument == "-debug") {
            Self::Debug(environment)
        } else {
            Self::Hosted(environment)
        }
    }

    /// What the process's environment said.
    pub fn environment(&self) -> &Environment {
        match self {
            Self::Hosted(environment) | Self::Debug(environment) => environment,
        }
    }
}

/// Which kind of socket to listen on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Transport {
    /// A unix socket where there are any, else TCP.
    #[default]
    Native,
    /// TCP on the loopback address.
    Tcp,
}

/// Where a plugin listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// The path of a unix socket.
    Unix(PathBuf),
    /// A port on the loopback address.
    Tcp(SocketAddr),
}

/// A provider and how to serve it.
#[derive(Debug)]
pub struct Plugin<P> {
    address: String,
    provider: P,
    transport: Transport,
}

impl<P: Provider> Plugin<P> {
    /// A plugin for the provider with this full source address, such as `registry.terraform.io/namespace/name`.
    pub fn new(address: impl Into<String>, provider: P) -> Self {
        Self { address: address.into(), provider, transport: Transport::Native }
    }

    /// Listens on another kind of socket.
    pub fn transport(self, transport: Transport) -> Self {
        Self { transport, ..self }
    }

    /// The whole of a provider's `main`: sends logs where the host reads them, serves on a runtime with one thread, and
    /// says on stderr what went wrong, in one line.
    pub fn run(self, mode: Mode) -> ExitCode {
        logging::init(mode.environment());
        let served = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => {
                let served = runtime.block_on(self.serve(mode));
                // Work that blocks a thread must not outlive the bound that the host sets.
                runtime.shutdown_background();
                served
            }
            Err(source) => Err(ServeError::Runtime { source }),
        };
        match served {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                // With stderr gone there is nobody left to tell.
                let _ = writeln!(io::stderr(), "{error}");
                ExitCode::FAILURE
            }
        }
    }

    /// Serves until the host ends the plugin, or a signal does. Returns within 1.2 seconds of that; calls that still run
    /// then end with the runtime.
    ///
    /// # Errors
    /// When the environment is not that of a host that this crate understands, or nothing can be bound or printed.
    pub async fn serve(self, mode: Mode) -> Result<(), ServeError> {
        let (line, listener, tls) = match &mode {
            Mode::Hosted(environment) => {
                environment.check_cookie(&self.address)?;
                environment.check_version()?;
                let tls = environment.client_certificate.as_deref().map(Tls::pinned_to).transpose()?;
                let listener = Listener::bind(environment, self.transport)?;
                let line = handshake(environment, listener.address(), tls.as_ref());
                (line, listener, tls)
            }
            Mode::Debug(environment) => {
                let listener = Listener::bind(environment, self.transport)?;
                (reattach(&self.address, listener.address()), listener, None)
            }
        };
        let (end, ended) = watch::channel(false);
        let signals = Signals::install(&mode).map_err(|source| ServeError::Runtime { source })?;
        announce(&line).map_err(|source| ServeError::Handshake { source })?;

        // The guard unlinks the socket, however this ends.
        let (listener, _guard) = listener.split();
        let incoming = Acceptor::new(listener, tls).run();
        let server = services::server(self.provider, end.clone(), &ended).await;
        let stopped = async {
            let mut ended = ended.clone();
            tokio::select! {
                // The sender lives as long as this function.
                _ = ended.wait_for(|ended| *ended) => {}
                () = signals.end() => {}
            }
            // Ends the streams that would stay open as long as the host does.
            end.send_replace(true);
        };
        let overdue = async {
            let mut ended = ended.clone();
            if ended.wait_for(|ended| *ended).await.is_err() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            served = server.serve_with_incoming_shutdown(incoming, stopped) => {
                served.map_err(|source| ServeError::Serve { source })
            }
            () = overdue => {
                tracing::warn!("ending while calls still run");
                Ok(())
            }
        }
    }
}

/// The signals that end a plugin, and those that must not.
struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    /// Only a person who debugs interrupts: Ctrl-C at a host reaches the whole process group, and the host decides.
    interrupt_ends: bool,
}

impl Signals {
    #[cfg(unix)]
    fn install(mode: &Mode) -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt_ends: matches!(mode, Mode::Debug(_)),
        })
    }

    #[cfg(not(unix))]
    fn install(mode: &Mode) -> io::Result<Self> {
        Ok(Self { interrupt_ends: matches!(mode, Mode::Debug(_)) })
    }

    /// Resolves at a signal that ends the plugin.
    async fn end(mut self) {
        while !self.next().await {
            tracing::debug!("interrupt ignored: the host decides when to end");
        }
    }

    /// Waits for a signal; whether it ends the plugin.
    #[cfg(unix)]
    async fn next(&mut self) -> bool {
        tokio::select! {
            _ = self.interrupt.recv() => self.interrupt_ends,
            _ = self.terminate.recv() => true,
        }
    }

    #[cfg(not(unix))]
    async fn next(&mut self) -> bool {
        match tokio::signal::ctrl_c().await {
            Ok(()) => self.interrupt_ends,
            Err(_) => std::future::pending().await,
        }
    }
}

/// The line by which the host finds the plugin: `1|6|unix|/path|grpc|certificate`.
fn handshake(environment: &Environment, address: &Address, tls: Option<&Tls>) -> String {
    let (network, place) = network(address);
    let certificate = tls.map_or("", Tls::certificate);
    // Hosts that know of multiplexing read a seventh field; for others it would be part of the certificate.
    let multiplex = if environment.multiplex { "|false" } else { "" };
    format!("1|{PROTOCOL_VERSION}|{network}|{place}|grpc|{certificate}{multiplex}\n")
}

/// The line that a person copies into the environment of a host.
fn reattach(provider: &str, address: &Address) -> String {
    let (network, place) = network(address);
    let reattach = serde_json::json!({
        provider: {
            "Protocol": "grpc",
            "ProtocolVersion": PROTOCOL_VERSION,
            "Pid": std::process::id(),
            "Test": true,
            "Addr": { "Network": network, "String": place },
        }
    });
    // Inside single quotes a shell takes everything as it is but the quote itself.
    format!("TF_REATTACH_PROVIDERS='{}'\n", reattach.to_string().replace('\'', r"'\''"))
}

fn network(address: &Address) -> (&'static str, String) {
    match address {
        Address::Unix(path) => ("unix", path.display().to_string()),
        Address::Tcp(address) => ("tcp", address.to_string()),
    }
}

/// The only thing that is ever written to stdout.
fn announce(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(line.as_bytes())?;
    stdout.flush()
}
