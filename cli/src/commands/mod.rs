//! One file for each command, with its arguments, its help and its function together.

mod audit;
pub(crate) mod completions;
mod entries;
mod env;
mod pages;
mod project;
mod status;
mod var;

use clap::Subcommand;

use crate::{context::Context, error::CliError};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Remote(Remote),
    Completions(completions::Args),
}

/// The commands that talk to the daemon.
#[derive(Debug, Subcommand)]
pub(crate) enum Remote {
    /// Create, delete and list projects
    #[command(subcommand)]
    Project(project::Command),
    /// Create, delete, list and show environments
    #[command(subcommand)]
    Env(env::Command),
    /// Read and write variables
    #[command(subcommand)]
    Var(var::Command),
    Audit(audit::Args),
    Status(status::Args),
}

pub(crate) async fn run(command: Remote, context: &mut Context) -> Result<(), CliError> {
    match command {
        Remote::Project(command) => project::run(command, context).await,
        Remote::Env(command) => env::run(command, context).await,
        Remote::Var(command) => var::run(command, context).await,
        Remote::Audit(args) => audit::run(args, context).await,
        Remote::Status(args) => status::run(args, context).await,
    }
}

/// `1 variable`, `2 variables`.
fn counted(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

fn yes_no(value: bool) -> String {
    if value { "yes" } else { "no" }.to_owned()
}
