//! `ktr run`: a command with the variables and secrets of an environment.

use std::{ffi::OsString, os::unix::ffi::OsStringExt as _};

use kontraktor_model::names::{EnvPath, Key};
use kontraktor_proto::{json::Problem, v1};
use zeroize::Zeroizing;

use super::secret_results::{stale_warning, unreadable};
use crate::{
    context::Context,
    error::CliError,
    holds::RenewedHold,
    masking::Secrets,
    point_in_time::PointInTimeSpec,
    running::{Child, Exit, Invocation, StartError, adopts_orphans, runs_code},
};

/// ktr itself failed before the command started. As for env(1) and docker(1).
pub(crate) const EXIT_CODE_FAILED: u8 = 125;
const EXIT_CODE_NOT_EXECUTABLE: u8 = 126;
const EXIT_CODE_NOT_FOUND: u8 = 127;

/// Run a command with an environment's variables and secrets
///
/// Output passes through with secrets masked as ***. Signals are forwarded, and the exit code is the command's own, or 128 plus
/// the number of the signal that ended it. Exit codes 125 to 127 mean that the command did not start: 125 if ktr failed, 126 if
/// the command cannot be executed, 127 if it was not found. If there is anything to mask, the command's output is a pipe and
/// not the terminal. Variables by which programs run code, such as PATH or LD_PRELOAD, are refused unless they are allowed by
/// name.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Environment, such as infra-demo/dev
    #[arg(value_name = "PROJECT/ENV")]
    environment: EnvPath,
    /// Only keys that begin with this prefix
    #[arg(long, default_value = "", hide_default_value = true)]
    prefix: String,
    /// Only the environment's own variables, without imports
    #[arg(long)]
    own_only: bool,
    /// As of a revision, a time (2026-05-01T08:00:00Z), or a duration before now (30m, 2h, 7d)
    #[arg(long, value_name = "REVISION|TIME")]
    at: Option<PointInTimeSpec>,
    /// Allow a variable by which programs run code, such as PATH; repeatable
    #[arg(long = "allow-variable", value_name = "NAME")]
    allowed_variables: Vec<Key>,
    /// Connect the command to the terminal directly, without masking
    #[arg(long)]
    no_mask: bool,
    /// Command and its arguments, after --
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let response = read(&args, context).await.map_err(|error| error.with_exit_code(EXIT_CODE_FAILED))?;
    let hold = response.hold.clone();
    let has_hold = hold.is_some();
    let renewed = hold.map(|hold| RenewedHold::start(hold, context.client.clone(), context.now));
    let result = run_with(&args, response, has_hold, context).await;
    // Before the error is reported: a script that waits for it may run the same command again.
    if let Some(renewed) = renewed {
        renewed.release().await;
    }
    match result {
        Ok(0) => Ok(()),
        Ok(code) => Err(CliError::exit_code_only(code)),
        Err(error) => Err(error),
    }
}

async fn read(args: &Args, context: &Context) -> Result<v1::ReadEnvironmentResponse, CliError> {
    let request = v1::ReadEnvironmentRequest {
        environment: Some(v1::EnvironmentName::from(&args.environment)),
        prefix: args.prefix.clone(),
        own_only: args.own_only,
        at: args.at.as_ref().map(|at| at.resolve((context.now)())),
        hold: true,
    };
    let response = context.client.read_environment(request).await;
    response.map_err(|error| CliError::from(error).hint_missing_environment())
}

/// Runs the command with what was read, and returns its exit code.
async fn run_with(
    args: &Args,
    response: v1::ReadEnvironmentResponse,
    has_hold: bool,
    context: &mut Context,
) -> Result<u8, CliError> {
    let failed = |error: CliError| error.with_exit_code(EXIT_CODE_FAILED);
    let secrets = readable_secrets(response.secrets, context).map_err(failed)?;
    let mut variables: Vec<(OsString, OsString)> = response
        .snapshot
        .unwrap_or_default()
        .variables
        .into_iter()
        .filter_map(|variable| Some((variable.key.clone().into(), variable.value()?.into())))
        .collect();
    variables.extend(secrets.iter().map(|(key, value)| (key.into(), OsString::from_vec(value.to_vec()))));

    refuse_code(args, &variables).map_err(failed)?;
    let masked = if args.no_mask { None } else { masked_secrets(&secrets, context).map_err(failed)? };
    // Our warnings come before the command's output.
    context.out.finish().map_err(failed)?;
    let (program, arguments) = args
        .command
        .split_first()
        .ok_or_else(|| failed(CliError::usage("missing command").hint("write the command after --")))?;
    let invocation = Invocation { program, arguments, variables };
    // With nothing to mask, to renew or to reap, the command gets its terminal directly.
    if masked.is_none() && !has_hold && !adopts_orphans() {
        return Err(not_started(&invocation.exec()));
    }
    let child = Child::start(invocation, masked.as_ref()).map_err(|error| not_started(&error))?;
    let Exit { code, output_error } = child
        .wait()
        .await
        .map_err(|error| CliError::general(format!("cannot wait for the command: {error}")))?;
    if let Some(error) = output_error {
        context.out.warning(&format!("the command's output was cut off: {error}"))?;
    }
    Ok(code)
}

