//! What a key of an environment holds, asked for by kind.

use crate::v1::{SecretReference, Variable, put, variable::Content};

impl Variable {
    /// The value of a plain variable.
    pub fn value(&self) -> Option<&str> {
        match &self.content {
            Some(Content::Value(value)) => Some(value),
            _ => None,
        }
    }

    /// The secret reference, where the key holds one.
    pub fn reference(&self) -> Option<&SecretReference> {
        match &self.content {
            Some(Content::Reference(reference)) => Some(reference),
            _ => None,
        }
    }

    /// What would have to be put for the key to hold the same.
    pub fn to_put(&self) -> Option<put::Content> {
        self.content.as_ref().map(|content| match content {
            Content::Value(value) => put::Content::Value(value.clone()),
            Content::Reference(reference) => put::Content::Reference(reference.url.clone()),
        })
    }
}
