//! `ktr var …`

mod assignment;
mod get;
mod history;
mod protect;
mod set;
mod unset;

use clap::Subcommand;

use crate::{context::Context, error::CliError};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Get(get::Args),
    Set(set::Args),
    Unset(unset::Args),
    /// Protect variables from deletion
    ///
    /// All of them are protected, or none.
    Protect(protect::Args),
    /// Remove variables' protection from deletion
    ///
    /// All of them lose their protection, or none.
    Unprotect(protect::Args),
    History(history::Args),
}

pub(super) async fn run(command: Command, context: &mut Context) -> Result<(), CliError> {
    match command {
        Command::Get(args) => get::run(args, context).await,
        Command::Set(args) => set::run(args, context).await,
        Command::Unset(args) => unset::run(args, context).await,
        Command::Protect(args) => protect::run(args, true, context).await,
        Command::Unprotect(args) => protect::run(args, false, context).await,
        Command::History(args) => history::run(args, context).await,
    }
}
