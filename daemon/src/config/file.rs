//! The configuration file: where it is, and what may stand in it.

use std::path::{Path, PathBuf};

use figment::{
    Figment,
    providers::{Format as _, Toml},
};
use serde::Deserialize;

use super::{ConfigError, Surroundings};
use kontraktor_vault::VaultTable;

/// What the file may hold. Every name is optional, an unknown one is an error.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Values {
    pub(super) data_dir: Option<PathBuf>,
    pub(super) socket: Option<PathBuf>,
    pub(super) log: Option<String>,
    pub(super) log_format: Option<String>,
    #[serde(default)]
    pub(super) vault: Vec<VaultTable>,
}

/// The file's values and its path; neither where there is no file.
#[derive(Debug, Default)]
pub(super) struct FileLayer(pub(super) Option<(PathBuf, Values)>);

impl FileLayer {
    /// Reads the file that the flag or the environment names, which must exist, or the default one where it exists.
    pub(super) fn load(flag: Option<&Path>, surroundings: &Surroundings) -> Result<Self, ConfigError> {
        let named = flag
            .map(Path::to_owned)
            .or_else(|| surroundings.variable("KONTRAKTOR_CONFIG").map(PathBuf::from));
        let must_exist = named.is_some();
        let Some(path) = named.or_else(|| surroundings.default_config_file()) else {
            return Ok(Self::default());
        };
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !must_exist => {
                return Ok(Self::default());
            }
            Err(error) => return Err(ConfigError::File { path, reason: error.to_string() }),
        };
        match Figment::from(Toml::string(&text)).extract() {
            Ok(values) => Ok(Self(Some((path, values)))),
            // The file's path is in our message; the parser would call it "TOML source string".
            Err(error) => {
                let reason = error.into_iter().map(located).collect::<Vec<_>>().join("; ");
                Err(ConfigError::Content { path, reason })
            }
        }
    }
}

/// What is wrong, and in which of the vaults' tables, whose place the parser counts from 0.
fn located(mut error: figment::Error) -> String {
    let number = match error.path.as_slice() {
        [table, place, ..] if table == "vault" => place.parse::<usize>().ok(),
        _ => None,
    };
    let Some(number) = number else { return kontraktor_vault::told(error) };
    error.path.drain(..2);
    format!("[[vault]] number {}: {}", number + 1, kontraktor_vault::told(error))
}
