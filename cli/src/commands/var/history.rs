//! `ktr var history`

use kontraktor_model::names::{EnvPath, Key};
use kontraktor_proto::v1;

use crate::{at::At, commands::entries, context::Context, error::CliError, output::Format, text::seconds};

/// Show who wrote what in an environment, newest first
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The environment, as in infra-demo/dev
    #[arg(value_name = "PROJECT/ENV")]
    environment: EnvPath,
    /// Only this key
    key: Option<Key>,
    /// Only what was written up to and including this moment: a revision, a time as in 2026-05-01T08:00:00Z, or 30m, 2h
    /// or 7d ago
    #[arg(long, value_name = "REVISION|TIME")]
    at: Option<At>,
    #[command(flatten)]
    limit: entries::Limit,
    /// What to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let client = &context.client;
    let environment = v1::EnvironmentName::from(&args.environment);
    let key = args.key.map(String::from).unwrap_or_default();
    // Once, so that every page means the same moment.
    let until = args.at.map(|at| at.resolve((context.now)()));
    let found = entries::collect(args.limit, |page_token, page_size| {
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
    .map_err(|error| CliError::from(error).hint_environments())?;
    found.print(
        args.output,
        ["REVISION", "TIME", "BY", "VIA", "OPERATION", "KEY", "CHANGE"],
        |entry| {
            let change = entries::change(&entry);
            [
                entry.revision.map(|revision| revision.to_string()).unwrap_or_default(),
                entry.written.as_ref().map(seconds).unwrap_or_default(),
                entry.written.as_ref().map(|written| written.actor.clone()).unwrap_or_default(),
                entry.written.map(|written| written.via).unwrap_or_default(),
                entry.operation,
                entry.key.unwrap_or_default(),
                change,
            ]
        },
        context,
    )
}
