//! Times Kontraktor beside its rivals in one run, and prints ratios. See README.md beside this file.

mod report;
mod startup;
mod terraform;
mod writes;

use std::{path::PathBuf, process::ExitCode};

fn main() -> ExitCode {
    let mut parts: Vec<String> = std::env::args().skip(1).collect();
    if parts.is_empty() {
        parts = ["startup", "terraform", "writes"].map(String::from).to_vec();
    }
    let peer = std::env::var_os("KONTRAKTOR_BENCH_PEER").map(PathBuf::from);
    for part in parts {
        match part.as_str() {
            "startup" => startup::run(peer.as_deref()),
            "terraform" => terraform::run(peer.as_deref()),
            "writes" => writes::run(),
            other => {
                report::line(&format!("no part is called {other:?}: startup, terraform, writes"));
                return ExitCode::from(2);
            }
        }
    }
    ExitCode::SUCCESS
}
