//! One file for each command, with its arguments, its help and its function together.

mod audit;
pub(crate) mod completions;
mod differences;
mod entries;
mod env;
mod pages;
mod project;
mod put;
mod run;
mod schema;
mod secret;
mod status;
mod var;
mod vault;

use std::fmt;

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
    /// Create, protect, delete and list projects
    #[command(subcommand)]
    Project(project::Command),
    /// Create, change, compare, roll back, protect, delete, list and show environments
    #[command(subcommand)]
    Env(env::Command),
    /// Read, write and protect variables
    #[command(subcommand)]
    Var(var::Command),
    Run(run::Args),
    /// Refer to secrets in vaults, read and check them; references are unset, protected and traced with ktr var
    #[command(subcommand)]
    Secret(secret::Command),
    /// See the vaults that secrets come from
    #[command(subcommand)]
    Vault(vault::Command),
    /// Attach JSON Schemas to the keys of a project
    #[command(subcommand)]
    Schema(schema::Command),
    Audit(audit::Args),
    Status(status::Args),
}

pub(crate) async fn run(command: Remote, context: &mut Context) -> Result<(), CliError> {
    match command {
        Remote::Project(command) => project::run(command, context).await,
        Remote::Env(command) => env::run(command, context).await,
        Remote::Var(command) => var::run(command, context).await,
        Remote::Run(args) => run::run(args, context).await,
        Remote::Secret(command) => secret::run(command, context).await,
        Remote::Vault(command) => vault::run(command, context).await,
        Remote::Schema(command) => schema::run(command, context).await,
        Remote::Audit(args) => audit::run(args, context).await,
        Remote::Status(args) => status::run(args, context).await,
    }
}

impl Remote {
    /// As [`unstarted`].
    pub(crate) fn unstarted(&self) -> Option<u8> {
        matches!(self, Self::Run(_)).then_some(run::FAILED)
    }
}

/// How this command ends where it is not even begun, if that is not as everywhere: what `ktr run` runs has exit codes of
/// its own, and ours must not be mistaken for them.
pub(crate) fn unstarted(command: &str) -> Option<u8> {
    (command == "run").then_some(run::FAILED)
}

/// `1 variable`, `2 variables`.
fn counted<T: fmt::Display + PartialEq + From<u8>>(count: T, noun: &str) -> String {
    let plural = if count == T::from(1) { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// A cell that is empty where it says nothing.
fn yes(value: bool) -> String {
    if value { "yes" } else { "" }.to_owned()
}

fn yes_no(value: bool) -> String {
    if value { "yes" } else { "no" }.to_owned()
}
