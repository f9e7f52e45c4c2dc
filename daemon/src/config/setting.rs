//! Settings and where they come from: flags, environment variables, the file, defaults. The first source that has one wins.

use std::ffi::OsStr;

use super::{
    error::ConfigError,
    file::{FileLayer, Values},
    process_env::ProcessEnv,
    source::Source,
};

/// A checked setting and its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value in use.
    pub value: T,
    /// Where the value comes from.
    pub source: Source,
}

/// A setting that is looked up in one source after another.
pub(super) struct Lookup<T> {
    setting: &'static str,
    value: Option<(T, Source)>,
}

impl<T> Lookup<T> {
    pub(super) fn flag(setting: &'static str, value: Option<T>) -> Self {
        Self { setting, value: value.map(|value| (value, Source::Flag(setting))) }
    }

    pub(super) fn or_variable(
        mut self,
        env: &ProcessEnv,
        name: &'static str,
        convert: impl Fn(&OsStr) -> T,
    ) -> Self {
        if self.value.is_none() {
            self.value = env.variable(name).map(|text| (convert(text), Source::Variable(name)));
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
    ) -> Result<Unchecked<T>, ConfigError> {
        let (value, source) = match self.value {
            Some(value) => value,
            None => (default()?, Source::Default),
        };
        Ok(Unchecked { setting: self.setting, value, source })
    }
}

/// A value that is not checked yet.
pub(super) struct Unchecked<T> {
    setting: &'static str,
    value: T,
    source: Source,
}

impl<T> Unchecked<T> {
    pub(super) fn check<U>(
        self,
        rule: impl FnOnce(T) -> Result<U, String>,
    ) -> Result<Setting<U>, ConfigError> {
        match rule(self.value) {
            Ok(value) => Ok(Setting { value, source: self.source }),
            Err(problem) => Err(ConfigError::Invalid { setting: self.setting, from: self.source, problem }),
        }
    }
}
