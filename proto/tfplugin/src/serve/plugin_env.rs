//! The environment variables that a host sets, read once. No other module of this crate reads environment variables.

use std::{env, ffi::OsStr, path::PathBuf};

use tracing::level_filters::LevelFilter;

use super::{PROTOCOL_VERSION, ServeError};
use crate::logging;

/// The name and value of the variable that shows that a host started the provider. It is not secret.
const COOKIE: (&str, &str) =
    ("TF_PLUGIN_MAGIC_COOKIE", "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2");

/// The environment variables that a host sets for a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginEnv {
    /// `TF_PLUGIN_MAGIC_COOKIE`: set to a fixed value if a host started the process.
    pub cookie: Option<String>,
    /// `PLUGIN_PROTOCOL_VERSIONS`: the protocol versions that the host supports, separated by commas, in any order.
    pub protocol_versions: Option<String>,
    /// `PLUGIN_CLIENT_CERT`: the host's certificate in PEM, the only one that may connect. If absent, there is no TLS.
    pub client_certificate: Option<String>,
    /// `PLUGIN_UNIX_SOCKET_DIR`: the directory for the socket. If absent, the directory for temporary files.
    pub socket_dir: Option<PathBuf>,
    /// `PLUGIN_UNIX_SOCKET_GROUP`: a group, by name or number, that may connect as well as the user.
    pub socket_group: Option<String>,
    /// `PLUGIN_MIN_PORT`: the lowest TCP port.
    pub min_port: Option<String>,
    /// `PLUGIN_MAX_PORT`: the highest TCP port.
    pub max_port: Option<String>,
    /// Whether `PLUGIN_MULTIPLEX_GRPC` is set; the host then reads a seventh field of the handshake.
    pub multiplex: bool,
    /// The log level, from `TF_LOG_PROVIDER` or else `TF_LOG`; off by default.
    pub log_level: LevelFilter,
}

impl Default for PluginEnv {
    /// Returns the environment without any of the variables.
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

impl PluginEnv {
    /// Reads the process's environment.
    ///
    /// Invalid UTF-8 is read with replacement characters, so that a broken certificate is not mistaken for an absent one.
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

    /// Returns the environment that a host sets without TLS, for tests.
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

    /// Checks that the host supports this protocol version. A host that sets no versions checks the handshake itself.
    pub(super) fn check_version(&self) -> Result<(), ServeError> {
        let Some(offered) = &self.protocol_versions else { return Ok(()) };
        if offered.split(',').any(|version| version.trim().parse() == Ok(PROTOCOL_VERSION)) {
            Ok(())
        } else {
            Err(ServeError::ProtocolVersion { offered: offered.escape_debug().to_string() })
        }
    }

    /// Returns the range of TCP ports; 0 to 0 is any port.
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
