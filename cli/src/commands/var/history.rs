//! `ktr var history`

use kontraktor_proto::{
    names::{EnvPath, Key},
    v1,
};

use crate::{
    commands::entries,
    context::Context,
    error::{CliError, Kind},
    model::Written,
    output::Format,
};

/// Show who wrote what in an environment, newest first
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The environment, as in infra-demo/dev
    #[arg(value_name = "PROJECT/ENV")]
    environment: EnvPath,
    /// Only this key
    key: Option<Key>,
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
    let found = entries::collect(args.limit, |page_token, page_size| {
        let request = v1::ListHistoryRequest {
            environment: Some(environment.clone()),
            key: key.clone(),
            page_size,
            page_token,
        };
        async move { client.list_history(request).await }
    })
    .await
    .map_err(|error| {
        CliError::from(error).hint_for(Kind::NotFound, || "list them with: ktr env list".to_owned())
    })?;
    found.print(
        args.output,
        ["REVISION", "TIME", "BY", "VIA", "OPERATION", "KEY", "CHANGE"],
        |entry| {
            let change = entries::change(&entry);
            [
                entry.revision.map(|revision| revision.to_string()).unwrap_or_default(),
                entry.written.as_ref().map(Written::seconds).unwrap_or_default(),
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
