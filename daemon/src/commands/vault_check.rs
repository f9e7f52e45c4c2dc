//! `kontraktord vault check`: checks one vault of the configuration, and reports its findings.

use std::io::Write as _;

use tokio::time::timeout;

use crate::{
    cli::CheckArgs,
    clock,
    config::Config,
    exit::{Exit, Failure},
};
use kontraktor_vault::{ConfiguredVault, VaultError};

pub(super) fn run(config: &Config, arguments: &CheckArgs) -> Result<(), Failure> {
    super::keep_memory_private();
    // TLS needs the time.
    clock::check()?;
    let vaults = config.vaults()?;
    let Some(vault) = vaults.iter().find(|vault| vault.name.as_str() == arguments.name) else {
        let names: Vec<&str> = vaults.iter().map(|vault| vault.name.as_str()).collect();
        let failure = Failure::new(Exit::Usage, format!("no vault {:?} is configured", arguments.name));
        return Err(failure.hint(if names.is_empty() {
            "add a [[vault]] table to the configuration file; run `kontraktord --check-config` for its path"
                .to_owned()
        } else {
            format!("use one of {}", names.join(", "))
        }));
    };
    let findings = super::runtime()?.block_on(check(vault)).map_err(failure)?;
    print(vault, &findings)
        .map_err(|error| Failure::new(Exit::Failure, format!("cannot write to standard output: {error}")))
}

async fn check(vault: &ConfiguredVault) -> Result<Vec<String>, VaultError> {
    let checked = timeout(vault.limits.timeout, vault.vault.check()).await;
    vault.vault.sign_out().await;
    checked.unwrap_or_else(|_| Err(vault.timed_out()))
}

fn print(vault: &ConfiguredVault, findings: &[String]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for finding in findings {
        writeln!(out, "{finding}")?;
    }
    if let Some(remark) = vault.without_grants() {
        writeln!(out, "{remark}")?;
    }
    writeln!(out, "vault \"{}\" is usable", vault.name)?;
    out.flush()
}

fn failure(error: VaultError) -> Failure {
    let failure = Failure::new(Exit::Vault, error.message);
    match error.remedy {
        Some(remedy) => failure.hint(remedy),
        None => failure,
    }
}
