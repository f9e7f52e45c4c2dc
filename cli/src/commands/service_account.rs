//! `ktr service-account …`

mod create;
mod delete;
mod list;
mod rotate;
mod show;

use std::time::Duration;

use clap::Subcommand;
use kontraktor_proto::{client::ClientError, json::ServiceAccountCredentials, v1};

use crate::{
    context::Context,
    error::{CliError, Kind},
    output::Format,
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Create(create::Args),
    List(list::Args),
    Show(show::Args),
    Rotate(rotate::Args),
    Delete(delete::Args),
}

pub(super) async fn run(command: Command, context: &mut Context) -> Result<(), CliError> {
    match command {
        Command::Create(args) => create::run(args, context).await,
        Command::List(args) => list::run(args, context).await,
        Command::Show(args) => show::run(args, context).await,
        Command::Rotate(args) => rotate::run(args, context).await,
        Command::Delete(args) => delete::run(args, context).await,
    }
}

fn failed(error: ClientError) -> CliError {
    CliError::from(error)
        .hint_for(Kind::NotFound, || "list the service accounts with `ktr service-account list`".to_owned())
}

/// Parses how long something is valid.
fn duration(text: &str) -> Result<Duration, String> {
    let rule = "expected a number and a unit, such as 24h or 90days";
    match humantime::parse_duration(text) {
        Ok(duration) if duration >= Duration::from_secs(1) => Ok(duration),
        Ok(_) => Err("expected at least one second".to_owned()),
        Err(_) => Err(rule.to_owned()),
    }
}

fn milliseconds(duration: Option<Duration>) -> u64 {
    duration.map_or(0, |duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

/// Prints credentials, with a note that they are shown only once.
fn print_credentials(
    credentials: v1::ServiceAccountCredentials,
    headline: &str,
    output: Format,
    context: &mut Context,
) -> Result<(), CliError> {
    let credentials = ServiceAccountCredentials::from(credentials);
    let has_secret = credentials.client_secret.is_some();
    match output {
        Format::Json => context.out.json(&credentials)?,
        Format::Table => {
            context.out.line(headline)?;
            context.out.line(&format!("{:<16}{}", "client_id", credentials.client_id))?;
            if let Some(secret) = &credentials.client_secret {
                context.out.line(&format!("{:<16}{secret}", "client_secret"))?;
            }
        }
    }
    if has_secret {
        context.out.remark(
            "the secret is shown only this once; store it now, where only the pipeline can read it",
        )?;
    }
    Ok(())
}
