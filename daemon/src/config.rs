//! Configuration: four layers of raw text become one checked [`Config`] before anything is opened or bound, and again on a
//! reload.
//!
//! It creates nothing, and opens nothing but the configuration file; whether a path is usable is found out when it is used.

mod error;
mod file;
mod identity;
mod network;
mod process_env;
mod setting;
mod source;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use kontraktor_model::names::VaultName;
use kontraktor_proto::endpoint::{MAX_SOCKET_PATH_BYTES, excessive_length};
use kontraktor_vault::{ConfiguredVault, VaultTable};
use tracing_subscriber::EnvFilter;

pub use self::{
    error::ConfigError, identity::Identities, network::Network, process_env::ProcessEnv, setting::Setting,
    source::Source,
};
use self::{file::FileLayer, setting::Lookup};
use crate::log_format::LogFormat;

/// The URL of a daemon that nobody has named: its tokens are for itself alone.
const DEFAULT_PUBLIC_URL: &str = "https://localhost:8743";

/// What the command line sets. It wins over every other source.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--data-dir`.
    pub data_dir: Option<PathBuf>,
    /// `--socket`.
    pub socket: Option<PathBuf>,
    /// `--config`, a file that must exist.
    pub config: Option<PathBuf>,
    /// `--log`.
    pub log: Option<String>,
    /// `--log-format`.
    pub log_format: Option<String>,
    /// `--listen`, once for each.
    pub listen: Vec<String>,
    /// `--tls`.
    pub tls: Option<String>,
    /// `--tls-name`, once for each.
    pub tls_names: Vec<String>,
}

/// The checked configuration. Paths are absolute.
#[derive(Debug, Clone)]
pub struct Config {
    /// The directory of the database and the lock.
    pub data_dir: Setting<PathBuf>,
    /// The unix socket to serve on, at most [`MAX_SOCKET_PATH_BYTES`] bytes.
    pub socket: Setting<PathBuf>,
    /// Directives for [`EnvFilter`], which it can parse.
    pub log: Setting<String>,
    /// How log lines are written.
    pub log_format: Setting<LogFormat>,
    /// Where and how to serve besides the socket.
    pub network: Network,
    /// Who may call from the network.
    pub identities: Identities,
    /// The configuration file and its vaults, which no other source configures.
    vaults: Option<(PathBuf, Vec<VaultTable>)>,
}

impl Config {
    /// Looks each setting up in its sources and checks it.
    pub fn load(flags: &Flags, env: &ProcessEnv) -> Result<Self, ConfigError> {
        let file = FileLayer::load(flags.config.as_deref(), env)?;

        let data_dir = Lookup::flag("data-dir", flags.data_dir.clone())
            .or_variable(env, "KONTRAKTOR_DATA_DIR", |text| text.into())
            .or_file(&file, |values| values.data_dir.clone())
            .or_default(|| env.default_data_dir())?;
        let socket = Lookup::flag("socket", flags.socket.clone())
            .or_variable(env, "KONTRAKTOR_SOCKET", |text| text.into())
            .or_file(&file, |values| values.socket.clone())
            .or_default(|| Ok(env.default_socket()))?;
        let log = Lookup::flag("log", flags.log.clone())
            .or_variable(env, "KONTRAKTOR_LOG", |text| text.to_string_lossy().into_owned())
            .or_file(&file, |values| values.log.clone())
            .or_default(|| Ok("info".to_owned()))?;
        let log_format = Lookup::flag("log-format", flags.log_format.clone())
            .or_variable(env, "KONTRAKTOR_LOG_FORMAT", |text| text.to_string_lossy().into_owned())
            .or_file(&file, |values| values.log_format.clone())
            .or_default(|| Ok(LogFormat::default().to_string()))?;

        let data_dir = data_dir.check(|path| absolute(&path, env))?;
        let network = Network::load(flags, env, &file, &data_dir.value)?;
        let identities =
            Identities::load(env, &file, || network.url().unwrap_or_else(|| DEFAULT_PUBLIC_URL.to_owned()))?;
        let vaults = file.0.map(|(path, values)| (path, values.vault));
        Ok(Self {
            identities,
            vaults,
            data_dir,
            network,
            socket: socket.check(|path| absolute(&path, env).and_then(fits_a_socket))?,
            log: log.check(|text| {
                // The parser's message is not passed on: it may repeat the text.
                let is_valid = EnvFilter::try_new(&text).is_ok();
                is_valid.then_some(text).ok_or_else(|| {
                    "expected `error`, `warn`, `info`, `debug` or `trace`, or directives such as \
                     `info,kontraktor_api=debug`"
                        .to_owned()
                })
            })?,
            log_format: log_format
                .check(|text| text.parse().map_err(|()| "expected `auto`, `text` or `json`".to_owned()))?,
        })
    }

