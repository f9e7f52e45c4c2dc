//! Writing several keys at once, all of them or none: what `ktr var set`, `ktr secret set`, `ktr var protect` and
//! `ktr var unset` share. What a write keeps of a key is read first, and the write is refused if it changed since.

use std::collections::HashMap;

use kontraktor_model::names::{EnvPath, Key};
use kontraktor_proto::{
    client::new_batch_id,
    v1::{self, ProblemCode, WriteStatus, put::Content, write_item},
};

use crate::{
    context::Context,
    error::{CliError, Kind},
    text::counted,
};

/// How often to read again and retry because another writer was faster.
pub(super) const MAX_ATTEMPTS: usize = 5;

/// Splits `KEY=TEXT` at the first equals sign. Not a parser for clap, which would repeat an invalid argument: it may be a
/// secret that was pasted in place of its assignment.
pub(super) fn split_assignment<'a>(argument: &'a str, rule: &str) -> Result<(Key, &'a str), CliError> {
    let (key, text) = argument.split_once('=').ok_or_else(|| CliError::usage(rule))?;
    Ok((key.parse()?, text))
}

/// Returns the error for a key that is assigned twice.
pub(super) fn duplicate_key(key: &Key) -> CliError {
    CliError::usage(format!("{key} is assigned more than once"))
}

/// What is the same for all keys of a write.
pub(super) struct PutOptions<'a> {
    pub(super) environment: &'a EnvPath,
    pub(super) create_missing: bool,
    pub(super) protect: bool,
    /// None: an existing key keeps its description.
    pub(super) description: Option<&'a str>,
    /// What the keys are called in the report.
    pub(super) noun: &'static str,
    /// Whether the write keeps something of existing keys, so that they have to be read first.
    pub(super) reads_existing: bool,
}

/// Sets the keys. `content` returns the new content of each key, given its assignment and its current state.
pub(super) async fn put_all<T>(
    options: &PutOptions<'_>,
    assignments: &[(Key, T)],
    content: impl Fn(&Key, &T, Option<&v1::Variable>) -> Result<(v1::ValueType, Content), CliError>,
    context: &mut Context,
) -> Result<(), CliError> {
    let mut attempt = 1;
    loop {
        let existing = if options.reads_existing {
            let keys = assignments.iter().map(|(key, _)| key);
            Some(read_existing(options.environment, keys, context).await?)
        } else {
            None
        };
        let items = assignments
            .iter()
            .map(|(key, assigned)| {
                let current = existing.as_ref().and_then(|existing| existing.get(key.as_str()));
                let (value_type, content) = content(key, assigned, current)?;
                Ok(put_item(options, key, current, value_type, content))
            })
            .collect::<Result<Vec<_>, CliError>>()?;
        let results = write(items, context).await?;
        match first_refusal(&results) {
            None => return report(options, &results, context),
            Some(problem) if is_race(problem) && options.reads_existing && attempt < MAX_ATTEMPTS => {
                attempt += 1;
            }
            Some(problem) => return Err(refused(options.environment, problem)),
        }
    }
}

/// Writes the items as one group and returns their results, one for each.
pub(super) async fn write(
    items: Vec<v1::WriteItem>,
    context: &Context,
) -> Result<Vec<v1::WriteResult>, CliError> {
    let count = items.len();
    let groups = vec![v1::WriteGroup { items }];
    let request = v1::WriteVariablesRequest { batch_id: new_batch_id(), groups };
    let results = context.client.write_variables(request).await?.results;
    if results.len() == count {
        return Ok(results);
    }
    Err(CliError::general(format!("kontraktord returned {} results for {count} items", results.len()))
        .hint("use the same version of ktr and kontraktord"))
}

/// Returns those of the keys that exist.
async fn read_existing(
    environment: &EnvPath,
    keys: impl Iterator<Item = &Key>,
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
            // The write reports whether the environment is missing, or only the key.
            Err(error) if error.problem().is_some_and(|problem| problem.code() == ProblemCode::NotFound) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(existing)
}

fn put_item(
    options: &PutOptions<'_>,
    key: &Key,
    current: Option<&v1::Variable>,
    value_type: v1::ValueType,
    content: Content,
) -> v1::WriteItem {
    let description = options
        .description
        .map(str::to_owned)
        .or_else(|| current.map(|variable| variable.description.clone()))
        .unwrap_or_default();
    let put = v1::Put {
        r#type: value_type.into(),
        content: Some(content),
        description,
        create_missing: options.create_missing,
        deletion_protection: options.protect.then_some(true),
    };
    let expect = options.reads_existing.then_some(match current {
        Some(variable) => write_item::Expect::ExpectRevision(variable.revision),
        None => write_item::Expect::ExpectAbsent(true),
    });
    v1::WriteItem {
        environment: Some(v1::EnvironmentName::from(options.environment)),
        key: key.to_string(),
        operation: Some(write_item::Operation::Put(put)),
        expect,
    }
}

fn refused(path: &EnvPath, problem: &v1::Problem) -> CliError {
    let error = CliError::from(problem.clone());
    let error = if is_race(problem) { error.hint_race() } else { error };
    error.hint_for(Kind::NotFound, || {
        format!("create the environment with `ktr env create {path}`, or add --create")
    })
}

fn report(
    options: &PutOptions<'_>,
    results: &[v1::WriteResult],
    context: &mut Context,
) -> Result<(), CliError> {
    let path = options.environment;
    let written = results.iter().filter(|result| result.status() == WriteStatus::Written).count();
    let unchanged = results.len() - written;
    let revision = newest_revision(results);
    context.out.line(&match (written, unchanged) {
        (0, _) => format!("No changes: {path} is still at revision {revision}."),
        (_, 0) => format!("Set {} in {path}, now at revision {revision}.", counted(written, options.noun)),
        _ => format!(
            "Set {} in {path}, now at revision {revision}; {unchanged} unchanged.",
            counted(written, options.noun)
        ),
    })
}

/// Returns the environment's revision after the write.
pub(super) fn newest_revision(results: &[v1::WriteResult]) -> u64 {
    results.iter().map(|result| result.environment_revision).max().unwrap_or_default()
}

/// Returns whether another writer was faster, so that reading again and retrying may help.
pub(super) fn is_race(problem: &v1::Problem) -> bool {
    match problem.code() {
        ProblemCode::Conflict => true,
        // Without the current revision the key holds the other kind of content, and will at the next attempt too.
        ProblemCode::KeyExists => problem.current.is_some(),
        _ => false,
    }
}

/// Returns the first refusal that gives a reason; items that were skipped because of it give none.
pub(super) fn first_refusal(results: &[v1::WriteResult]) -> Option<&v1::Problem> {
    let refusals = || {
        results
            .iter()
            .filter(|result| result.status() == WriteStatus::Refused)
            .filter_map(|result| result.problem.as_ref())
    };
    refusals().find(|problem| problem.code() != ProblemCode::Skipped).or_else(|| refusals().next())
}
