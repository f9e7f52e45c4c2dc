//! `kontraktord --check-config`: prints the effective configuration, which was validated before.

use std::io::Write as _;

use crate::{
    config::Config,
    exit::{Exit, Failure},
};
use kontraktor_vault::ConfiguredVault;

pub(super) fn run(config: &Config) -> Result<(), Failure> {
    let vaults = config.vaults()?;
    let mut out = std::io::stdout().lock();
    let printed = config.print(&mut out).and_then(|()| {
        for ConfiguredVault { name, kind, address, .. } in &vaults {
            let at = if address.is_empty() { String::new() } else { format!(" at {address}") };
            writeln!(out, "vault {name}: {kind}{at}")?;
        }
        out.flush()
    });
    printed.map_err(|error| Failure::new(Exit::Failure, format!("cannot write to standard output: {error}")))
}
