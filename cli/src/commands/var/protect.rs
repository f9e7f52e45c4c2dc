//! `ktr var protect` and `ktr var unprotect`

use std::collections::HashMap;

use kontraktor_model::names::{EnvPath, Key};
use kontraktor_proto::v1::{self, WriteStatus, write_item};

use crate::{
    commands::writes::{MAX_ATTEMPTS, first_refusal, is_race, newest_revision, write},
    context::Context,
    error::{CliError, Kind},
    text::counted,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Environment, such as infra-demo/dev
    #[arg(value_name = "PROJECT/ENV")]
    environment: EnvPath,
    /// Keys of the variables
    #[arg(value_name = "KEY", required = true)]
    keys: Vec<Key>,
}

pub(super) async fn run(args: Args, protect: bool, context: &mut Context) -> Result<(), CliError> {
    let path = args.environment;
    let mut keys = args.keys;
    keys.sort_unstable();
    keys.dedup();
    let mut attempt = 1;
    loop {
        let existing = own_variables(&path, context).await?;
        let items = keys
            .iter()
            .map(|key| item(&path, key, existing.get(key.as_str()), protect))
            .collect::<Result<Vec<_>, _>>()?;
        let results = write(items, context).await?;
        match first_refusal(&results) {
            None => return report(&path, protect, &results, context),
            Some(problem) if is_race(problem) && attempt < MAX_ATTEMPTS => attempt += 1,
            Some(problem) => return Err(CliError::from(problem.clone()).hint_race()),
        }
    }
}

/// Returns the environment's own variables, by key.
async fn own_variables(path: &EnvPath, context: &Context) -> Result<HashMap<String, v1::Variable>, CliError> {
    let request = v1::GetSnapshotRequest {
        name: Some(v1::EnvironmentName::from(path)),
        own_only: true,
        ..v1::GetSnapshotRequest::default()
    };
    let snapshot = context
        .client
        .get_snapshot(request)
        .await
        .map_err(|error| CliError::from(error).hint_missing_environment())?;
    Ok(snapshot.variables.into_iter().map(|variable| (variable.key.clone(), variable)).collect())
}

/// Returns the write that changes a variable's protection and nothing else.
fn item(
    path: &EnvPath,
    key: &Key,
    existing: Option<&v1::Variable>,
    protect: bool,
) -> Result<v1::WriteItem, CliError> {
    let variable = existing.ok_or_else(|| {
        CliError::new(Kind::NotFound, format!("{path} has no own variable {key}"))
            .hint(format!("list its own variables with `ktr env show {path} --own-only`"))
    })?;
    let put = v1::Put {
        r#type: variable.r#type,
        content: variable.to_put(),
        description: variable.description.clone(),
        create_missing: false,
        deletion_protection: Some(protect),
    };
    Ok(v1::WriteItem {
        environment: Some(v1::EnvironmentName::from(path)),
        key: key.to_string(),
        operation: Some(write_item::Operation::Put(put)),
        expect: Some(write_item::Expect::ExpectRevision(variable.revision)),
    })
}

fn report(
    path: &EnvPath,
    protect: bool,
    results: &[v1::WriteResult],
    context: &mut Context,
) -> Result<(), CliError> {
    let (done, unchanged_state) =
        if protect { ("Protected", "already protected") } else { ("Unprotected", "not protected") };
    let written = results.iter().filter(|result| result.status() == WriteStatus::Written).count();
    let unchanged = counted(results.len() - written, "variable");
    let changed = counted(written, "variable");
    let revision = newest_revision(results);
    context.out.line(&match (written, results.len() - written) {
        (0, _) => {
            format!("No changes: {path} is still at revision {revision}; {unchanged} {unchanged_state}.")
        }
        (_, 0) => format!("{done} {changed} in {path}, now at revision {revision}."),
        _ => {
            format!("{done} {changed} in {path}, now at revision {revision}; {unchanged} {unchanged_state}.")
        }
    })
}