    /// Returns the configuration with those settings of a running daemon that cannot change.
    pub fn with_fixed_settings_of(self, running: &Self) -> Self {
        let Self { data_dir, socket, log_format, network, .. } = running.clone();
        // Whether there is TLS at all cannot change; which, can.
        let tls = if network.tls.value.is_some() && self.network.tls.value.is_some() {
            self.network.tls.clone()
        } else {
            network.tls.clone()
        };
        let network = Network { tls, ..network };
        let identities = self.identities.clone().with_fixed_settings_of(&running.identities);
        Self { data_dir, socket, log_format, network, identities, ..self }
    }

    /// Returns the configuration with the port that the system has chosen for the first address, in the URL that nobody has
    /// named.
    pub fn with_chosen_port(mut self, port: Option<u16>) -> Self {
        if let (Some(port), Source::Default) = (port, &self.identities.public_url.source)
            && let Some(host) = self.identities.public_url.value.strip_suffix(":0")
        {
            self.identities.public_url.value = format!("{host}:{port}");
        }
        self
    }

    /// Returns the configuration file that was read, where there was one.
    pub fn file(&self) -> Option<&Path> {
        self.vaults.as_ref().map(|(path, _)| path.as_path())
    }

    /// Returns the names of the vaults whose settings are the same in another configuration.
    pub fn vaults_unchanged_since(&self, before: &Self) -> BTreeSet<VaultName> {
        kontraktor_vault::unchanged(before.vault_tables(), self.vault_tables())
    }

    fn vault_tables(&self) -> &[VaultTable] {
        self.vaults.as_ref().map_or(&[], |(_, tables)| tables)
    }

    /// Builds the vaults, without connecting to them.
    pub fn vaults(&self) -> Result<Vec<ConfiguredVault>, ConfigError> {
        let Some((path, tables)) = &self.vaults else { return Ok(Vec::new()) };
        kontraktor_vault::build(tables).map_err(|problem| ConfigError::Vault { path: path.clone(), problem })
    }

    /// Writes each setting and its source, for `--check-config`.
    pub fn print(&self, out: &mut impl std::io::Write) -> std::io::Result<()> {
        let rows = [
            ("data-dir", self.data_dir.value.display().to_string(), &self.data_dir.source),
            ("socket", self.socket.value.display().to_string(), &self.socket.source),
            ("log", self.log.value.clone(), &self.log.source),
            ("log-format", self.log_format.value.to_string(), &self.log_format.source),
        ];
        for (name, value, source) in rows {
            writeln!(out, "{name} = {value:?}  # {source}")?;
        }
        for (name, value, source) in self.network.rows().into_iter().chain(self.identities.rows()) {
            writeln!(out, "{name} = {value}  # {source}")?;
        }
        out.flush()
    }
}

fn absolute(path: &Path, env: &ProcessEnv) -> Result<PathBuf, String> {
    if path.as_os_str().is_empty() {
        return Err("it is empty".to_owned());
    }
    if path.is_absolute() {
        return Ok(path.to_owned());
    }
    match env.working_dir() {
        Some(dir) => Ok(dir.join(path)),
        None => Err("it is relative, but the working directory is unknown; use an absolute path".to_owned()),
    }
}

fn fits_a_socket(path: PathBuf) -> Result<PathBuf, String> {
    if let Some(bytes) = excessive_length(&path) {
        return Err(format!(
            "{} is {bytes} bytes long; the system allows at most {MAX_SOCKET_PATH_BYTES}. Choose a shorter path with \
             `--socket` or KONTRAKTOR_SOCKET",
            path.display()
        ));
    }
    if path.file_name().is_none() {
        return Err(format!("expected a file in a directory, found {}", path.display()));
    }
    Ok(path)
}
