//! Why the configuration cannot be used.

use std::path::PathBuf;

use super::source::Source;

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A value breaks a rule.
    #[error("invalid value for `{setting}` from {from}: {problem}")]
    Invalid {
        /// The setting, by its name in flags and file.
        setting: &'static str,
        /// Where the value comes from.
        from: Source,
        /// The rule that it breaks.
        problem: String,
    },
    /// The configuration file cannot be read.
    #[error("cannot read the configuration file {}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's message.
        reason: String,
    },
    /// Other users may have written the configuration file.
    #[error("the configuration file {} {problem}", path.display())]
    Untrusted {
        /// The file.
        path: PathBuf,
        /// Why, with the remedy.
        problem: String,
    },
    /// The configuration file has an invalid setting.
    #[error("{}: {reason}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// The setting that is wrong, and what is expected.
        reason: String,
    },
    /// A vault has an invalid setting.
    #[error("{}, {problem}", path.display())]
    Vault {
        /// The file.
        path: PathBuf,
        /// The vault and the setting, with the rule.
        problem: String,
    },
    /// An issuer or a rule for client certificates has an invalid setting.
    #[error("{}, {problem}", path.display())]
    Table {
        /// The file.
        path: PathBuf,
        /// The table and the setting, with the rule.
        problem: String,
    },
    /// A path has no default, because its base directory is unknown.
    #[error("`{setting}` has no default: {reason}")]
    NoDefault {
        /// The setting, by its name in flags and file.
        setting: &'static str,
        /// What is unknown.
        reason: String,
    },
}
