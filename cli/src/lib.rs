//! `ktr`, the Kontraktor command line, as a library: [`run`] parses a command line, runs one command and reports.
//!
//! The layers, each of which knows only those below it:
//!
//! - `command_line`: the whole command line, its help and its exit codes;
//! - `commands`: one file for each command, with its arguments, its help and its function;
//! - `context`, `confirmation`, `holds`: what commands are given to work with;
//! - `output`, `error`: what is printed, and how a command fails;
//! - [`running`] and [`masking`]: running a child process, and masking secrets in its output. They know neither the API nor
//!   the command line;
//! - `connection`, `option_names`, `point_in_time`, `text`, `terminal`: options, and texts for people.

mod command_line;
mod commands;
mod confirmation;
mod connection;
mod context;
mod error;
mod holds;
pub mod masking;
mod option_names;
mod output;
mod point_in_time;
pub mod running;
mod terminal;
mod text;

use std::{ffi::OsString, process::ExitCode};

use kontraktor_hardening::memory;

use crate::{
    command_line::CommandLine,
    commands::{Command, completions},
    context::Context,
    error::CliError,
    output::Output,
};

/// Runs the command that the arguments name, the program's name first, and returns its exit code.
///
/// Keeps secrets in this process's memory out of core dumps, and lets what `ktr run` starts dump core as before. Errors are
/// reported on standard error. `ktr run` may replace the process, and then this does not return.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    for missing in memory::keep_private(memory::Scope::ThisProcess) {
        terminal::warn(&missing.to_string());
    }
    let arguments: Vec<_> = arguments.into_iter().collect();
    let command_line = match CommandLine::parse_from(&arguments) {
        Ok(command_line) => command_line,
        Err(error) => {
            let exit_code = command_line::attempted_command(&arguments)
                .and_then(|command| commands::exit_code_before_start(&command));
            return error::report_usage(&error, exit_code);
        }
    };
    match execute(command_line) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(),
    }
}

fn execute(command_line: CommandLine) -> Result<(), CliError> {
    let command = match command_line.command {
        // Needs no daemon, so invalid connection options do not matter.
        Command::Completions(args) => {
            let mut out = Output::new();
            completions::run(args, CommandLine::definition(), &mut out)?;
            return out.finish();
        }
        Command::Remote(command) => command,
    };
    let exit_code = command.exit_code_before_start();
    let prepared = Context::new(&command_line.connection).and_then(|context| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime =
            runtime.map_err(|error| CliError::general(format!("cannot start the runtime: {error}")))?;
        Ok((context, runtime))
    });
    let (mut context, runtime) = prepared.map_err(|error| match exit_code {
        Some(exit_code) => error.with_exit_code(exit_code),
        None => error,
    })?;
    let result = runtime.block_on(commands::run(command, &mut context));
    // Does not wait for a thread that is blocked writing to a reader that does not read.
    runtime.shutdown_background();
    result?;
    context.out.finish()
}
