//! One file for each command, with its arguments, its help and its function.

mod audit;
mod audit_entries;
pub(crate) mod completions;
mod diff_table;
mod env;
mod pages;
mod project;
mod role;
mod run;
mod schema;
mod secret;
mod secret_results;
mod service_account;
mod status;
mod var;
mod vault;
mod writes;

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
    /// Manage projects
    #[command(subcommand)]
    Project(project::Command),
    /// Manage, compare and roll back environments
    #[command(subcommand)]
    Env(env::Command),
    /// Read, write and protect variables
    #[command(subcommand)]
    Var(var::Command),
    Run(run::Args),
    /// Set, read and check secret references
    ///
    /// Secret references are deleted, protected and traced with ktr var, like variables.
    #[command(subcommand)]
    Secret(secret::Command),
    /// Show the vaults that secrets come from
    #[command(subcommand)]
    Vault(vault::Command),
    /// Attach JSON Schemas to the keys of a project
    #[command(subcommand)]
    Schema(schema::Command),
    /// Grant and revoke roles
    #[command(subcommand)]
    Role(role::Command),
    /// Manage the service accounts of pipelines
    #[command(subcommand)]
    ServiceAccount(service_account::Command),
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
        Remote::Role(command) => role::run(command, context).await,
        Remote::ServiceAccount(command) => service_account::run(command, context).await,
        Remote::Audit(args) => audit::run(args, context).await,
        Remote::Status(args) => status::run(args, context).await,
    }
}

impl Remote {
    /// As [`exit_code_before_start`], for a parsed command.
    pub(crate) fn exit_code_before_start(&self) -> Option<u8> {
        matches!(self, Self::Run(_)).then_some(run::EXIT_CODE_FAILED)
    }
}

/// Returns the exit code for errors before this command starts, if it is not the usual one: `ktr run` exits with the exit code
/// of the command that it runs, and its own errors must not look like one of those.
pub(crate) fn exit_code_before_start(command: &str) -> Option<u8> {
    (command == "run").then_some(run::EXIT_CODE_FAILED)
}
