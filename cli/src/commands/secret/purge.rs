//! `ktr secret purge`

use kontraktor_model::names::VaultName;
use kontraktor_proto::v1;

use crate::{commands::counted, context::Context, error::CliError};

/// Let the daemon forget the secrets that it holds in memory, so that the next read is a fresh one
///
/// Leases of dynamic secrets stay.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only of this vault
    vault: Option<VaultName>,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let vault = args.vault.map(String::from).unwrap_or_default();
    let of = if vault.is_empty() { String::new() } else { format!(" of vault {vault}") };
    let answer = context.client.purge_secrets(v1::PurgeSecretsRequest { vault }).await?;
    context.out.line(&format!("Forgot {}{of}.", counted(answer.purged, "secret")))
}
