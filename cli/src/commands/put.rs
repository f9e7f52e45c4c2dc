//! Setting several keys at once, all of them or none: what `ktr var set` and `ktr secret set` share. What is kept of a
//! key is read first, and must still be so when the key is written.

use std::collections::HashMap;

use kontraktor_model::names::{EnvPath, Key};
use kontraktor_proto::{
    client::new_batch_id,
    v1::{self, ProblemCode, WriteStatus, put::Content, write_item},
};

use super::counted;
use crate::{
    context::Context,
    error::{CliError, Kind},
};

/// How often what is to be kept is read again because someone else wrote in between.
pub(super) const MAX_ATTEMPTS: usize = 5;

/// The key and the text of `KEY=TEXT`, split at the first equals sign. Not for clap, which would repeat what it refuses: a
/// secret, perhaps, that someone took for its assignment.
pub(super) fn split<'a>(argument: &'a str, form: &str) -> Result<(Key, &'a str), CliError> {
    let (key, text) = argument.split_once('=').ok_or_else(|| CliError::usage(form))?;
    Ok((key.parse()?, text))
}

/// What is the same for all keys.
pub(super) struct Put<'a> {
    pub(super) environment: &'a EnvPath,
    pub(super) create: bool,
    pub(super) protect: bool,
    /// None: an existing key keeps its own.
    pub(super) description: Option<&'a str>,
    /// What the keys are called when it is done.
    pub(super) noun: &'static str,
    /// Whether something of existing keys is kept, so that they have to be read.
    pub(super) keep: bool,
}

/// Sets the keys. `content` says what each shall hold, given what it holds now.
pub(super) async fn put_all(
    put: &Put<'_>,
    keys: &[&Key],
    content: impl Fn(&Key, Option<&v1::Variable>) -> Result<(v1::ValueType, Content), CliError>,
    context: &mut Context,
) -> Result<(), CliError> {
    let mut attempt = 1;
    loop {
        let existing = if put.keep { Some(existing(put.environment, keys, context).await?) } else { None };
        let items = keys
            .iter()
            .map(|key| {
                let kept = existing.as_ref().and_then(|existing| existing.get(key.as_str()));
                let (value_type, content) = content(key, kept)?;
                Ok(item(put, key, kept, existing.is_some(), value_type, content))
            })
            .collect::<Result<Vec<_>, CliError>>()?;
        let groups = vec![v1::WriteGroup { items }];
        let answer = context
            .client
            .write_variables(v1::WriteVariablesRequest { batch_id: new_batch_id(), groups })
            .await?;
        require_all(&answer.results, keys.len())?;
        match first_refusal(&answer.results) {
            None => return report(put, &answer.results, context),
            Some(problem) if is_race(problem) && put.keep && attempt < MAX_ATTEMPTS => attempt += 1,
            Some(problem) => return Err(refused(put.environment, problem)),
        }
    }
}

/// The keys as they stand, those that do.
async fn existing(
    environment: &EnvPath,
    keys: &[&Key],
    context: &Context,
) -> Result<HashMap<String, v1::Variable>, CliError> {
    let mut existing = HashMap::new();
    for key in keys {
        let request = v1::GetVariableRequest {
            environment: Some(v1::EnvironmentName::from(environment)),
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
    Ok(existing)
}

fn item(
    put: &Put<'_>,
    key: &Key,
    kept: Option<&v1::Variable>,
    was_read: bool,
    value_type: v1::ValueType,
    content: Content,
) -> v1::WriteItem {
    let description = put
        .description
        .map(str::to_owned)
        .or_else(|| kept.map(|variable| variable.description.clone()))
        .unwrap_or_default();
    let operation = v1::Put {
        r#type: value_type.into(),
        content: Some(content),
        description,
        create_missing: put.create,
        deletion_protection: put.protect.then_some(true),
    };
    let expect = was_read.then_some(match kept {
        Some(variable) => write_item::Expect::ExpectRevision(variable.revision),
        None => write_item::Expect::ExpectAbsent(true),
    });
    v1::WriteItem {
        environment: Some(v1::EnvironmentName::from(put.environment)),
        key: key.to_string(),
        operation: Some(write_item::Operation::Put(operation)),
        expect,
    }
}

fn refused(path: &EnvPath, problem: &v1::Problem) -> CliError {
    let error = CliError::from(problem.clone());
    let error = if is_race(problem) {
        error.hint_for(Kind::Conflict, || "others write the same keys just now; try again".to_owned())
    } else {
        error
    };
    error.hint_for(Kind::NotFound, || {
        format!("ktr env create {path}, or add --create to create what is missing")
    })
}

fn report(put: &Put<'_>, results: &[v1::WriteResult], context: &mut Context) -> Result<(), CliError> {
    let path = put.environment;
    let written = results.iter().filter(|result| result.status() == WriteStatus::Written).count();
    let unchanged = results.len() - written;
    let revision = results.iter().map(|result| result.environment_revision).max().unwrap_or_default();
    context.out.line(&match (written, unchanged) {
        (0, _) => format!("Nothing to change in {path}, still at revision {revision}."),
        (_, 0) => format!("Set {} in {path}, now at revision {revision}.", counted(written, put.noun)),
        _ => format!(
            "Set {} in {path}, now at revision {revision}; {unchanged} unchanged.",
            counted(written, put.noun)
        ),
    })
}

pub(super) fn is_race(problem: &v1::Problem) -> bool {
    match problem.code() {
        ProblemCode::Conflict => true,
        // Without it the key holds the other kind of thing, and will in the next attempt, too.
        ProblemCode::KeyExists => problem.current.is_some(),
        _ => false,
    }
}

/// The first refusal among the results that says why; items that were skipped because of it say nothing new.
pub(super) fn first_refusal(results: &[v1::WriteResult]) -> Option<&v1::Problem> {
    let refusals = || {
        results
            .iter()
            .filter(|result| result.status() == WriteStatus::Refused)
            .filter_map(|result| result.problem.as_ref())
    };
    refusals().find(|problem| problem.code() != ProblemCode::Skipped).or_else(|| refusals().next())
}

/// An answer with fewer or more results than items cannot be told item by item.
pub(super) fn require_all(results: &[v1::WriteResult], items: usize) -> Result<(), CliError> {
    if results.len() == items {
        return Ok(());
    }
    Err(CliError::general(format!("kontraktord answered {} results for {items} items", results.len()))
        .hint("use the same version of ktr and of kontraktord"))
}
