//! `ktr vault list`

use kontraktor_proto::{
    json::{Vault, VaultList},
    v1,
};

use crate::{commands::yes_no, context::Context, error::CliError, output::Format};

/// List the vaults that the daemon's operator configured, and how they do
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let answer = context.client.list_vaults(v1::ListVaultsRequest {}).await?;
    let vaults: Vec<_> = answer.vaults.into_iter().map(Vault::from).collect();
    match args.output {
        Format::Json => context.out.json(&VaultList { vaults }),
        Format::Table => context.out.table_without(
            &["TROUBLE"],
            ["VAULT", "KIND", "ADDRESS", "AVAILABLE", "CACHED", "LEASES", "TROUBLE"],
            vaults.into_iter().map(|vault| {
                [
                    vault.name,
                    vault.kind,
                    vault.address.unwrap_or_default(),
                    yes_no(vault.available),
                    vault.cached_secrets.to_string(),
                    vault.leases.to_string(),
                    vault.trouble.unwrap_or_default(),
                ]
            }),
            "The daemon has no vaults. They are configured in kontraktord.toml.",
        ),
    }
}
