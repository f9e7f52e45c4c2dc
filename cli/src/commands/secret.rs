//! `ktr secret …`

mod check;
mod get;
mod purge;
mod set;
mod target;

use clap::Subcommand;
use kontraktor_model::limits::MAX_LISTED_NAMES;

pub(super) use self::get::stale;
use super::counted;
use kontraktor_proto::json::Problem;

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

/// Secrets that cannot be had, by key, each with why and what to do about it.
pub(super) fn cannot_be_had(problems: &[(&str, &Problem)], then: &str) -> CliError {
    let mut message = format!("{} cannot be had{then}", counted(problems.len(), "secret"));
    for (key, problem) in problems.iter().take(MAX_LISTED_NAMES) {
        message.push_str(&format!("\n  {key}: {problem}"));
    }
    if let Some(more) = problems.len().checked_sub(MAX_LISTED_NAMES).filter(|more| *more > 0) {
        message.push_str(&format!("\n  and {more} more"));
    }
    CliError::general(message)
}
