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
    /// Protect a project from deletion; what is in it is protected by itself
    Protect(protect::Args),
    /// Take the protection from deletion off a project
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

pub(super) const LIST: &str = "list them with: ktr project list";
