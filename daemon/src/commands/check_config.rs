//! `kontraktord --check-config`: prints the effective configuration, which was validated before.

use std::io::Write as _;

use crate::{
    config::Config,
    exit::{Exit, Failure},
};
use kontraktor_vault::ConfiguredVault;

pub(super) fn run(config: &Config) -> Result<(), Failure> {
    let vaults = config.vaults()?;
    let (issuers, certificates) = (config.identities.issuers()?, config.identities.certificates()?);
    let mut out = std::io::stdout().lock();
    let printed = config.print(&mut out).and_then(|()| {
        for ConfiguredVault { name, kind, address, .. } in &vaults {
            let at = address.as_ref().map(|address| format!(" at {address}")).unwrap_or_default();
            writeln!(out, "vault {name}: {kind}{at}")?;
        }
        for issuer in &issuers {
            writeln!(out, "issuer {}: {}", issuer.name, issuer.url)?;
        }
        if !certificates.is_empty() {
            writeln!(out, "rules for client certificates: {}", certificates.len())?;
        }
        out.flush()
    });
    printed.map_err(|error| Failure::new(Exit::Failure, format!("cannot write to standard output: {error}")))
}
