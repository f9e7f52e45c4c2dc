//! `kontraktord`: reads the command line, hands over, and reports how it ended.

use std::process::ExitCode;

use clap::Parser as _;
use kontraktord::logging;

/// The system's own spends a tenth of a commit on DuckDB's many small allocations.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match kontraktord::commands::run(kontraktord::cli::Cli::parse()) {
        Ok(()) => {
            logging::flush();
            ExitCode::SUCCESS
        }
        Err(failure) => {
            logging::report(&failure.to_string());
            failure.exit.into()
        }
    }
}
