//! `ktr secret …`

mod check;
mod get;
mod purge;
mod set;
mod target;

use clap::Subcommand;

use crate::{context::Context, error::CliError};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Get(get::Args),
    Set(set::Args),
    Check(check::Args),
    Purge(purge::Args),
}

pub(super) async fn run(command: Command, context: &mut Context) -> Result<(), CliError> {
    match command {
        Command::Get(args) => get::run(args, context).await,
        Command::Set(args) => set::run(args, context).await,
        Command::Check(args) => check::run(args, context).await,
        Command::Purge(args) => purge::run(args, context).await,
    }
}
