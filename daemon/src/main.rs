//! `kontraktord`: reads the command line, hands over, and reports how it ended.

use std::{io::Write as _, process::ExitCode};

use clap::Parser as _;

/// The system's own spends a tenth of a commit on DuckDB's many small allocations.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match kontraktord::commands::run(kontraktord::cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Without standard error there is nobody left to report to.
            let _ = writeln!(std::io::stderr(), "{failure}");
            failure.exit.into()
        }
    }
}
