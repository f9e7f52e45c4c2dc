//! `ktr completions`

use clap_complete::Shell;

use crate::{error::CliError, output::Output};

/// Print a shell completion script
///
/// For bash: ktr completions bash > ~/.local/share/bash-completion/completions/ktr
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Shell to complete for
    shell: Shell,
}

/// Prints the script for a command line with this definition.
pub(crate) fn run(args: Args, mut definition: clap::Command, out: &mut Output) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut definition, "ktr", &mut script);
    out.text(&String::from_utf8_lossy(&script))
}
