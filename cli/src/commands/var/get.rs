//! `ktr var get`

use clap::ValueEnum;
use kontraktor_model::names::{EnvPath, Key};
use kontraktor_proto::{json::Variable, v1};

use crate::{
    context::Context,
    error::{CliError, Kind},
    point_in_time::PointInTimeSpec,
};

/// Print the value of a variable
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Environment, such as infra-demo/dev
    #[arg(value_name = "PROJECT/ENV")]
    environment: EnvPath,
    /// Key of the variable
    key: Key,
    /// As of a revision, a time (2026-05-01T08:00:00Z), or a duration before now (30m, 2h, 7d)
    #[arg(long, value_name = "REVISION|TIME")]
    at: Option<PointInTimeSpec>,
    /// Print the value without a line break after it
    #[arg(long, short = 'n')]
    no_newline: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// The stored value
    Text,
    /// The variable with its metadata; stable, documented in the README
    Json,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let (path, key) = (args.environment, args.key);
    // A snapshot, because it also has imported variables.
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
        .map_err(|error| CliError::from(error).hint_missing_environment())?;
    let variable = snapshot.variables.into_iter().find(|variable| variable.key == key.as_str());
    if let Some(reference) = variable.as_ref().and_then(|variable| variable.reference()) {
        return Err(CliError::usage(format!("{key} is a secret reference: {}", reference.url))
            .hint(format!("print the secret with `ktr secret get {path} {key}`")));
    }
    let variable = variable.map(Variable::from).ok_or_else(|| match args.at {
        Some(at) => CliError::new(Kind::NotFound, format!("variable {key} does not exist in {path}@{at}"))
            .hint(format!("show its history with `ktr var history {path} {key}`")),
        None => CliError::new(Kind::NotFound, format!("variable {key} does not exist in {path}"))
            .hint(format!("list variables with `ktr env show {path}`")),
    })?;
    if args.output == Output::Json {
        return context.out.json(&variable);
    }
    context.out.text(variable.value.as_deref().unwrap_or_default())?;
    if args.no_newline { Ok(()) } else { context.out.text("\n") }
}
