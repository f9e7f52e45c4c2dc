//! `ktr role …`

mod grant;
mod list;
mod revoke;

use std::str::FromStr;

use clap::Subcommand;
use kontraktor_model::access::AccessError;

use crate::{context::Context, error::CliError};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Grant(grant::Args),
    Revoke(revoke::Args),
    List(list::Args),
}

pub(super) async fn run(command: Command, context: &mut Context) -> Result<(), CliError> {
    match command {
        Command::Grant(args) => grant::run(args, context).await,
        Command::Revoke(args) => revoke::run(args, context).await,
        Command::List(args) => list::run(args, context).await,
    }
}

/// Parses a role, a subject or a pattern. The error says what to write instead.
fn parse<T: FromStr<Err = AccessError>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: AccessError| format!("{error}; {}", error.remedy()))
}
