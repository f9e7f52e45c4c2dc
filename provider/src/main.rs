//! The provider's binary. Terraform starts it; a person can start it with `--debug`.

use std::io::{self, Write as _};
use std::process::ExitCode;

use kontraktor_hardening::memory;
use terraform_provider_kontraktor::framework::Server;
use terraform_provider_kontraktor::{ADDRESS, Kontraktor, Settings};
use tfplugin_proto::serve::{Mode, Plugin};

fn main() -> ExitCode {
    for missing in memory::keep_private(memory::Scope::Descendants) {
        // Terraform keeps what plugins write here in its log.
        let _ = writeln!(io::stderr(), "{missing}");
    }
    if std::env::args_os().nth(1).is_some_and(|argument| argument == "--version") {
        let version = env!("CARGO_PKG_VERSION");
        return match writeln!(io::stdout(), "terraform-provider-kontraktor {version}") {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        };
    }
    let provider = Kontraktor::new(Settings::from_process());
    Plugin::new(ADDRESS, Server::new(provider)).run(Mode::from_process())
}
