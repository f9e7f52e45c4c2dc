//! `ktr var unset`

use kontraktor_model::names::{EnvPath, Key};
use kontraktor_proto::{
    client::new_batch_id,
    v1::{self, WriteStatus, write_item},
};

use crate::{
    commands::{
        counted,
        put::{first_refusal, require_all},
    },
    context::Context,
    error::CliError,
};

/// Delete variables, all of them or none; a key that does not exist is no error
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The environment, as in infra-demo/dev
    #[arg(value_name = "PROJECT/ENV")]
    environment: EnvPath,
    /// The variables' keys
    #[arg(value_name = "KEY", required = true)]
    keys: Vec<Key>,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let path = args.environment;
    let name = v1::EnvironmentName::from(&path);
    let mut keys = args.keys;
    keys.sort_unstable();
    keys.dedup();

    // Deleting is content where there is nothing to delete; a mistyped environment must not look like success.
    context
        .client
        .get_environment(v1::GetEnvironmentRequest { name: Some(name.clone()) })
        .await
        .map_err(|error| CliError::from(error).hint_environments())?;

    let items = keys.iter().map(|key| v1::WriteItem {
        environment: Some(name.clone()),
        key: key.to_string(),
        operation: Some(write_item::Operation::Delete(v1::Delete {})),
        expect: None,
    });
    let groups = vec![v1::WriteGroup { items: items.collect() }];
    let answer = context
        .client
        .write_variables(v1::WriteVariablesRequest { batch_id: new_batch_id(), groups })
        .await?;
    require_all(&answer.results, keys.len())?;
    if let Some(problem) = first_refusal(&answer.results) {
        return Err(problem.clone().into());
    }

    let deleted = answer.results.iter().filter(|result| result.status() == WriteStatus::Deleted).count();
    let revision = answer.results.iter().map(|result| result.environment_revision).max().unwrap_or_default();
    if deleted > 0 {
        let count = counted(deleted, "variable");
        context.out.line(&format!("Deleted {count} from {path}, now at revision {revision}."))?;
    }
    for (key, result) in keys.iter().zip(&answer.results) {
        if result.status() == WriteStatus::Absent {
            context.out.line(&format!("{key} was not set in {path}."))?;
        }
    }
    Ok(())
}