/// Refuses variables by which programs run code, unless they are allowed: everyone who can write to the environment would
/// decide what runs here.
fn refuse_code(args: &Args, variables: &[(OsString, OsString)]) -> Result<(), CliError> {
    let is_allowed = |name: &str| args.allowed_variables.iter().any(|allowed| allowed.as_str() == name);
    let mut refused: Vec<&str> = variables
        .iter()
        .filter_map(|(name, _)| name.to_str())
        .filter(|name| runs_code(name) && !is_allowed(name))
        .collect();
    if refused.is_empty() {
        return Ok(());
    }
    refused.sort_unstable();
    let options: Vec<_> = refused.iter().map(|name| format!("--allow-variable {name}")).collect();
    Err(CliError::general(format!(
        "{} sets variables by which programs run code: {}; the command was not started",
        args.environment,
        refused.join(", ")
    ))
    .hint(format!(
        "if you trust everyone who can write to the environment and its imports, add {}; otherwise exclude them with --prefix",
        options.join(" ")
    )))
}

/// Returns the error with the exit code of env(1).
fn not_started(error: &StartError) -> CliError {
    let failed = CliError::general(error.to_string());
    match error {
        StartError::Setup { .. } => failed.with_exit_code(EXIT_CODE_FAILED),
        StartError::NotFound { .. } => failed
            .with_exit_code(EXIT_CODE_NOT_FOUND)
            .hint("check the command's name, and the PATH if the environment sets it"),
        StartError::TooLarge { .. } => failed
            .with_exit_code(EXIT_CODE_NOT_EXECUTABLE)
            .hint("exclude variables with --prefix: together they exceed the system's limit"),
        StartError::NotExecutable { .. } => failed.with_exit_code(EXIT_CODE_NOT_EXECUTABLE),
    }
}

/// A secret's key and value.
type NamedSecret = (String, Zeroizing<Vec<u8>>);

/// Returns the secrets' values. One that cannot be read is an error: without it the command would fail later, and worse.
fn readable_secrets(
    results: Vec<v1::SecretResult>,
    context: &mut Context,
) -> Result<Vec<NamedSecret>, CliError> {
    let mut secrets = Vec::with_capacity(results.len());
    let mut failed = Vec::new();
    for secret in results {
        if secret.stale {
            context.out.warning(&stale_warning(&secret))?;
        }
        match secret.problem {
            Some(problem) => failed.push((secret.key, Problem::from(problem))),
            None => secrets.push((secret.key, Zeroizing::new(secret.value))),
        }
    }
    if !failed.is_empty() {
        let failed: Vec<_> = failed.iter().map(|(key, problem)| (key.as_str(), problem)).collect();
        return Err(unreadable(&failed, "; the command was not started"));
    }
    if let Some((key, _)) = secrets.iter().find(|(_, value)| value.contains(&0)) {
        return Err(CliError::general(format!(
            "{key} contains a NUL byte, which no environment variable can hold; the command was not started"
        ))
        .hint("read it in the command with `ktr secret get`, or exclude it with --prefix"));
    }
    Ok(secrets)
}

/// Returns the secrets to mask; none if there are none, so that the command keeps its terminal.
fn masked_secrets(secrets: &[NamedSecret], context: &mut Context) -> Result<Option<Secrets>, CliError> {
    let (masked, too_short) = Secrets::new(secrets.iter().map(|(_, value)| value.as_slice()));
    let too_short: Vec<&str> =
        too_short.iter().filter_map(|index| Some(secrets.get(*index)?.0.as_str())).collect();
    if !too_short.is_empty() {
        context.out.warning(&format!("too short to mask in the output: {}", too_short.join(", ")))?;
    }
    Ok((!masked.is_empty()).then_some(masked))
}
