//! `ktr var unset`

use kontraktor_model::names::{EnvPath, Key};
use kontraktor_proto::v1::{self, WriteStatus, write_item};

use crate::{
    commands::writes::{first_refusal, newest_revision, write},
    context::Context,
    error::CliError,
    text::counted,
};

/// Delete variables and secret references from an environment
///
/// All of them are deleted, or none. A key that does not exist is not an error.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Environment, such as infra-demo/dev
    #[arg(value_name = "PROJECT/ENV")]
    environment: EnvPath,
    /// Keys of the variables
    #[arg(value_name = "KEY", required = true)]
    keys: Vec<Key>,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let path = args.environment;
    let name = v1::EnvironmentName::from(&path);
    let mut keys = args.keys;
    keys.sort_unstable();
    keys.dedup();

    // Deleting what does not exist succeeds, so a mistyped environment would look like success.
    context
        .client
        .get_environment(v1::GetEnvironmentRequest { name: Some(name.clone()) })
        .await
        .map_err(|error| CliError::from(error).hint_missing_environment())?;

    let items = keys.iter().map(|key| v1::WriteItem {
        environment: Some(name.clone()),
        key: key.to_string(),
        operation: Some(write_item::Operation::Delete(v1::Delete {})),
        expect: None,
    });
    let results = write(items.collect(), context).await?;
    if let Some(problem) = first_refusal(&results) {
        return Err(problem.clone().into());
    }

    let deleted = results.iter().filter(|result| result.status() == WriteStatus::Deleted).count();
    if deleted > 0 {
        let (count, revision) = (counted(deleted, "variable"), newest_revision(&results));
        context.out.line(&format!("Deleted {count} from {path}, now at revision {revision}."))?;
    }
    for (key, result) in keys.iter().zip(&results) {
        if result.status() == WriteStatus::Absent {
            context.out.line(&format!("{key} was not set in {path}."))?;
        }
    }
    Ok(())
}
