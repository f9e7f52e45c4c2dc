//! Private state: what a resource or ephemeral resource stores beside its attributes, invisible to users.
//!
//! The framework carries it from call to call as one JSON object and does not interpret it.

use std::collections::BTreeMap;

use super::diagnostics::Diagnostic;

/// Named texts that travel with an object and are never shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Private(BTreeMap<String, String>);

impl Private {
    /// Returns the text with this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Sets the text with this name.
    pub fn set(&mut self, name: impl Into<String>, text: impl Into<String>) {
        self.0.insert(name.into(), text.into());
    }

    /// Removes the text with this name.
    pub fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// Decodes the host's bytes. No bytes are an empty private state.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Diagnostic> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_slice(bytes).map(Self).map_err(|_| {
            Diagnostic::error(
                "Invalid private state",
                "The private state of this object was not written by this provider. Remove the object with `terraform \
                 state rm` and import it again.",
            )
        })
    }

    /// Encodes it for the host; an empty private state is no bytes.
    pub(super) fn encode(&self) -> Vec<u8> {
        if self.0.is_empty() {
            return Vec::new();
        }
        serde_json::to_vec(&self.0).expect("a map of strings is always valid JSON")
    }
}
