//! The settings in the process's environment.

use std::{collections::BTreeMap, ffi::OsString};

use kontraktor_proto::endpoint::{
    CA_CERTIFICATE_VARIABLE, CLIENT_CERTIFICATE_VARIABLE, CLIENT_ID_VARIABLE, CLIENT_KEY_VARIABLE,
    CLIENT_SECRET_VARIABLE, DAEMON_UID_VARIABLE, HOST_VARIABLE, TIMEOUT_VARIABLE, TOKEN_URL_VARIABLE,
    TOKEN_VARIABLE,
};
use secrecy::{ExposeSecret as _, SecretString};

use crate::framework::Diagnostic;

/// The variables that hold secrets, or say how the daemon is reached over the network.
const CONNECTION: [&str; 7] = [
    TOKEN_VARIABLE,
    CA_CERTIFICATE_VARIABLE,
    CLIENT_CERTIFICATE_VARIABLE,
    CLIENT_KEY_VARIABLE,
    CLIENT_ID_VARIABLE,
    CLIENT_SECRET_VARIABLE,
    TOKEN_URL_VARIABLE,
];

/// The settings in the process's environment; the provider block takes precedence. Empty values count as unset.
#[derive(Clone, Default)]
pub struct Settings {
    /// `KONTRAKTOR_HOST`.
    pub host: Option<String>,
    /// The other variables of the connection, by name.
    pub connection: BTreeMap<&'static str, SecretString>,
    /// `KONTRAKTOR_TIMEOUT`.
    pub timeout: Option<String>,
    /// `KONTRAKTOR_DAEMON_UID`.
    pub daemon_uid: Option<String>,
    /// The environment variables whose values are not valid UTF-8. They do not count as unset: without its host, a
    /// provider would talk to another daemon.
    pub invalid_unicode: Vec<&'static str>,
}

impl Settings {
    /// Reads the settings of this process.
    pub fn from_process() -> Self {
        Self::from_lookup(|name| std::env::var_os(name))
    }

    /// Reads the settings from the environment variables that `lookup` returns.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<OsString>) -> Self {
        let mut invalid_unicode = Vec::new();
        let mut read = |name| match lookup(name)?.into_string() {
            Ok(text) => Some(text).filter(|text| !text.is_empty()),
            Err(_) => {
                invalid_unicode.push(name);
                None
            }
        };
        let (host, timeout, daemon_uid) =
            (read(HOST_VARIABLE), read(TIMEOUT_VARIABLE), read(DAEMON_UID_VARIABLE));
        let connection =
            CONNECTION.into_iter().filter_map(|name| Some((name, SecretString::from(read(name)?)))).collect();
        Self { host, connection, timeout, daemon_uid, invalid_unicode }
    }

    /// Returns a variable of the connection.
    pub(super) fn connection(&self, name: &str) -> Result<Option<&str>, Diagnostic> {
        self.require_text(name)?;
        Ok(self.connection.get(name).map(SecretString::expose_secret))
    }

    /// Refuses an environment variable that would be used and is not valid UTF-8.
    pub(super) fn require_text(&self, name: &str) -> Result<(), Diagnostic> {
        if !self.invalid_unicode.contains(&name) {
            return Ok(());
        }
        Err(Diagnostic::error(
            format!("Invalid {name}"),
            format!("The environment variable {name} is not valid UTF-8. Correct it, or unset it."),
        ))
    }
}
