//! `ktr var set`

use std::collections::HashMap;

use kontraktor_proto::{
    client::new_batch_id,
    names::{EnvPath, Key},
    v1::{self, ProblemCode, WriteStatus, put::Content, write_item},
    value::{ValueType, check_description},
};

use super::{
    MAX_ATTEMPTS,
    assignment::{Assignment, resolve},
    first_refusal, is_race, require_all,
};
use crate::{
    commands::counted,
    context::Context,
    error::{CliError, Kind},
};

/// Set variables, all of them or none
///
/// Values: KEY=VALUE is taken as written (KEY= is an empty value), KEY=@FILE is the file's content, KEY=- is standard
/// input. Files and standard input must be UTF-8 and are kept to the byte, a line break at the end included.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The environment, as in infra-demo/dev
    #[arg(value_name = "PROJECT/ENV")]
    environment: EnvPath,
    /// KEY=VALUE, KEY=@FILE, or KEY=- for standard input
    #[arg(value_name = "KEY=VALUE", required = true)]
    assignments: Vec<Assignment>,
    /// string, number, bool or json; absent: an existing variable keeps its type, a new one is a string
    #[arg(long = "type", value_name = "TYPE")]
    value_type: Option<ValueType>,
    /// Describe all of them; absent: an existing variable keeps its description
    #[arg(long)]
    description: Option<String>,
    /// Refuse to delete them until they are unprotected; absent: as it is
    #[arg(long)]
    protect: bool,
    /// Create the project and the environment where they do not exist
    #[arg(long)]
    create: bool,
    /// Take every VALUE as it is written, a leading @ and a lone - included
    #[arg(long)]
    literal: bool,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    if let Some(description) = &args.description {
        check_description(description)?;
    }
    let values = resolve(&args.assignments, args.literal)?;
    let mut attempt = 1;
    loop {
        let existing = existing(&args, &values, context).await?;
        let items = values
            .iter()
            .map(|(key, value)| item(&args, key, value, existing.as_ref()))
            .collect::<Result<Vec<_>, _>>()?;
        let groups = vec![v1::WriteGroup { items }];
        let answer = context
            .client
            .write_variables(v1::WriteVariablesRequest { batch_id: new_batch_id(), groups })
            .await?;
        require_all(&answer.results, values.len())?;
        match first_refusal(&answer.results) {
            None => return report(&args.environment, &answer.results, context),
            Some(problem) if is_race(problem) && existing.is_some() && attempt < MAX_ATTEMPTS => attempt += 1,
            Some(problem) => return Err(refused(&args.environment, problem)),
        }
    }
}

/// Type and description of the keys as they stand, by key; none where both are given and nothing has to be kept.
async fn existing(
    args: &Args,
    values: &[(Key, String)],
    context: &Context,
) -> Result<Option<HashMap<String, v1::Variable>>, CliError> {
    if args.value_type.is_some() && args.description.is_some() {
        return Ok(None);
    }
    let mut existing = HashMap::new();
    for (key, _) in values {
        let request = v1::GetVariableRequest {
            environment: Some(v1::EnvironmentName::from(&args.environment)),
            key: key.to_string(),
        };
        match context.client.get_variable(request).await {
            Ok(variable) => {
                existing.insert(key.to_string(), variable);
            }
            // Whether the environment is missing or only the key is for the write to say.
            Err(error) if error.problem().is_some_and(|problem| problem.code() == ProblemCode::NotFound) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Some(existing))
}

fn item(
    args: &Args,
    key: &Key,
    value: &str,
    existing: Option<&HashMap<String, v1::Variable>>,
) -> Result<v1::WriteItem, CliError> {
    let kept = existing.and_then(|existing| existing.get(key.as_str()));
    let kept_type = kept.and_then(|variable| ValueType::try_from(variable.r#type).ok());
    let value_type = args.value_type.or(kept_type).unwrap_or_default();
    let canonical = value_type.canonicalize(value).map_err(|error| {
        let error = CliError::usage(format!("{key}: {error}"));
        if args.value_type.is_none() && kept_type.is_some() && value_type != ValueType::String {
            return error.hint(format!("{key} is a {value_type} so far; to change that, add --type string"));
        }
        error
    })?;
    let description = args
        .description
        .clone()
        .or_else(|| kept.map(|variable| variable.description.clone()))
        .unwrap_or_default();
    let put = v1::Put {
        r#type: v1::ValueType::from(value_type).into(),
        content: Some(Content::Value(canonical)),
        description,
        create_missing: args.create,
        deletion_protection: args.protect.then_some(true),
    };
    // What was read in order to be kept must still be so when it is written.
    let expect = existing.map(|_| match kept {
        Some(variable) => write_item::Expect::ExpectRevision(variable.revision),
        None => write_item::Expect::ExpectAbsent(true),
    });
    Ok(v1::WriteItem {
        environment: Some(v1::EnvironmentName::from(&args.environment)),
        key: key.to_string(),
        operation: Some(write_item::Operation::Put(put)),
        expect,
    })
}

fn refused(path: &EnvPath, problem: &v1::Problem) -> CliError {
    CliError::from(problem.clone())
        .hint_for(Kind::NotFound, || {
            format!("ktr env create {path}, or add --create to create what is missing")
        })
        .hint_for(Kind::Conflict, || "others write the same keys just now; try again".to_owned())
}

fn report(path: &EnvPath, results: &[v1::WriteResult], context: &mut Context) -> Result<(), CliError> {
    let written = results.iter().filter(|result| result.status() == WriteStatus::Written).count();
    let unchanged = results.len() - written;
    let revision = results.iter().map(|result| result.environment_revision).max().unwrap_or_default();
    context.out.line(&match (written, unchanged) {
        (0, _) => format!("Nothing to change in {path}, still at revision {revision}."),
        (_, 0) => format!("Set {} in {path}, now at revision {revision}.", counted(written, "variable")),
        _ => format!(
            "Set {} in {path}, now at revision {revision}; {unchanged} unchanged.",
            counted(written, "variable")
        ),
    })
}
