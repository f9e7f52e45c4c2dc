//! `ktr env show`

use clap::ValueEnum;
use kontraktor_proto::{dotenv, names::EnvPath, v1};

use crate::{
    at::At,
    commands::{counted, yes},
    context::Context,
    error::CliError,
    model::{Origin, Snapshot, Written},
};

/// Show the variables of an environment: what it imports, and its own on top
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
    /// Say where each variable comes from: the environment, and its revision behind an @
    #[arg(long)]
    origin: bool,
    /// As it was: at a revision, at a time as in 2026-05-01T08:00:00Z, or 30m, 2h or 7d ago
    #[arg(long, value_name = "REVISION|TIME")]
    at: Option<At>,
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
        own_only: args.own,
        at: args.at.as_ref().map(|at| at.resolve((context.now)())),
        ..v1::GetSnapshotRequest::default()
    };
    let snapshot = context
        .client
        .get_snapshot(request)
        .await
        .map_err(|error| CliError::from(error).hint_environments())?;
    let snapshot = Snapshot::from(snapshot);
    match args.output {
        // Origins are always in it.
        Output::Json => context.out.json(&snapshot),
        Output::Dotenv => print_dotenv(&snapshot, args.origin, context),
        Output::Table => print_table(snapshot, args.origin, context),
    }
}

fn print_table(snapshot: Snapshot, origins: bool, context: &mut Context) -> Result<(), CliError> {
    let nothing =
        format!("No variables in {}/{} at revision {}.", snapshot.project, snapshot.env, snapshot.revision);
    context.out.table_without(
        &["ORIGIN", "PROTECTED"],
        ["KEY", "TYPE", "VALUE", "ORIGIN", "REVISION", "WRITTEN", "BY", "PROTECTED"],
        snapshot.variables.into_iter().map(|variable| {
            [
                variable.key,
                variable.value_type.to_owned(),
                variable.value.unwrap_or_default(),
                variable.origin.filter(|_| origins).as_ref().map(Origin::to_string).unwrap_or_default(),
                variable.revision.to_string(),
                variable.written.as_ref().map(Written::seconds).unwrap_or_default(),
                variable.written.map(|written| written.actor).unwrap_or_default(),
                yes(variable.deletion_protection),
            ]
        }),
        &nothing,
    )
}

fn print_dotenv(snapshot: &Snapshot, origins: bool, context: &mut Context) -> Result<(), CliError> {
    let variables: Vec<_> = snapshot
        .variables
        .iter()
        .map(|variable| (variable.key.as_str(), variable.value.as_deref().unwrap_or_default()))
        .collect();
    let title = format!("{}/{} at revision {}", snapshot.project, snapshot.env, snapshot.revision);
    let mut files = Vec::new();
    if origins {
        files.push(dotenv::for_shell(&title, &[]));
        for (variable, line) in snapshot.variables.iter().zip(&variables) {
            let origin = variable.origin.as_ref().map_or_else(|| "unknown".to_owned(), Origin::to_string);
            files.push(dotenv::for_shell(&format!("from {origin}"), &[*line]));
        }
    } else {
        files.push(dotenv::for_shell(&title, &variables));
    }
    for file in &files {
        context.out.text(&file.text)?;
    }
    let left_out: Vec<_> = files.into_iter().flat_map(|file| file.left_out).collect();
    if left_out.is_empty() {
        return Ok(());
    }
    let count = counted(left_out.len(), "key");
    context.out.note(&format!("{count} left out that no shell takes as a name: {}", left_out.join(", ")))
}
