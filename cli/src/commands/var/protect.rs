//! `ktr var protect` and `ktr var unprotect`

use std::collections::HashMap;

use kontraktor_model::names::{EnvPath, Key};
use kontraktor_proto::{
    client::new_batch_id,
    v1::{self, WriteStatus, write_item},
};

use crate::{
    commands::{
        counted,
        put::{MAX_ATTEMPTS, first_refusal, is_race, require_all},
    },
    context::Context,
    error::{CliError, Kind},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The environment, as in infra-demo/dev
    #[arg(value_name = "PROJECT/ENV")]
    environment: EnvPath,
    /// The variables' keys
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
        let standing = standing(&path, context).await?;
        let items = keys
            .iter()
            .map(|key| item(&path, key, standing.get(key.as_str()), protect))
            .collect::<Result<Vec<_>, _>>()?;
        let groups = vec![v1::WriteGroup { items }];
        let answer = context
            .client
            .write_variables(v1::WriteVariablesRequest { batch_id: new_batch_id(), groups })
            .await?;
        require_all(&answer.results, keys.len())?;
        match first_refusal(&answer.results) {
            None => return report(&path, protect, &answer.results, context),
            Some(problem) if is_race(problem) && attempt < MAX_ATTEMPTS => attempt += 1,
            Some(problem) => {
                return Err(CliError::from(problem.clone()).hint_for(Kind::Conflict, || {
                    "others write the same keys just now; try again".to_owned()
                }));
            }
        }
    }
}

/// The environment's own variables, by key.
async fn standing(path: &EnvPath, context: &Context) -> Result<HashMap<String, v1::Variable>, CliError> {
    let request = v1::GetSnapshotRequest {
        name: Some(v1::EnvironmentName::from(path)),
        own_only: true,
        ..v1::GetSnapshotRequest::default()
    };
    let snapshot = context
        .client
        .get_snapshot(request)
        .await
        .map_err(|error| CliError::from(error).hint_environments())?;
    Ok(snapshot.variables.into_iter().map(|variable| (variable.key.clone(), variable)).collect())
}

/// The variable as it stands, with nothing but its protection changed.
fn item(
    path: &EnvPath,
    key: &Key,
    standing: Option<&v1::Variable>,
    protect: bool,
) -> Result<v1::WriteItem, CliError> {
    let variable = standing.ok_or_else(|| {
        CliError::new(Kind::NotFound, format!("{path} has no variable {key} of its own"))
            .hint(format!("look at it with: ktr env show {path} --own"))
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
    let (done, state) = if protect { ("Protected", "protected") } else { ("Unprotected", "unprotected") };
    let written = results.iter().filter(|result| result.status() == WriteStatus::Written).count();
    let already = results.len() - written;
    let revision = results.iter().map(|result| result.environment_revision).max().unwrap_or_default();
    context.out.line(&match (written, already) {
        (0, _) => {
            format!("Nothing to change in {path}, still at revision {revision}: {state} already.")
        }
        (_, 0) => format!("{done} {} in {path}, now at revision {revision}.", counted(written, "variable")),
        _ => format!(
            "{done} {} in {path}, now at revision {revision}; {already} {state} already.",
            counted(written, "variable")
        ),
    })
}
