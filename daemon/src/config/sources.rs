//! The layers that settings come from, and the rule which of them wins.

use std::{
    collections::HashMap,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use super::{
    ConfigError, Setting, Source,
    file::{FileLayer, Values},
};

/// What the process finds around itself, read once, so that tests can make it up.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    variables: HashMap<OsString, OsString>,
    home: Option<PathBuf>,
    working_dir: Option<PathBuf>,
    default_socket: PathBuf,
}

impl Surroundings {
    /// Those of this process. The default socket is the one that the clients look for.
    pub fn of_this_process() -> Self {
        Self {
            variables: std::env::vars_os().collect(),
            home: etcetera::home_dir().ok(),
            working_dir: std::env::current_dir().ok(),
            default_socket: kontraktor_proto::endpoint::default_socket_path(),
        }
    }

    #[cfg(test)]
    pub(super) fn made_up(variables: &[(&str, &str)]) -> Self {
        Self {
            variables: variables.iter().map(|(name, value)| (name.into(), value.into())).collect(),
            home: Some("/home/ada".into()),
            working_dir: Some("/srv".into()),
            default_socket: "/run/user/1/kontraktor/kontraktord.sock".into(),
        }
    }

    /// An environment variable; an empty one counts as absent.
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
                reason:
                    "neither XDG_STATE_HOME nor the home directory is known; name a directory with --data-dir"
                        .to_owned(),
            },
        )
    }

    pub(super) fn default_socket(&self) -> PathBuf {
        self.default_socket.clone()
    }

    pub(super) fn default_config_file(&self) -> Option<PathBuf> {
        self.base("XDG_CONFIG_HOME", ".config").map(|base| base.join("kontraktor/kontraktord.toml"))
    }

    /// A base directory of the XDG specification, which says that relative ones are to be ignored.
    fn base(&self, variable: &str, in_home: &str) -> Option<PathBuf> {
        let named = self.variable(variable).map(PathBuf::from).filter(|path| path.is_absolute());
        named.or_else(|| self.home.as_ref().map(|home| home.join(in_home)))
    }
}

/// A setting on its way through the layers: the first that has a value wins.
pub(super) struct Found<T> {
    setting: &'static str,
    value: Option<(T, Source)>,
}

impl<T> Found<T> {
    pub(super) fn flag(setting: &'static str, value: Option<T>) -> Self {
        Self { setting, value: value.map(|value| (value, Source::Flag(setting))) }
    }

    pub(super) fn or_variable(
        mut self,
        surroundings: &Surroundings,
        name: &'static str,
        convert: impl Fn(&OsStr) -> T,
    ) -> Self {
        if self.value.is_none() {
            self.value = surroundings.variable(name).map(|text| (convert(text), Source::Variable(name)));
        }
        self
    }

    pub(super) fn or_file(mut self, file: &FileLayer, pick: impl Fn(&Values) -> Option<T>) -> Self {
        if let (None, Some((path, values))) = (&self.value, &file.0) {
            self.value = pick(values).map(|value| (value, Source::File(path.clone())));
        }
        self
    }

    pub(super) fn or_default(
        self,
        default: impl FnOnce() -> Result<T, ConfigError>,
    ) -> Result<Raw<T>, ConfigError> {
        let (value, source) = match self.value {
            Some(found) => found,
            None => (default()?, Source::Default),
        };
        Ok(Raw { setting: self.setting, value, source })
    }
}

/// A value that some layer had, not checked yet.
pub(super) struct Raw<T> {
    setting: &'static str,
    value: T,
    source: Source,
}

impl<T> Raw<T> {
    pub(super) fn check<U>(
        self,
        rule: impl FnOnce(T) -> Result<U, String>,
    ) -> Result<Setting<U>, ConfigError> {
        match rule(self.value) {
            Ok(value) => Ok(Setting { value, source: self.source }),
            Err(problem) => Err(ConfigError::Invalid { setting: self.setting, origin: self.source, problem }),
        }
    }
}
