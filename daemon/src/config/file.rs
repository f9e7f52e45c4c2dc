//! The configuration file: its path and its settings.

use std::path::{Path, PathBuf};

use kontraktor_hardening::file::{OpenError, Rule, read_to_string};
use kontraktor_identity::{CertificateTable, IssuerTable};
use kontraktor_vault::{SettingError, VaultTable, read_config};
use serde::Deserialize;

use super::{error::ConfigError, process_env::ProcessEnv};

/// The settings of the file. Every one is optional; an unknown one is an error.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Values {
    pub(super) data_dir: Option<PathBuf>,
    pub(super) socket: Option<PathBuf>,
    pub(super) log: Option<String>,
    pub(super) log_format: Option<String>,
    pub(super) listen: Option<Vec<String>>,
    pub(super) cors_origins: Option<Vec<String>>,
    pub(super) tls: Option<TlsTable>,
    pub(super) connections: Option<ConnectionsTable>,
    pub(super) public_url: Option<String>,
    pub(super) tokens: Option<TokensTable>,
    pub(super) limits: Option<LimitsTable>,
    #[serde(default)]
    pub(super) issuer: Vec<IssuerTable>,
    #[serde(default)]
    pub(super) client_certificate: Vec<CertificateTable>,
    #[serde(default)]
    pub(super) vault: Vec<VaultTable>,
}

/// The table `[tls]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TlsTable {
    pub(super) mode: Option<String>,
    pub(super) cert: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
    pub(super) names: Option<Vec<String>>,
    pub(super) client_ca: Option<PathBuf>,
    pub(super) client_crl: Option<PathBuf>,
    pub(super) client_auth: Option<String>,
}

/// The table `[connections]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConnectionsTable {
    pub(super) max: Option<usize>,
    pub(super) max_per_address: Option<usize>,
    pub(super) handshake_timeout: Option<String>,
    pub(super) header_timeout: Option<String>,
    pub(super) idle_timeout: Option<String>,
    pub(super) stall_timeout: Option<String>,
}

/// The table `[tokens]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TokensTable {
    pub(super) lifetime: Option<String>,
}

/// The table `[limits]`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitsTable {
    pub(super) requests_per_second: Option<u32>,
    pub(super) burst: Option<u32>,
    pub(super) address_requests_per_second: Option<u32>,
    pub(super) address_burst: Option<u32>,
    pub(super) failure_cost: Option<u32>,
}

/// The file's path and settings; `None` where there is no file.
#[derive(Debug, Default)]
pub(super) struct FileLayer(pub(super) Option<(PathBuf, Values)>);

impl FileLayer {
    /// Reads the file of the flag or the environment, which must exist, or the default one, which need not.
    pub(super) fn load(flag: Option<&Path>, env: &ProcessEnv) -> Result<Self, ConfigError> {
        let explicit =
            flag.map(Path::to_owned).or_else(|| env.variable("KONTRAKTOR_CONFIG").map(PathBuf::from));
        let must_exist = explicit.is_some();
        let Some(path) = explicit.or_else(|| env.default_config_file()) else {
            return Ok(Self::default());
        };
        let text = match read_to_string(&path, Rule::Trusted) {
            Ok(text) => text,
            Err(OpenError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound && !must_exist => {
                return Ok(Self::default());
            }
            Err(OpenError::Io(error)) => return Err(ConfigError::File { path, reason: error.to_string() }),
            Err(OpenError::Untrusted(untrusted)) => {
                return Err(ConfigError::Untrusted { path, problem: untrusted.to_string() });
            }
        };
        match read_config(&text) {
            Ok(values) => Ok(Self(Some((path, values)))),
            Err(error) => Err(ConfigError::Content { path, reason: describe(error) }),
        }
    }
}

/// The arrays of tables, whose items the parser counts from 0.
const TABLES: [&str; 3] = ["vault", "issuer", "client-certificate"];

/// Describes an error, with the number of the table in its array.
fn describe(mut error: SettingError) -> String {
    let index = match error.path.as_slice() {
        [table, index, ..] if TABLES.contains(&table.as_str()) => index.parse::<usize>().ok(),
        _ => None,
    };
    let Some(index) = index else { return error.to_string() };
    let table = error.path.remove(0);
    error.path.remove(0);
    format!("[[{table}]] number {}: {error}", index + 1)
}
