//! `ktr env show`

use clap::ValueEnum;
use kontraktor_proto::{names::EnvPath, v1};

use crate::{
    commands::counted,
    context::Context,
    dotenv,
    error::{CliError, Kind},
    model::{Snapshot, Written},
};

/// Show the variables of an environment
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The environment, as in infra-demo/dev
    #[arg(value_name = "PROJECT/ENV")]
    environment: EnvPath,
    /// Only keys that begin with this
    #[arg(long, default_value = "", hide_default_value = true)]
    prefix: String,
    /// What to print
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Output {
    /// For people; long values are cut
    Table,
    /// For programs; stable, documented in the README
    Json,
    /// Lines that a POSIX shell reads back, as in: set -a; . ./file
    Dotenv,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let path = args.environment;
    let request = v1::GetSnapshotRequest {
        name: Some(v1::EnvironmentName::from(&path)),
        prefix: args.prefix,
        ..v1::GetSnapshotRequest::default()
    };
    let snapshot = context.client.get_snapshot(request).await.map_err(|error| {
        CliError::from(error).hint_for(Kind::NotFound, || "list them with: ktr env list".to_owned())
    })?;
    let snapshot = Snapshot::from(snapshot);
    match args.output {
        Output::Json => context.out.json(&snapshot),
        Output::Dotenv => dotenv(&snapshot, context),
        Output::Table => table(snapshot, context),
    }
}

fn table(snapshot: Snapshot, context: &mut Context) -> Result<(), CliError> {
    let nothing =
        format!("No variables in {}/{} at revision {}.", snapshot.project, snapshot.env, snapshot.revision);
    context.out.table(
        ["KEY", "TYPE", "VALUE", "REVISION", "WRITTEN", "BY"],
        snapshot.variables.into_iter().map(|variable| {
            [
                variable.key,
                variable.value_type.to_owned(),
                variable.value.unwrap_or_default(),
                variable.revision.to_string(),
                variable.written.as_ref().map(Written::seconds).unwrap_or_default(),
                variable.written.map(|written| written.actor).unwrap_or_default(),
            ]
        }),
        &nothing,
    )
}

fn dotenv(snapshot: &Snapshot, context: &mut Context) -> Result<(), CliError> {
    let variables: Vec<_> = snapshot
        .variables
        .iter()
        .map(|variable| (variable.key.as_str(), variable.value.as_deref().unwrap_or_default()))
        .collect();
    let title = format!("{}/{} at revision {}", snapshot.project, snapshot.env, snapshot.revision);
    let (text, left_out) = dotenv::write(&title, &variables);
    context.out.text(&text)?;
    if left_out.is_empty() {
        return Ok(());
    }
    let count = counted(left_out.len(), "key");
    context.out.note(&format!("{count} left out that no shell takes as a name: {}", left_out.join(", ")))
}
