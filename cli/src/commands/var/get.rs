//! `ktr var get`

use clap::ValueEnum;
use kontraktor_model::names::{EnvPath, Key};
use kontraktor_proto::{json::Variable, v1};

use crate::{
    at::At,
    context::Context,
    error::{CliError, Kind},
};

/// Print one variable's value
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The environment, as in infra-demo/dev
    #[arg(value_name = "PROJECT/ENV")]
    environment: EnvPath,
    /// The variable's key
    key: Key,
    /// As it was: at a revision, at a time as in 2026-05-01T08:00:00Z, or 30m, 2h or 7d ago
    #[arg(long, value_name = "REVISION|TIME")]
    at: Option<At>,
    /// Print the value exactly, without a line break after it
    #[arg(long, short = 'n')]
    no_newline: bool,
    /// What to print
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// The value as it is stored
    Text,
    /// The whole variable; stable, documented in the README
    Json,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let (path, key) = (args.environment, args.key);
    // A snapshot, because it holds the effective variables, not only the environment's own.
    let request = v1::GetSnapshotRequest {
        name: Some(v1::EnvironmentName::from(&path)),
        prefix: key.to_string(),
        at: args.at.as_ref().map(|at| at.resolve((context.now)())),
        ..v1::GetSnapshotRequest::default()
    };
    let snapshot = context
        .client
        .get_snapshot(request)
        .await
        .map_err(|error| CliError::from(error).hint_environments())?;
    let variable = snapshot.variables.into_iter().find(|variable| variable.key == key.as_str());
    if let Some(reference) = variable.as_ref().and_then(|variable| variable.reference()) {
        return Err(CliError::usage(format!("{key} is a secret reference, to {}", reference.url))
            .hint(format!("print the secret with: ktr secret get {path} {key}")));
    }
    let variable = variable.map(Variable::from).ok_or_else(|| {
        let missing = |had: &str, hint: String| {
            CliError::new(Kind::NotFound, format!("{path} {had} no variable {key}")).hint(hint)
        };
        match args.at {
            Some(_) => missing("had", format!("see what became of it with: ktr var history {path} {key}")),
            None => missing("has", format!("look at it with: ktr env show {path}")),
        }
    })?;
    if args.output == Output::Json {
        return context.out.json(&variable);
    }
    context.out.text(variable.value.as_deref().unwrap_or_default())?;
    if args.no_newline { Ok(()) } else { context.out.text("\n") }
}
