//! What can be wrong with the bytes or the value given to a codec, and where in the value it was found.

use thiserror::Error;

use super::{AttributePath, Step};

/// Bytes that are not a value of the expected type.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("cannot read the value{}: {reason}", at(path))]
pub struct DecodeError {
    pub(super) path: AttributePath,
    pub(super) reason: String,
}

/// A value that cannot be written for the given type.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("cannot write the value{}: {reason}", at(path))]
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

            /// Puts a step before the path, on the way back out of a nested value.
            #[must_use]
            pub(super) fn under(mut self, step: Step) -> Self {
                self.path.prepend(step);
                self
            }

            /// Where in the value the fault is; empty for the value as a whole.
            pub fn path(&self) -> &AttributePath {
                &self.path
            }

            /// What is wrong, without the place.
            pub fn reason(&self) -> &str {
                &self.reason
            }
        }
    };
}

located!(DecodeError);
located!(EncodeError);
