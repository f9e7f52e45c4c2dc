//! The environment of the process: variables, the home and the working directory, and the default paths that follow.

use std::{
    collections::HashMap,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use super::error::ConfigError;

/// The environment of the process, read once, so that tests can supply another one.
#[derive(Debug, Clone, Default)]
pub struct ProcessEnv {
    variables: HashMap<OsString, OsString>,
    home: Option<PathBuf>,
    working_dir: Option<PathBuf>,
    default_socket: PathBuf,
}

impl ProcessEnv {
    /// Reads the environment of this process. The default socket is the one that clients connect to by default.
    pub fn read() -> Self {
        Self {
            variables: std::env::vars_os().collect(),
            home: etcetera::home_dir().ok(),
            working_dir: std::env::current_dir().ok(),
            default_socket: kontraktor_proto::endpoint::default_socket_path(),
        }
    }

    #[cfg(test)]
    pub(super) fn for_test(variables: &[(&str, &str)]) -> Self {
        Self {
            variables: variables.iter().map(|(name, value)| (name.into(), value.into())).collect(),
            home: Some("/home/ada".into()),
            working_dir: Some("/srv".into()),
            default_socket: "/run/user/1/kontraktor/kontraktord.sock".into(),
        }
    }

    /// Returns an environment variable; an empty one counts as absent.
    pub(super) fn variable(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    pub(super) fn working_dir(&self) -> Option<&Path> {
        self.working_dir.as_deref()
    }

    pub(super) fn default_data_dir(&self) -> Result<PathBuf, ConfigError> {
        self.base("XDG_STATE_HOME", ".local/state").map(|base| base.join("kontraktor")).ok_or(
            ConfigError::NoDefault {
                setting: "data-dir",
                reason: "neither XDG_STATE_HOME nor the home directory is known; set --data-dir".to_owned(),
            },
        )
    }

    pub(super) fn default_socket(&self) -> PathBuf {
        self.default_socket.clone()
    }

    pub(super) fn default_config_file(&self) -> Option<PathBuf> {
        self.base("XDG_CONFIG_HOME", ".config").map(|base| base.join("kontraktor/kontraktord.toml"))
    }

    /// Returns a base directory. The XDG specification says to ignore relative ones.
    fn base(&self, variable: &str, below_home: &str) -> Option<PathBuf> {
        let named = self.variable(variable).map(PathBuf::from).filter(|path| path.is_absolute());
        named.or_else(|| self.home.as_ref().map(|home| home.join(below_home)))
    }
}
