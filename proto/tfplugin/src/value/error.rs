//! The errors of the codecs, with the path into the value.

use thiserror::Error;

use super::{AttributePath, Step};

/// Bytes that are not a value of the expected type.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("cannot decode the value{}: {reason}", at(path))]
pub struct DecodeError {
    pub(super) path: AttributePath,
    pub(super) reason: String,
}

/// A value that cannot be encoded as the given type.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("cannot encode the value{}: {reason}", at(path))]
pub struct EncodeError {
    pub(super) path: AttributePath,
    pub(super) reason: String,
}

fn at(path: &AttributePath) -> String {
    if path.is_empty() { String::new() } else { format!(" at {path}") }
}

macro_rules! located {
    ($error:ty) => {
        impl $error {
            pub(super) fn new(reason: impl Into<String>) -> Self {
                Self { path: AttributePath::default(), reason: reason.into() }
            }

            /// Prepends a step to the path, on the way out of a nested value.
            #[must_use]
            pub(super) fn under(mut self, step: Step) -> Self {
                self.path.prepend(step);
                self
            }

            /// Returns the path to the invalid part; empty for the value as a whole.
            pub fn path(&self) -> &AttributePath {
                &self.path
            }

            /// Returns what is wrong, without the path.
            pub fn reason(&self) -> &str {
                &self.reason
            }
        }
    };
}

located!(DecodeError);
located!(EncodeError);
