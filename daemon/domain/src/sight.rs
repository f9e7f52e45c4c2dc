//! What the author of a request may see, as far as refusals need it: they name no environment that the author may not read.

use kontraktor_model::names::EnvPath;

use super::State;

/// Says which environments the author of a request may read.
pub trait Sight: Send + Sync {
    /// Returns whether they may read an environment, by what a state says.
    fn reads(&self, state: &State, path: &EnvPath) -> bool;
}

/// The sight of an author from whom nothing is hidden.
#[derive(Debug, Clone, Copy)]
pub struct Everything;

impl Sight for Everything {
    fn reads(&self, _state: &State, _path: &EnvPath) -> bool {
        true
    }
}
