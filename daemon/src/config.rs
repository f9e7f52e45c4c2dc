//! Configuration: four layers of raw text become one checked [`Config`], once, before anything is opened or bound.
//!
//! It creates nothing and opens nothing but the configuration file; whether a path can be used is found out by
//! whoever uses it.

mod file;
mod sources;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use kontraktor_proto::endpoint::MAX_SOCKET_PATH_BYTES;
use tracing_subscriber::EnvFilter;

pub use self::sources::Surroundings;
use self::{file::FileLayer, sources::Found};
use crate::cli::Options;
use kontraktor_vault::{Configured, VaultTable};

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    #[default]
    Auto,
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Text => "text",
            Self::Json => "json",
        })
    }
}

impl FromStr for LogFormat {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "auto" => Ok(Self::Auto),
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(()),
        }
    }
}

/// Where a setting was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A flag of the command line.
    Flag(&'static str),
    /// An environment variable.
    Variable(&'static str),
    /// The configuration file.
    File(PathBuf),
    /// Nowhere: the default.
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "flag --{name}"),
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A checked setting, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<T> {
    /// What will be used.
    pub value: T,
    /// Where it was found.
    pub source: Source,
}

/// What the daemon runs with. Paths are absolute.
#[derive(Debug, Clone)]
pub struct Config {
    /// The directory of the database and the lock.
    pub data_dir: Setting<PathBuf>,
    /// The unix socket to serve on, at most [`MAX_SOCKET_PATH_BYTES`] bytes.
    pub socket: Setting<PathBuf>,
    /// Directives for [`EnvFilter`], known to parse.
    pub log: Setting<String>,
    /// How log lines are written.
    pub log_format: Setting<LogFormat>,
    /// The configuration file, and the vaults in it: they are configured nowhere else.
    vaults: Option<(PathBuf, Vec<VaultTable>)>,
}

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A value breaks a rule.
    #[error("{setting} from {origin} {problem}")]
    Invalid {
        /// The setting, by its name in flags and file.
        setting: &'static str,
        /// Where the value was found.
        origin: Source,
        /// What is wrong with it, with the rule.
        problem: String,
    },
    /// The configuration file cannot be read.
    #[error("the configuration file {} cannot be read: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// The configuration file holds what it must not.
    #[error("the configuration file {} is wrong: {reason}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what may stand there.
        reason: String,
    },
    /// A vault cannot be used as it is configured.
    #[error("the configuration file {} is wrong: {problem}", path.display())]
    Vault {
        /// The file.
        path: PathBuf,
        /// Which vault and which setting, with the rule.
        problem: String,
    },
    /// There is no default for a path, because the directory that it would be in is not known.
    #[error("there is no default for {setting}: {reason}")]
    NoDefault {
        /// The setting, by its name in flags and file.
        setting: &'static str,
        /// What is not known.
        reason: String,
    },
}

impl Config {
    /// Puts the layers over each other and checks what comes out.
    pub fn load(flags: &Options, surroundings: &Surroundings) -> Result<Self, ConfigError> {
        let file = FileLayer::load(flags.config.as_deref(), surroundings)?;

        let data_dir = Found::flag("data-dir", flags.data_dir.clone())
            .or_variable(surroundings, "KONTRAKTOR_DATA_DIR", |text| text.into())
            .or_file(&file, |values| values.data_dir.clone())
            .or_default(|| surroundings.default_data_dir())?;
        let socket = Found::flag("socket", flags.socket.clone())
            .or_variable(surroundings, "KONTRAKTOR_SOCKET", |text| text.into())
            .or_file(&file, |values| values.socket.clone())
            .or_default(|| Ok(surroundings.default_socket()))?;
        let log = Found::flag("log", flags.log.clone())
            .or_variable(surroundings, "KONTRAKTOR_LOG", |text| text.to_string_lossy().into_owned())
            .or_file(&file, |values| values.log.clone())
            .or_default(|| Ok("info".to_owned()))?;
        let log_format = Found::flag("log-format", flags.log_format.map(|format| format.to_string()))
            .or_variable(surroundings, "KONTRAKTOR_LOG_FORMAT", |text| text.to_string_lossy().into_owned())
            .or_file(&file, |values| values.log_format.clone())
            .or_default(|| Ok(LogFormat::default().to_string()))?;

        let vaults = file.0.map(|(path, values)| (path, values.vault));
        Ok(Self {
            vaults,
            data_dir: data_dir.check(|path| absolute(&path, surroundings))?,
            socket: socket.check(|path| absolute(&path, surroundings).and_then(fits_a_socket))?,
            log: log.check(|text| {
                // The parser's words are not passed on: they may repeat the text.
                let understood = EnvFilter::try_new(&text).is_ok();
                understood.then_some(text).ok_or_else(|| {
                    "is not understood; write error, warn, info, debug or trace, or directives such as \
                     `info,kontraktor_api=debug`"
                        .to_owned()
                })
            })?,
            log_format: log_format.check(|text| {
                text.parse()
                    .map_err(|()| "is none that there is; it must be `auto`, `text` or `json`".to_owned())
            })?,
        })
    }

    /// The vaults, made but not connected to.
    pub fn vaults(&self) -> Result<Vec<Configured>, ConfigError> {
        let Some((path, tables)) = &self.vaults else { return Ok(Vec::new()) };
        kontraktor_vault::build(tables).map_err(|problem| ConfigError::Vault { path: path.clone(), problem })
    }

    /// Writes what would be used and where each part comes from, for `--check-config`.
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
        out.flush()
    }
}

fn absolute(path: &Path, surroundings: &Surroundings) -> Result<PathBuf, String> {
    if path.as_os_str().is_empty() {
        return Err("is empty; it must be a path".to_owned());
    }
    if path.is_absolute() {
        return Ok(path.to_owned());
    }
    match surroundings.working_dir() {
        Some(dir) => Ok(dir.join(path)),
        None => Err("is relative, and the working directory is not known; write it from the root".to_owned()),
    }
}

fn fits_a_socket(path: PathBuf) -> Result<PathBuf, String> {
    let length = path.as_os_str().len();
    if length > MAX_SOCKET_PATH_BYTES {
        return Err(format!(
            "is {length} bytes long ({}); a unix socket's path may have {MAX_SOCKET_PATH_BYTES} bytes at most",
            path.display()
        ));
    }
    if path.file_name().is_none() {
        return Err(format!("is {}; it must name a file in a directory", path.display()));
    }
    Ok(path)
}
