//! `ktr secret purge`

use kontraktor_model::names::VaultName;
use kontraktor_proto::v1;

use crate::{context::Context, error::CliError, text::counted};

/// Clear the daemon's cache of secrets
///
/// The next read of a secret reads it in its vault. Leases of dynamic secrets are kept.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only secrets of this vault
    vault: Option<VaultName>,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let vault = args.vault.map(String::from).unwrap_or_default();
    let scope = if vault.is_empty() { String::new() } else { format!(" of vault {vault}") };
    let response = context.client.purge_secrets(v1::PurgeSecretsRequest { vault }).await?;
    context.out.line(&format!("Purged {}{scope}.", counted(response.purged_count, "secret")))
}
