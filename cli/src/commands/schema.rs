//! `ktr schema …`

mod delete;
mod list;
mod set;
mod show;

use clap::Subcommand;
use kontraktor_model::names::ProjectName;
use kontraktor_proto::client::ClientError;

use crate::{
    context::Context,
    error::{CliError, Kind},
};

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

/// For requests that name one schema.
fn failed(error: ClientError, project: &ProjectName) -> CliError {
    let missing_project = error.problem().is_some_and(|problem| problem.field == "project");
    CliError::from(error).hint_for(Kind::NotFound, || {
        if missing_project {
            super::project::LIST.to_owned()
        } else {
            format!("list them with: ktr schema list {project}")
        }
    })
}
