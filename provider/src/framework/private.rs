//! Private state: what a resource or ephemeral resource remembers beside its attributes and shows to no one.
//!
//! The framework carries it from call to call as one JSON object and gives it no meaning.

use std::collections::BTreeMap;

use super::diagnostics::Diagnostic;

/// Named texts that travel with an object and are never shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Private(BTreeMap<String, String>);

impl Private {
    /// What is remembered under the name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Remembers a text under the name.
    pub fn set(&mut self, name: impl Into<String>, text: impl Into<String>) {
        self.0.insert(name.into(), text.into());
    }

    /// Forgets the name.
    pub fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// Reads what the host kept; no bytes are an empty private state.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Diagnostic> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_slice(bytes).map(Self).map_err(|_| {
            Diagnostic::error(
                "The private state cannot be read",
                "What the state keeps for the provider's own use is not what this provider writes. Remove the \
                 object with `terraform state rm` and import it again.",
            )
        })
    }

    /// The bytes for the host to keep; empty when nothing is remembered.
    pub(super) fn encode(&self) -> Vec<u8> {
        if self.0.is_empty() {
            return Vec::new();
        }
        serde_json::to_vec(&self.0).expect("a map of strings is always JSON")
    }
}
