//! Accessors for the content of a variable.

use crate::v1::{SecretReference, Variable, put, variable::Content};

impl Variable {
    /// Returns the value of a plain variable.
    pub fn value(&self) -> Option<&str> {
        match &self.content {
            Some(Content::Value(value)) => Some(value),
            _ => None,
        }
    }

    /// Returns the secret reference, if the key holds one.
    pub fn reference(&self) -> Option<&SecretReference> {
        match &self.content {
            Some(Content::Reference(reference)) => Some(reference),
            _ => None,
        }
    }

    /// Returns the content to put so that a key holds the same.
    pub fn to_put(&self) -> Option<put::Content> {
        self.content.as_ref().map(|content| match content {
            Content::Value(value) => put::Content::Value(value.clone()),
            Content::Reference(reference) => put::Content::Reference(reference.url.clone()),
        })
    }
}
