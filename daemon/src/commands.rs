//! The commands of `kontraktord`: one a file.

mod audit_verify;
mod bootstrap;
mod check_config;
mod data;
mod serve;
mod vault_check;

use kontraktor_hardening::memory;
use tokio::runtime::Runtime;

use crate::{
    cli::{AuditCommand, Cli, Command, NetworkOptions, Options, VaultCommand},
    config::{Config, ConfigError, Flags, ProcessEnv},
    exit::{Exit, Failure},
};

/// Runs the command of the command line.
pub fn run(cli: Cli) -> Result<(), Failure> {
    // Every file that is created from here on (database, lock, socket) is the owner's alone.
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
    let Options { data_dir, socket, config, log, log_format } = cli.options;
    let NetworkOptions { listen, tls, tls_name: tls_names } = cli.network;
    let flags = Flags { data_dir, socket, config, log, log_format, listen, tls, tls_names };
    let env = ProcessEnv::read();
    let config = Config::load(&flags, &env)?;
    match cli.command {
        None if cli.check_config => check_config::run(&config),
        None => serve::run(config, move || Config::load(&flags, &env)),
        Some(_) if cli.check_config => {
            Err(Failure::new(Exit::Usage, "--check-config cannot be used together with a command"))
        }
        Some(Command::Audit(AuditCommand::Verify(arguments))) => audit_verify::run(&config, &arguments),
        Some(Command::Bootstrap(arguments)) => bootstrap::run(&config, &arguments),
        Some(Command::Vault(VaultCommand::Check(arguments))) => vault_check::run(&config, &arguments),
    }
}

/// Keeps secrets in memory out of core dumps. What the system does not allow does not keep the daemon from its work.
fn keep_memory_private() {
    for missing in memory::keep_private(memory::Scope::Descendants) {
        tracing::warn!("{missing}");
    }
}

fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("kontraktord")
        .build()
        .map_err(|error| Failure::new(Exit::Failure, format!("cannot start threads: {error}")))
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::new(Exit::Usage, error)
            .hint("run `kontraktord --help` for the list of settings; nothing was changed")
    }
}
