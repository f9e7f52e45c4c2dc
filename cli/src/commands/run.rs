//! `ktr run`: a command with the variables and secrets of an environment.

mod child;
mod hold;
mod signals;
mod streams;

use std::{ffi::OsString, os::unix::ffi::OsStringExt as _};

use kontraktor_model::names::EnvPath;
use kontraktor_proto::{json::Problem, v1};
use zeroize::Zeroizing;

use self::{
    child::{Call, Child},
    hold::Held,
};
use crate::{
    at::At,
    commands::secret::{cannot_be_had, stale},
    context::Context,
    error::CliError,
    mask::Secrets,
};

/// ktr itself failed, and the command was not started; as with env(1) and docker(1).
pub(crate) const FAILED: u8 = 125;

/// Run a command with the variables and secrets of an environment in its environment
///
/// What it prints is passed on with secrets masked as ***. Signals are passed on, and the exit code is the command's own:
/// 128 and the signal's number where a signal ended it. 125: ktr failed before it was started; 126: it cannot be executed;
/// 127: it was not found. With something to mask, the command prints into a pipe and not to the terminal.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The environment, as in infra-demo/dev
    #[arg(value_name = "PROJECT/ENV")]
    environment: EnvPath,
    /// Only keys that begin with this
    #[arg(long, default_value = "", hide_default_value = true)]
    prefix: String,
    /// Leave out what is imported
    #[arg(long)]
    own: bool,
    /// As it was: at a revision, at a time as in 2026-05-01T08:00:00Z, or 30m, 2h or 7d ago
    #[arg(long, value_name = "REVISION|TIME")]
    at: Option<At>,
    /// Let the command print to the terminal itself, secrets included
    #[arg(long)]
    no_mask: bool,
    /// The command and its arguments, behind --
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let answer = read(&args, context).await.map_err(|error| error.exits_with(FAILED))?;
    let hold = answer.hold.clone();
    let is_held = hold.is_some();
    let held = hold.map(|hold| Held::keep(hold, context.client.clone(), context.now));
    let ended = with(&args, answer, is_held, context).await;
    // Before anything is said: whoever waits for the end may start the same again.
    if let Some(held) = held {
        held.release().await;
    }
    match ended {
        Ok(0) => Ok(()),
        Ok(code) => Err(CliError::ended(code)),
        Err(error) => Err(error),
    }
}

async fn read(args: &Args, context: &Context) -> Result<v1::ReadEnvironmentResponse, CliError> {
    let request = v1::ReadEnvironmentRequest {
        environment: Some(v1::EnvironmentName::from(&args.environment)),
        prefix: args.prefix.clone(),
        own_only: args.own,
        at: args.at.as_ref().map(|at| at.resolve((context.now)())),
        hold: true,
    };
    let answer = context.client.read_environment(request).await;
    answer.map_err(|error| CliError::from(error).hint_environments())
}

/// Runs the command with what was read; its exit code.
async fn with(
    args: &Args,
    answer: v1::ReadEnvironmentResponse,
    is_held: bool,
    context: &mut Context,
) -> Result<u8, CliError> {
    let failed = |error: CliError| error.exits_with(FAILED);
    let secrets = secrets(answer.secrets, context).map_err(failed)?;
    let mut variables: Vec<(OsString, OsString)> = answer
        .snapshot
        .unwrap_or_default()
        .variables
        .into_iter()
        .filter_map(|variable| Some((variable.key.clone().into(), variable.value()?.into())))
        .collect();
    variables.extend(secrets.iter().map(|(key, value)| (key.into(), OsString::from_vec(value.to_vec()))));

    let masked = if args.no_mask { None } else { masked(&secrets, context).map_err(failed)? };
    // What was said so far comes before what the command says.
    context.out.finish().map_err(failed)?;
    let (program, arguments) = args
        .command
        .split_first()
        .ok_or_else(|| failed(CliError::usage("the command is missing: name it behind --")))?;
    let call = Call { program, arguments, variables };
    // Nothing to mask and nothing to keep alive: then nobody has to stand between the command and its terminal.
    if masked.is_none() && !is_held {
        return Err(call.replace());
    }
    Child::start(call, masked.as_ref())?.wait().await
}

/// A secret's key and value.
type Named = (String, Zeroizing<Vec<u8>>);

/// The values, by key. One that cannot be had is an error: a command without its secrets would fail later, and worse.
fn secrets(answers: Vec<v1::SecretResult>, context: &mut Context) -> Result<Vec<Named>, CliError> {
    let mut secrets = Vec::with_capacity(answers.len());
    let mut failed = Vec::new();
    for secret in answers {
        if secret.stale {
            context.out.warning(&stale(&secret))?;
        }
        match secret.problem {
            Some(problem) => failed.push((secret.key, Problem::from(problem))),
            None => secrets.push((secret.key, Zeroizing::new(secret.value))),
        }
    }
    if !failed.is_empty() {
        let failed: Vec<_> = failed.iter().map(|(key, problem)| (key.as_str(), problem)).collect();
        return Err(cannot_be_had(&failed, "; the command was not started"));
    }
    if let Some((key, _)) = secrets.iter().find(|(_, value)| value.contains(&0)) {
        return Err(CliError::general(format!(
            "{key} holds a NUL byte, which no environment variable can; the command was not started"
        ))
        .hint("take it with ktr secret get in the command, or leave it out with --prefix"));
    }
    Ok(secrets)
}

/// What is masked; none: there is nothing to mask, and the command keeps its output.
fn masked(secrets: &[Named], context: &mut Context) -> Result<Option<Secrets>, CliError> {
    let (masked, short) = Secrets::new(secrets.iter().map(|(_, value)| value.as_slice()));
    let short: Vec<&str> = short.iter().filter_map(|place| Some(secrets.get(*place)?.0.as_str())).collect();
    if !short.is_empty() {
        context.out.warning(&format!(
            "too short to be masked where the command prints them: {}",
            short.join(", ")
        ))?;
    }
    Ok((!masked.is_empty()).then_some(masked))
}
