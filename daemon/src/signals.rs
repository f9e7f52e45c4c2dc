//! The signals of the operating system, as futures.

use std::io;

use tokio::signal::unix::{self, SignalKind, signal};

use crate::supervisor::{Signal, SignalSource};

/// SIGTERM, SIGINT and SIGHUP, caught from the moment that this is made.
#[derive(Debug)]
pub struct Signals {
    terminate: unix::Signal,
    interrupt: unix::Signal,
    hang_up: unix::Signal,
}

impl Signals {
    /// Replaces the system's defaults. Needs a running tokio runtime.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }
}

impl SignalSource for Signals {
    /// SIGHUP does not stop the daemon, so that a closed terminal does not end it.
    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Stop("SIGTERM"),
            _ = self.interrupt.recv() => Signal::Stop("SIGINT"),
            _ = self.hang_up.recv() => Signal::Reload,
        }
    }
}
