//! `ktr var history`

use kontraktor_model::names::{EnvPath, Key};
use kontraktor_proto::v1;

use crate::{
    commands::audit_entries::{Limit, change, collect},
    context::Context,
    error::CliError,
    output::Format,
    point_in_time::PointInTimeSpec,
    text::{named_actor, seconds},
};

/// Show the changes of an environment or a variable, newest first
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Environment, such as infra-demo/dev
    #[arg(value_name = "PROJECT/ENV")]
    environment: EnvPath,
    /// Only this key
    key: Option<Key>,
    /// Only changes up to a revision, a time (2026-05-01T08:00:00Z), or a duration before now (30m, 2h, 7d), inclusive
    #[arg(long, value_name = "REVISION|TIME")]
    at: Option<PointInTimeSpec>,
    #[command(flatten)]
    limit: Limit,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Table, value_name = "FORMAT")]
    output: Format,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let client = &context.client;
    let environment = v1::EnvironmentName::from(&args.environment);
    let key = args.key.map(String::from).unwrap_or_default();
    // Resolved once, so that every page ends at the same point in time.
    let until = args.at.map(|at| at.resolve((context.now)()));
    let entries = collect(args.limit, |page_token, page_size| {
        let request = v1::ListHistoryRequest {
            environment: Some(environment.clone()),
            key: key.clone(),
            page_size,
            page_token,
            until,
        };
        async move { client.list_history(request).await }
    })
    .await
    .map_err(|error| CliError::from(error).hint_missing_environment())?;
    entries.print(
        args.output,
        ["REVISION", "TIME", "BY", "VIA", "OPERATION", "KEY", "CHANGE"],
        |entry| {
            let change = change(&entry);
            [
                entry.revision.map(|revision| revision.to_string()).unwrap_or_default(),
                seconds(entry.written.as_ref()),
                named_actor(&entry),
                entry.written.map(|written| written.via).unwrap_or_default(),
                entry.operation,
                entry.key.unwrap_or_default(),
                change,
            ]
        },
        context,
    )
}
