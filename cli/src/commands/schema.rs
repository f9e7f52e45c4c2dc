//! `ktr schema …`

mod delete;
mod list;
mod set;
mod show;

use clap::Subcommand;

use crate::{context::Context, error::CliError};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Set(set::Args),
    List(list::Args),
    Show(show::Args),
    Delete(delete::Args),
}

pub(super) async fn run(command: Command, context: &mut Context) -> Result<(), CliError> {
    match command {
        Command::Set(args) => set::run(args, context).await,
        Command::List(args) => list::run(args, context).await,
        Command::Show(args) => show::run(args, context).await,
        Command::Delete(args) => delete::run(args, context).await,
    }
}
