//! The whole command line: global options, commands, help and exit codes. The commands' own arguments are beside the commands.

use std::ffi::OsString;

use clap::{CommandFactory as _, Parser};

use crate::{commands::Command, connection::Connection};

/// Manage projects, environments, variables and secret references in Kontraktor
#[derive(Debug, Parser)]
#[command(name = "ktr", version, max_term_width = 110, after_help = AFTER_HELP)]
pub(crate) struct CommandLine {
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER_HELP: &str = "\
Environment variables:
  KONTRAKTOR_HOST           Same as --host; the other options of the connection have variables too
  KONTRAKTOR_TOKEN          Access token (not an option: command lines are visible to others)
  KONTRAKTOR_CLIENT_SECRET  Secret of the client ID (not an option either)
  KONTRAKTOR_DAEMON_UID     User whose daemon is trusted, by uid, besides your own and root's
  NO_COLOR                  Disable color

Exit codes:
  0  Success
  1  Another failure, or not confirmed; with env diff --exit-code, differences found
  2  Invalid command line or value, or an import cycle; nothing was written
  3  Project, environment, variable, schema, revision, vault or secret not found
  4  Already exists, not empty, protected, imported, or changed by someone else
  5  Daemon or token endpoint unreachable; nothing was sent
  6  Outcome unknown: a write was sent, but the response was lost
  7  Try again later: daemon busy, stopping, out of disk space or too slow, or vault unavailable

ktr run exits with the exit code of the command that it runs: see ktr run --help.";

impl CommandLine {
    /// Parses the arguments, the program's name first.
    pub(crate) fn parse_from(arguments: &[OsString]) -> Result<Self, clap::Error> {
        Self::try_parse_from(arguments)
    }

    /// Returns the definition of the command line, for completions.
    pub(crate) fn definition() -> clap::Command {
        Self::command()
    }
}

/// Returns the name of the command that an invalid command line means.
pub(crate) fn attempted_command(arguments: &[OsString]) -> Option<String> {
    let matches = CommandLine::command().ignore_errors(true).try_get_matches_from(arguments).ok()?;
    matches.subcommand_name().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const README: &str = include_str!("../README.md");

    fn readme_names(option: &str) -> bool {
        let option = format!("--{option}");
        let continues_name = |after: char| after.is_ascii_alphanumeric() || after == '-';
        README.match_indices(&option).any(|(at, _)| !README[at + option.len()..].starts_with(continues_name))
    }

    fn collect_missing(command: &clap::Command, path: &str, missing: &mut Vec<String>) {
        for option in command.get_arguments().filter_map(clap::Arg::get_long) {
            if !readme_names(option) && option != "help" && option != "version" {
                missing.push(format!("{path} --{option}"));
            }
        }
        for child in command.get_subcommands() {
            let path = format!("{path} {}", child.get_name()).trim().to_owned();
            if !child.has_subcommands() && !README.contains(&format!("`{path}")) {
                missing.push(path.clone());
            }
            collect_missing(child, &path, missing);
        }
    }

    #[test]
    fn the_readme_names_every_command_and_option() {
        let mut missing = Vec::new();
        collect_missing(&CommandLine::command(), "", &mut missing);
        assert!(missing.is_empty(), "not in README.md: {missing:?}");
    }

    #[test]
    fn the_readme_and_the_help_promise_the_same_exit_codes() {
        let code =
            |line: &str| line.trim_start_matches(['|', ' ']).chars().next().filter(char::is_ascii_digit);
        let (_, help) = AFTER_HELP.split_once("Exit codes:\n").expect("a list of codes");
        let (_, readme) = README.split_once("## Exit codes\n").expect("a section about exit codes");
        let (readme, _) = readme.split_once("\n## ").expect("a next section");
        let codes = |text: &str| text.lines().filter_map(code).collect::<String>();
        assert_eq!(codes(help), "01234567");
        assert_eq!(codes(readme), codes(help));
    }
}
