//! Times Kontraktor beside its rivals in one run, and prints ratios. See README.md beside this file.

mod contenders;
mod etcd;
mod network;
mod report;
mod resolve;
mod secrets;
mod startup;
mod terraform;
mod watch;
mod writes;

use std::{path::PathBuf, process::ExitCode};

/// The parts that run by default; those of [`LONG`] run only by name.
const USUAL: [&str; 8] = ["startup", "terraform", "small", "bulk", "writes", "resolve", "secrets", "network"];
const LONG: [&str; 1] = ["growth"];

fn main() -> ExitCode {
    let mut parts: Vec<String> = std::env::args().skip(1).collect();
    if parts.is_empty() {
        parts = USUAL.map(String::from).to_vec();
    }
    let peer = std::env::var_os("KONTRAKTOR_BENCH_PEER").map(PathBuf::from);
    for part in parts {
        match part.as_str() {
            "startup" => startup::run(peer.as_deref()),
            "terraform" => terraform::run(1000, 5),
            "small" => terraform::run(200, 5),
            "bulk" => terraform::bulk(),
            "growth" => terraform::growth(),
            "writes" => writes::run(),
            "resolve" => resolve::run(),
            "secrets" => secrets::run(),
            "network" => network::run(),
            other => {
                let known = [&USUAL[..], &LONG[..]].concat().join(", ");
                report::line(&format!("unknown part {other:?}; expected one of {known}"));
                return ExitCode::from(2);
            }
        }
    }
    ExitCode::SUCCESS
}
