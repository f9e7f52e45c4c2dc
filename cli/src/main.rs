//! The `ktr` binary. Everything is in the library.

use std::{env, process::ExitCode};

fn main() -> ExitCode {
    ktr::run(env::args_os())
}
