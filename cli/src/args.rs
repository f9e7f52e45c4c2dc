//! The command line as a whole: what every command shares. The commands' own arguments stand beside the commands.

use std::{
    ffi::{OsStr, OsString},
    time::Duration,
};

use clap::{Args, CommandFactory as _, Parser};
use kontraktor_proto::{
    client::DEFAULT_TIMEOUT,
    endpoint::{HOST_VARIABLE, Host, TIMEOUT_VARIABLE},
};

use crate::{commands::Command, error::CliError};

/// Configuration of environments: what Terraform and people write, and applications read.
#[derive(Debug, Parser)]
#[command(name = "ktr", version, max_term_width = 110, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Where the daemon is, and how long it may take.
///
/// Both are read by us, not by clap: it would repeat a host that is refused, and that may hold a password; and it would
/// blame an option where it is the environment variable that is wrong.
#[derive(Debug, Args)]
pub(crate) struct Connection {
    /// The daemon: unix:///path/to/kontraktord.sock. Absent: the local daemon's socket
    #[arg(long, global = true, env = HOST_VARIABLE, hide_env_values = true, value_name = "HOST")]
    host: Option<OsString>,
    /// How long a request may take, repetitions included, as in 500ms, 10s or 2m [default: 60s]
    #[arg(long, global = true, env = TIMEOUT_VARIABLE, hide_env_values = true, value_name = "DURATION")]
    timeout: Option<OsString>,
}

const AFTER_HELP: &str = "\
Environment:
  KONTRAKTOR_HOST     as --host
  KONTRAKTOR_TIMEOUT  as --timeout
  KONTRAKTOR_TOKEN    the token for the daemon; no option, because others can read those
  NO_COLOR            no colours, even on a terminal

Exit codes:
  0  done
  1  failed for another reason than those below, or not confirmed; diff --exit-code: different
  2  the command line or a value is wrong, or imports would go in a circle; nothing was written
  3  the project, environment, variable, schema, moment, vault or secret does not exist
  4  it exists already, is not empty, protected or imported, or was changed by someone else
  5  the daemon cannot be reached; nothing was sent
  6  the outcome is unknown: a write was sent and its answer is lost
  7  not now: the daemon is busy, going down, out of disk space, or too slow, or a vault does not answer

What ktr run runs sets the exit code itself: see ktr run --help.";

/// The command that a command line is about which cannot be understood as a whole.
pub(crate) fn attempted_command() -> Option<String> {
    let matches = Cli::command().ignore_errors(true).try_get_matches().ok()?;
    matches.subcommand_name().map(str::to_owned)
}

impl Connection {
    /// The daemon's address.
    pub(crate) fn host(&self) -> Result<Host, CliError> {
        let wrong = |message: String| {
            CliError::usage(message).hint(format!("it was set with --host or {HOST_VARIABLE}"))
        };
        let text = text("host", self.host.as_deref()).map_err(wrong)?;
        Host::parse(text).map_err(|error| wrong(error.to_string()))
    }

    /// How long a request may take.
    pub(crate) fn timeout(&self) -> Result<Duration, CliError> {
        let wrong = |message: String| {
            CliError::usage(message).hint(format!("it was set with --timeout or {TIMEOUT_VARIABLE}"))
        };
        // An empty environment variable is an unset one.
        let text = text("timeout", self.timeout.as_deref()).map_err(wrong)?.filter(|text| !text.is_empty());
        let Some(text) = text else { return Ok(DEFAULT_TIMEOUT) };
        match humantime::parse_duration(text) {
            Ok(Duration::ZERO) => Err(wrong("timeout must be longer than nothing".to_owned())),
            Ok(duration) => Ok(duration),
            Err(_) => Err(wrong(
                "timeout is not a duration: write a number and a unit, as in 500ms, 10s or 2m".to_owned(),
            )),
        }
    }
}

fn text<'a>(name: &str, given: Option<&'a OsStr>) -> Result<Option<&'a str>, String> {
    given.map(|given| given.to_str().ok_or_else(|| format!("{name} is not valid UTF-8"))).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    const README: &str = include_str!("../README.md");

    fn names(option: &str) -> bool {
        let option = format!("--{option}");
        let is_word = |after: char| after.is_ascii_alphanumeric() || after == '-';
        README.match_indices(&option).any(|(at, _)| !README[at + option.len()..].starts_with(is_word))
    }

    fn check(command: &clap::Command, path: &str, missing: &mut Vec<String>) {
        for option in command.get_arguments().filter_map(clap::Arg::get_long) {
            if !names(option) && option != "help" && option != "version" {
                missing.push(format!("{path} --{option}"));
            }
        }
        for child in command.get_subcommands() {
            let path = format!("{path} {}", child.get_name()).trim().to_owned();
            if !child.has_subcommands() && !README.contains(&format!("`{path}")) {
                missing.push(path.clone());
            }
            check(child, &path, missing);
        }
    }

    #[test]
    fn the_readme_names_every_command_and_option() {
        let mut missing = Vec::new();
        check(&Cli::command(), "", &mut missing);
        assert!(missing.is_empty(), "not in README.md: {missing:?}");
    }

    #[test]
    fn the_readme_and_the_help_promise_the_same_exit_codes() {
        let code =
            |line: &str| line.trim_start_matches(['|', ' ']).chars().next().filter(char::is_ascii_digit);
        let (_, help) = AFTER_HELP.split_once("Exit codes:\n").expect("a list of codes");
        let (_, readme) = README.split_once("## Exit codes\n").expect("a section for them");
        let (readme, _) = readme.split_once("\n## ").expect("an end of it");
        let codes = |text: &str| text.lines().filter_map(code).collect::<String>();
        assert_eq!(codes(help), "01234567");
        assert_eq!(codes(readme), codes(help));
    }
}
