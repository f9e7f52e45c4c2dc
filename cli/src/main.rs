//! `ktr`, the Kontraktor command line. Decides nothing: reads the command line, runs one command, reports.

mod args;
mod at;
mod commands;
mod confirm;
mod context;
mod error;
mod mask;
mod output;
mod since;
mod text;

use std::process::ExitCode;

use clap::Parser as _;

use crate::{
    args::Cli,
    commands::{Command, completions},
    context::Context,
    error::CliError,
    output::Output,
};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(message) => {
            return error::report_usage(&message, || commands::unstarted(&args::attempted_command()?));
        }
    };
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(),
    }
}

fn run(cli: Cli) -> Result<(), CliError> {
    let command = match cli.command {
        // Needs no daemon, so that it does not matter where the daemon is said to be.
        Command::Completions(args) => {
            let mut out = Output::new();
            completions::run(args, &mut out)?;
            return out.finish();
        }
        Command::Remote(command) => command,
    };
    let unstarted = command.unstarted();
    let prepared = Context::new(&cli.connection).and_then(|context| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| CliError::general(format!("cannot start: {error}")))?;
        Ok((context, runtime))
    });
    let (mut context, runtime) = prepared.map_err(|error| match unstarted {
        Some(code) => error.exits_with(code),
        None => error,
    })?;
    let done = runtime.block_on(commands::run(command, &mut context));
    // A thread that still writes to somebody who does not read would be waited for.
    runtime.shutdown_background();
    done?;
    context.out.finish()
}
