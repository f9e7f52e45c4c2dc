//! What a host says in the environment, read once. Nothing else in this crate reads environment variables.

use std::{env, ffi::OsStr, path::PathBuf};

use tracing::level_filters::LevelFilter;

use super::{PROTOCOL_VERSION, ServeError};
use crate::logging;

/// The name and value of the variable by which a provider recognises that a host started it. It is no secret.
const COOKIE: (&str, &str) =
    ("TF_PLUGIN_MAGIC_COOKIE", "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2");

/// What a host said in the environment of the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// `TF_PLUGIN_MAGIC_COOKIE`: present and right when a host started the process.
    pub cookie: Option<String>,
    /// `PLUGIN_PROTOCOL_VERSIONS`: the versions that the host speaks, with commas between, in any order.
    pub protocol_versions: Option<String>,
    /// `PLUGIN_CLIENT_CERT`: the host's certificate in PEM, the only one that may connect. Absent: no TLS.
    pub client_certificate: Option<String>,
    /// `PLUGIN_UNIX_SOCKET_DIR`: where the socket is made. Absent: the directory for temporary files.
    pub socket_dir: Option<PathBuf>,
    /// `PLUGIN_UNIX_SOCKET_GROUP`: a group, by name or number, that may connect beside the user.
    pub socket_group: Option<String>,
    /// `PLUGIN_MIN_PORT`: the lowest TCP port.
    pub min_port: Option<String>,
    /// `PLUGIN_MAX_PORT`: the highest TCP port.
    pub max_port: Option<String>,
    /// Whether `PLUGIN_MULTIPLEX_GRPC` is set: the host then reads a seventh field of the handshake.
    pub multiplex: bool,
    /// What to log: from `TF_LOG_PROVIDER`, else `TF_LOG`, else nothing.
    pub log_level: LevelFilter,
}

impl Default for Environment {
    /// An environment in which no variable is set.
    fn default() -> Self {
        Self {
            cookie: None,
            protocol_versions: None,
            client_certificate: None,
            socket_dir: None,
            socket_group: None,
            min_port: None,
            max_port: None,
            multiplex: false,
            log_level: LevelFilter::OFF,
        }
    }
}

impl Environment {
    /// Reads the process's environment.
    ///
    /// Text that is not UTF-8 is taken with replacement characters: a broken certificate must be seen as broken, not as
    /// absent.
    pub fn from_process() -> Self {
        let text = |name: &str| env::var_os(name).map(|value| value.to_string_lossy().into_owned());
        let filled = |name: &str| text(name).filter(|value| !value.is_empty());
        Self {
            cookie: text(COOKIE.0),
            protocol_versions: filled("PLUGIN_PROTOCOL_VERSIONS"),
            client_certificate: text("PLUGIN_CLIENT_CERT"),
            socket_dir: env::var_os("PLUGIN_UNIX_SOCKET_DIR")
                .filter(|dir| dir != OsStr::new(""))
                .map(PathBuf::from),
            socket_group: filled("PLUGIN_UNIX_SOCKET_GROUP"),
            min_port: filled("PLUGIN_MIN_PORT"),
            max_port: filled("PLUGIN_MAX_PORT"),
            multiplex: filled("PLUGIN_MULTIPLEX_GRPC").is_some(),
            log_level: logging::level(filled("TF_LOG_PROVIDER").or_else(|| filled("TF_LOG")).as_deref()),
        }
    }

    /// An environment as a host makes it, without TLS. For tests, and for those who build on them.
    pub fn hosted() -> Self {
        Self {
            cookie: Some(COOKIE.1.to_owned()),
            protocol_versions: Some(PROTOCOL_VERSION.to_string()),
            ..Self::default()
        }
    }

    pub(super) fn check_cookie(&self, address: &str) -> Result<(), ServeError> {
        if self.cookie.as_deref() == Some(COOKIE.1) {
            Ok(())
        } else {
            Err(ServeError::StartedByHand { address: address.to_owned() })
        }
    }

    /// A host that says nothing about versions is taken at its word that it will look at the answer.
    pub(super) fn check_version(&self) -> Result<(), ServeError> {
        let Some(offered) = &self.protocol_versions else { return Ok(()) };
        if offered.split(',').any(|version| version.trim().parse() == Ok(PROTOCOL_VERSION)) {
            Ok(())
        } else {
            Err(ServeError::ProtocolVersion { offered: offered.escape_debug().to_string() })
        }
    }

    /// The range of TCP ports; from 0 to 0 is any.
    pub(super) fn ports(&self) -> Result<std::ops::RangeInclusive<u16>, ServeError> {
        let port = |name: &'static str, value: &Option<String>| match value.as_deref() {
            None => Ok(0),
            Some(text) => {
                text.parse().map_err(|_| ServeError::Port { name, value: text.escape_debug().to_string() })
            }
        };
        let min = port("PLUGIN_MIN_PORT", &self.min_port)?;
        let max = port("PLUGIN_MAX_PORT", &self.max_port)?;
        if min > max {
            return Err(ServeError::Port { name: "PLUGIN_MAX_PORT", value: format!("{max}, below {min}") });
        }
        Ok(min..=max)
    }
}
