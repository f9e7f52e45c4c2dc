//! `ktr secret check`

use kontraktor_model::{
    limits::MAX_SECRET_TARGETS,
    names::{EnvPath, Key},
};
use kontraktor_proto::{
    json::{SecretMetadata, SecretMetadataList},
    v1,
};

use super::{cannot_be_had, target};
use crate::{context::Context, error::CliError, output::Format};

/// Find out whether the secrets of an environment can be had, without printing them
///
/// Each is read in its vault, whatever is cached. A dynamic secret is made for that, and ended at once. The exit code is 1
/// where one cannot be had; why is told behind the table.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The environment, as in infra-demo/dev
    #[arg(value_name = "PROJECT/ENV")]
    environment: EnvPath,
    /// Only these keys; absent: all secret references, own and imported
    keys: Vec<Key>,
    /// What to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let keys = if args.keys.is_empty() { all(&args.environment, context).await? } else { args.keys };
    let mut secrets = Vec::with_capacity(keys.len());
    for some in keys.chunks(MAX_SECRET_TARGETS) {
        let targets = some.iter().map(|key| target::of_key(&args.environment, key)).collect();
        let answer = context.client.check_secrets(v1::CheckSecretsRequest { targets }).await?;
        secrets.extend(answer.secrets.into_iter().zip(some).map(|(secret, key)| SecretMetadata {
            // Where there is no such key, the answer does not repeat it.
            key: Some(key.to_string()),
            ..SecretMetadata::from(secret)
        }));
    }
    let failed: Vec<_> = secrets
        .iter()
        .filter_map(|secret| Some((secret.key.as_deref().unwrap_or_default(), secret.problem.as_ref()?)))
        .collect();
    let verdict = if failed.is_empty() { Ok(()) } else { Err(cannot_be_had(&failed, "")) };
    let nothing = format!("No secret references in {}.", args.environment);
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
            &nothing,
        )?,
    }
    // What is wrong with which comes behind the table.
    context.out.finish()?;
    verdict
}

/// The keys of an environment, and of what it imports, that refer to secrets.
async fn all(environment: &EnvPath, context: &Context) -> Result<Vec<Key>, CliError> {
    let request = v1::GetSnapshotRequest {
        name: Some(v1::EnvironmentName::from(environment)),
        ..v1::GetSnapshotRequest::default()
    };
    let snapshot = context
        .client
        .get_snapshot(request)
        .await
        .map_err(|error| CliError::from(error).hint_environments())?;
    let references = snapshot.variables.iter().filter(|variable| variable.reference().is_some());
    references.map(|variable| variable.key.parse().map_err(CliError::from)).collect()
}
