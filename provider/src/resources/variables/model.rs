//! The state of `kontraktor_variables`, and the keys that it holds, whichever of its two maps they stand in.

use std::collections::BTreeMap;

use kontraktor_model::{names::EnvPath, value::ValueType};
use tfplugin_proto::value::AttributePath;

use super::remembered::Remembered;
use crate::{
    framework::{Attr, Diagnostic},
    model, places,
};

/// What `ownership` says of a resource that owns the keys it lists.
pub(super) const ADDITIVE: &str = "additive";

/// What `ownership` says of a resource that owns the environment.
pub(super) const EXCLUSIVE: &str = "exclusive";

model! {
    /// A variable that is more than a text.
    pub(crate) struct Typed {
        /// The value as the author wrote it.
        value: String,
        /// `string`, `number`, `bool` or `json`.
        r#type: String,
        /// What it is for.
        description: String,
    }
}

model! {
    /// The variables in state.
    pub(crate) struct State {
        /// `project/env`; between import and read, the import id.
        id: String,
        /// The project.
        project: String,
        /// The environment's name inside the project.
        env: String,
        /// Plain texts by key.
        variables: BTreeMap<String, Attr<String>>,
        /// Everything else by key.
        typed: BTreeMap<String, Attr<Typed>>,
        /// `additive` or `exclusive`; null between import and read.
        ownership: String,
        /// What happens where someone else wrote in between.
        on_conflict: String,
        /// Whether deleting any of the keys is refused; null where they differ.
        deletion_protection: bool,
        /// The newest revision at which one of the keys was written, as far as this resource knows.
        revision: u64,
    }
}

/// Which map a key stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Home {
    /// `variables`.
    Plain,
    /// `typed`.
    Typed,
}

impl Home {
    /// The attribute's name.
    pub(super) fn map(self) -> &'static str {
        match self {
            Self::Plain => "variables",
            Self::Typed => "typed",
        }
    }

    /// Where the key stands in the configuration.
    pub(super) fn path(self, key: &str) -> AttributePath {
        AttributePath::attribute(self.map()).then_key(key)
    }
}

/// What a key holds, or is to hold. `None` is what is not known yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    pub(super) home: Home,
    pub(super) value: Option<&'a str>,
    pub(super) value_type: Option<&'a str>,
    pub(super) description: Option<&'a str>,
}

impl Entry<'_> {
    /// Whether both are wholly known and mean the same. Where they stand makes no difference.
    pub(super) fn means_the_same(&self, other: &Self) -> bool {
        let (Some(value), Some(theirs)) = (self.value, other.value) else { return false };
        let types = self.value_type.zip(other.value_type).filter(|(ours, theirs)| ours == theirs);
        let Some((value_type, _)) = types else { return false };
        let descriptions = self.description.zip(other.description);
        value_type.parse::<ValueType>().is_ok_and(|value_type| value_type.same(value, theirs))
            && descriptions.is_some_and(|(ours, theirs)| ours == theirs)
    }

    /// Where the key stands in the configuration.
    pub(super) fn path(&self, key: &str) -> AttributePath {
        self.home.path(key)
    }
}

/// A text that may be left out, which means the given one.
fn or<'a>(attr: &'a Attr<String>, left_out: &'a str) -> Option<&'a str> {
    match attr {
        Attr::Null => Some(left_out),
        Attr::Unknown => None,
        Attr::Known(text) => Some(text),
    }
}

impl State {
    pub(super) fn path(&self) -> Result<EnvPath, Diagnostic> {
        places::environment(&self.project, &self.env)
    }

    pub(super) fn is_exclusive(&self) -> bool {
        self.ownership.text() == EXCLUSIVE
    }

    /// Whether the maps themselves are known, though perhaps not all that they hold.
    pub(super) fn keys_known(&self) -> bool {
        !self.variables.is_unknown() && !self.typed.is_unknown()
    }

    /// Every key.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        let plain = self.variables.known().into_iter().flat_map(BTreeMap::keys);
        let typed = self.typed.known().into_iter().flat_map(BTreeMap::keys);
        plain.chain(typed).map(String::as_str)
    }

    /// What each key holds.
    pub(super) fn entries(&self) -> BTreeMap<&str, Entry<'_>> {
        let plain = self.variables.known().into_iter().flatten().map(|(key, value)| {
            let value = value.known().map(String::as_str);
            let value_type = Some(ValueType::String.as_str());
            (key.as_str(), Entry { home: Home::Plain, value, value_type, description: Some("") })
        });
        let typed = self.typed.known().into_iter().flatten().map(|(key, typed)| {
            let home = Home::Typed;
            let entry = match typed.known() {
                None => Entry { home, value: None, value_type: None, description: None },
                Some(typed) => Entry {
                    home,
                    value: typed.value.known().map(String::as_str),
                    value_type: or(&typed.r#type, ValueType::String.as_str()),
                    description: or(&typed.description, ""),
                },
            };
            (key.as_str(), entry)
        });
        plain.chain(typed).collect()
    }

    /// Whether deleting the key is refused, as far as the state knows.
    pub(super) fn protects(&self, key: &str, remembered: &Remembered) -> bool {
        match self.deletion_protection {
            Attr::Known(protected) => protected,
            Attr::Null | Attr::Unknown => remembered.protected.contains(key),
        }
    }
}
