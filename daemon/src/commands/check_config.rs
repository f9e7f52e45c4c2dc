//! `kontraktord --check-config`: prints what would be used. Reaching this point means that it is valid.

use crate::{
    config::Config,
    exit::{Exit, Failure},
};

pub(super) fn run(config: &Config) -> Result<(), Failure> {
    config
        .print(&mut std::io::stdout().lock())
        .map_err(|error| Failure::new(Exit::Failure, format!("standard output cannot be written: {error}")))
}
