//! `ktr project …`

mod create;
mod delete;
mod list;
mod protect;

use clap::Subcommand;

use crate::{context::Context, error::CliError};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Create(create::Args),
    /// Protect a project from deletion
    ///
    /// Its environments and variables have protections of their own.
    Protect(protect::Args),
    /// Remove a project's protection from deletion
    Unprotect(protect::Args),
    Delete(delete::Args),
    List(list::Args),
}

pub(super) async fn run(command: Command, context: &mut Context) -> Result<(), CliError> {
    match command {
        Command::Create(args) => create::run(args, context).await,
        Command::Protect(args) => protect::run(args, true, context).await,
        Command::Unprotect(args) => protect::run(args, false, context).await,
        Command::Delete(args) => delete::run(args, context).await,
        Command::List(args) => list::run(args, context).await,
    }
}
