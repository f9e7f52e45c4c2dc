//! `ktr project …`

mod create;
mod delete;
mod list;

use clap::Subcommand;

use crate::{context::Context, error::CliError};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Create(create::Args),
    Delete(delete::Args),
    List(list::Args),
}

pub(super) async fn run(command: Command, context: &mut Context) -> Result<(), CliError> {
    match command {
        Command::Create(args) => create::run(args, context).await,
        Command::Delete(args) => delete::run(args, context).await,
        Command::List(args) => list::run(args, context).await,
    }
}
