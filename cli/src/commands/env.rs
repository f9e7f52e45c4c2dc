//! `ktr env …`

mod create;
mod delete;
mod diff;
mod list;
mod protect;
mod rollback;
mod show;
mod update;
mod watch;

use clap::Subcommand;

use crate::{context::Context, error::CliError};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Create(create::Args),
    Update(update::Args),
    /// Protect an environment from deletion
    ///
    /// Its variables have protections of their own: see ktr var protect.
    Protect(protect::Args),
    /// Remove an environment's protection from deletion
    Unprotect(protect::Args),
    Delete(delete::Args),
    List(list::Args),
    Show(show::Args),
    Diff(diff::Args),
    Rollback(rollback::Args),
    Watch(watch::Args),
}

pub(super) async fn run(command: Command, context: &mut Context) -> Result<(), CliError> {
    match command {
        Command::Create(args) => create::run(args, context).await,
        Command::Update(args) => update::run(args, context).await,
        Command::Protect(args) => protect::run(args, true, context).await,
        Command::Unprotect(args) => protect::run(args, false, context).await,
        Command::Delete(args) => delete::run(args, context).await,
        Command::List(args) => list::run(args, context).await,
        Command::Show(args) => show::run(args, context).await,
        Command::Diff(args) => diff::run(args, context).await,
        Command::Rollback(args) => rollback::run(args, context).await,
        Command::Watch(args) => watch::run(args, context).await,
    }
}
