//! `ktr var …`

mod assignment;
mod get;
mod history;
mod protect;
mod set;
mod unset;

use clap::Subcommand;
use kontraktor_proto::v1::{self, ProblemCode, WriteStatus};

use crate::{context::Context, error::CliError};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Get(get::Args),
    Set(set::Args),
    Unset(unset::Args),
    /// Protect variables from deletion, all of them or none
    Protect(protect::Args),
    /// Take the protection from deletion off variables, all of them or none
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

/// How often what is to be kept is read again because someone else wrote in between.
const MAX_ATTEMPTS: usize = 5;

fn is_race(problem: &v1::Problem) -> bool {
    matches!(problem.code(), ProblemCode::Conflict | ProblemCode::KeyExists)
}

/// The first refusal among the results that says why; items that were skipped because of it say nothing new.
fn first_refusal(results: &[v1::WriteResult]) -> Option<&v1::Problem> {
    let refusals = || {
        results
            .iter()
            .filter(|result| result.status() == WriteStatus::Refused)
            .filter_map(|result| result.problem.as_ref())
    };
    refusals().find(|problem| problem.code() != ProblemCode::Skipped).or_else(|| refusals().next())
}

/// An answer with fewer or more results than items cannot be told item by item.
fn require_all(results: &[v1::WriteResult], items: usize) -> Result<(), CliError> {
    if results.len() == items {
        return Ok(());
    }
    Err(CliError::general(format!("kontraktord answered {} results for {items} items", results.len()))
        .hint("use the same version of ktr and of kontraktord"))
}
