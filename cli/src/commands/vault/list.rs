//! `ktr vault list`

use kontraktor_proto::{
    json::{Vault, VaultList},
    v1,
};

use crate::{context::Context, error::CliError, output::Format, text::yes_or_no};

/// List the vaults of the daemon's configuration, with their state
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Table, value_name = "FORMAT")]
    output: Format,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let response = context.client.list_vaults(v1::ListVaultsRequest {}).await?;
    let vaults: Vec<_> = response.vaults.into_iter().map(Vault::from).collect();
    match args.output {
        Format::Json => context.out.json(&VaultList { vaults }),
        Format::Table => context.out.table_with_optional(
            &["REASON"],
            ["VAULT", "KIND", "ADDRESS", "AVAILABLE", "CACHED", "LEASES", "REASON"],
            vaults.into_iter().map(|vault| {
                [
                    vault.name,
                    vault.kind,
                    vault.address.unwrap_or_default(),
                    yes_or_no(vault.available),
                    vault.cached_secret_count.to_string(),
                    vault.lease_count.to_string(),
                    vault.error.unwrap_or_default(),
                ]
            }),
            "No vaults. Configure them in kontraktord.toml.",
        ),
    }
}
