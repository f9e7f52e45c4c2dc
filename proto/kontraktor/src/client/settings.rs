//! Settings as a person wrote them: their text, and the name under which they were found, which errors repeat.

use secrecy::{ExposeSecret as _, SecretString};

/// Where a setting was found. A configuration takes precedence over the process's environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// The provider block, or the command line.
    Configuration,
    /// An environment variable.
    Environment,
}

/// The text of one setting. It may be a secret: `Debug` does not show it.
#[derive(Debug, Clone)]
pub struct Setting {
    name: &'static str,
    level: Level,
    text: SecretString,
}

impl Setting {
    /// Returns a setting that was found under this name, such as `ca_certificate` or `KONTRAKTOR_CA_CERTIFICATE`.
    pub fn new(name: &'static str, level: Level, text: impl Into<SecretString>) -> Self {
        Self { name, level, text: text.into() }
    }

    /// Returns the name under which it was found.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns where it was found.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Returns its text.
    pub fn text(&self) -> &str {
        self.text.expose_secret()
    }

    /// Returns an error about this setting.
    pub(super) fn invalid(&self, message: impl Into<String>) -> SettingError {
        SettingError { name: self.name, level: self.level, message: message.into() }
    }
}

/// A setting that cannot be used. The message is a sentence without a full stop; it repeats no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid {name}: {message}")]
pub struct SettingError {
    /// The name under which the setting was found.
    pub name: &'static str,
    /// Where it was found.
    pub level: Level,
    /// What is wrong with it.
    pub message: String,
}
