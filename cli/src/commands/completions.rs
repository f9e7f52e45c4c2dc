//! `ktr completions`

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::{args::Cli, error::CliError, output::Output};

/// Print a completion script for a shell
///
/// For bash: ktr completions bash > ~/.local/share/bash-completion/completions/ktr
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell that shall complete
    shell: Shell,
}

pub(crate) fn run(args: Args, out: &mut Output) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "ktr", &mut script);
    out.text(&String::from_utf8_lossy(&script))
}
