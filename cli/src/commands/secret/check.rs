//! `ktr secret check`

use kontraktor_model::{
    limits::MAX_SECRET_TARGETS,
    names::{EnvPath, Key},
};
use kontraktor_proto::{
    json::{SecretMetadata, SecretMetadataList},
    v1,
};

use super::target;
use crate::{commands::secret_results::unreadable, context::Context, error::CliError, output::Format};

/// Check that the secrets of an environment can be read
///
/// Reads each secret in its vault, bypassing the daemon's cache, and prints none. A dynamic secret is created for the check and
/// revoked at once. Exits with 1 if a secret cannot be read; the reasons follow the table.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Environment, such as infra-demo/dev
    #[arg(value_name = "PROJECT/ENV")]
    environment: EnvPath,
    /// Only these keys [default: all secret references, own and imported]
    #[arg(value_name = "KEY")]
    keys: Vec<Key>,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Table, value_name = "FORMAT")]
    output: Format,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let keys =
        if args.keys.is_empty() { all_references(&args.environment, context).await? } else { args.keys };
    let mut secrets = Vec::with_capacity(keys.len());
    for chunk in keys.chunks(MAX_SECRET_TARGETS) {
        let targets = chunk.iter().map(|key| target::for_key(&args.environment, key)).collect();
        let response = context.client.check_secrets(v1::CheckSecretsRequest { targets }).await?;
        secrets.extend(response.secrets.into_iter().zip(chunk).map(|(secret, key)| SecretMetadata {
            // The response does not repeat a key that does not exist.
            key: Some(key.to_string()),
            ..SecretMetadata::from(secret)
        }));
    }
    let failed: Vec<_> = secrets
        .iter()
        .filter_map(|secret| Some((secret.key.as_deref().unwrap_or_default(), secret.problem.as_ref()?)))
        .collect();
    let result = if failed.is_empty() { Ok(()) } else { Err(unreadable(&failed, "")) };
    let empty = format!("No secret references in {}.", args.environment);
    match args.output {
        Format::Json => context.out.json(&SecretMetadataList { secrets })?,
        Format::Table => context.out.table(
            ["KEY", "VAULT", "VERSION", "REFERENCE", "RESULT"],
            secrets.into_iter().map(|secret| {
                [
                    secret.key.unwrap_or_default(),
                    secret.vault.unwrap_or_default(),
                    secret.version.unwrap_or_default(),
                    secret.reference.unwrap_or_default(),
                    secret.problem.map_or_else(|| "ok".to_owned(), |problem| problem.code),
                ]
            }),
            &empty,
        )?,
    }
    // The error follows the table.
    context.out.finish()?;
    result
}

/// Returns the keys of an environment, and of what it imports, that hold secret references.
async fn all_references(environment: &EnvPath, context: &Context) -> Result<Vec<Key>, CliError> {
    let request = v1::GetSnapshotRequest {
        name: Some(v1::EnvironmentName::from(environment)),
        ..v1::GetSnapshotRequest::default()
    };
    let snapshot = context
        .client
        .get_snapshot(request)
        .await
        .map_err(|error| CliError::from(error).hint_missing_environment())?;
    let references = snapshot.variables.iter().filter(|variable| variable.reference().is_some());
    references.map(|variable| variable.key.parse().map_err(CliError::from)).collect()
}
