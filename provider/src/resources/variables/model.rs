//! The state of `kontraktor_variables`, and the keys that it holds in either of its two maps.

use std::collections::BTreeMap;

use kontraktor_model::{names::EnvPath, value::ValueType};
use tfplugin_proto::value::AttributePath;

use super::private_state::PrivateState;
use crate::{
    framework::{Attr, Diagnostic},
    locations, model,
};

/// The `ownership` of a resource that owns the keys it lists.
pub(super) const ADDITIVE: &str = "additive";

/// The `ownership` of a resource that owns the whole environment.
pub(super) const EXCLUSIVE: &str = "exclusive";

model! {
    /// A variable with a type or a description.
    pub(crate) struct Typed {
        /// The value as the author wrote it.
        value: String,
        /// `string`, `number`, `bool` or `json`.
        r#type: String,
        /// Its description.
        description: String,
    }
}

model! {
    /// The variables in state.
    pub(crate) struct State {
        /// `project/env`; between import and read, the import ID.
        id: String,
        /// The project.
        project: String,
        /// The environment's name inside the project.
        env: String,
        /// Plain strings by key.
        variables: BTreeMap<String, Attr<String>>,
        /// Everything else by key.
        typed: BTreeMap<String, Attr<Typed>>,
        /// `additive` or `exclusive`; null between import and read.
        ownership: String,
        /// What to do when a key was changed outside of the plan.
        on_conflict: String,
        /// Whether the daemon refuses to delete the keys; null if they differ.
        deletion_protection: bool,
        /// The newest revision that wrote one of the keys, as far as this resource knows.
        revision: u64,
    }
}

/// The map attribute that holds a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MapAttribute {
    /// `variables`.
    Plain,
    /// `typed`.
    Typed,
}

impl MapAttribute {
    /// Returns the attribute's name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Plain => "variables",
            Self::Typed => "typed",
        }
    }

    /// Returns the key's path in the configuration.
    pub(super) fn path(self, key: &str) -> AttributePath {
        AttributePath::attribute(self.name()).then_key(key)
    }
}

/// The contents of a key, current or planned. `None` is a part that is not known yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    pub(super) map: MapAttribute,
    pub(super) value: Option<&'a str>,
    pub(super) value_type: Option<&'a str>,
    pub(super) description: Option<&'a str>,
}

impl Entry<'_> {
    /// Returns whether both are wholly known and equivalent, whichever map they are in.
    pub(super) fn is_equivalent_to(&self, other: &Self) -> bool {
        let (Some(value), Some(theirs)) = (self.value, other.value) else { return false };
        let types = self.value_type.zip(other.value_type).filter(|(ours, theirs)| ours == theirs);
        let Some((value_type, _)) = types else { return false };
        let descriptions = self.description.zip(other.description);
        value_type.parse::<ValueType>().is_ok_and(|value_type| value_type.same(value, theirs))
            && descriptions.is_some_and(|(ours, theirs)| ours == theirs)
    }

    /// Returns the key's path in the configuration.
    pub(super) fn path(&self, key: &str) -> AttributePath {
        self.map.path(key)
    }
}

/// Returns a text, or its default if it is left out.
fn or<'a>(attr: &'a Attr<String>, left_out: &'a str) -> Option<&'a str> {
    match attr {
        Attr::Null => Some(left_out),
        Attr::Unknown => None,
        Attr::Known(text) => Some(text),
    }
}

impl State {
    pub(super) fn path(&self) -> Result<EnvPath, Diagnostic> {
        locations::environment(&self.project, &self.env)
    }

    pub(super) fn is_exclusive(&self) -> bool {
        self.ownership.text() == EXCLUSIVE
    }

    /// Returns whether both maps are known, though not necessarily all of their contents.
    pub(super) fn keys_known(&self) -> bool {
        !self.variables.is_unknown() && !self.typed.is_unknown()
    }

    /// Returns every key.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        let plain = self.variables.known().into_iter().flat_map(BTreeMap::keys);
        let typed = self.typed.known().into_iter().flat_map(BTreeMap::keys);
        plain.chain(typed).map(String::as_str)
    }

    /// Returns the contents of each key.
    pub(super) fn entries(&self) -> BTreeMap<&str, Entry<'_>> {
        let plain = self.variables.known().into_iter().flatten().map(|(key, value)| {
            let value = value.known().map(String::as_str);
            let value_type = Some(ValueType::String.as_str());
            (key.as_str(), Entry { map: MapAttribute::Plain, value, value_type, description: Some("") })
        });
        let typed = self.typed.known().into_iter().flatten().map(|(key, typed)| {
            let map = MapAttribute::Typed;
            let entry = match typed.known() {
                None => Entry { map, value: None, value_type: None, description: None },
                Some(typed) => Entry {
                    map,
                    value: typed.value.known().map(String::as_str),
                    value_type: or(&typed.r#type, ValueType::String.as_str()),
                    description: or(&typed.description, ""),
                },
            };
            (key.as_str(), entry)
        });
        plain.chain(typed).collect()
    }

    /// Returns whether the key is protected from deletion, as far as the state knows.
    pub(super) fn protects(&self, key: &str, private_state: &PrivateState) -> bool {
        match self.deletion_protection {
            Attr::Known(protected) => protected,
            Attr::Null | Attr::Unknown => private_state.protected.contains(key),
        }
    }
}
