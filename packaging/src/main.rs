//! `package`: creates the files of a release from existing binaries. `make package` builds the binaries first.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use packaging::{PackageError, Platform, Release};

/// Create the files that a Terraform registry serves for a release of the provider: zip files, checksums, the manifest, and
/// a detached signature if a key is configured
#[derive(Parser)]
#[command(name = "package", version)]
struct Arguments {
    /// A binary of the provider with its platform, such as linux_amd64=PATH. PATH alone means this machine's platform. Can be
    /// repeated for other platforms
    #[arg(long = "provider", value_name = "[PLATFORM=]PATH", required = true)]
    providers: Vec<String>,
    /// The registry's manifest
    #[arg(long, value_name = "FILE", default_value = "registry-manifest.json")]
    manifest: PathBuf,
    /// The license to add to every archive
    #[arg(long, value_name = "FILE", default_value = "LICENSE")]
    license: PathBuf,
    /// The directory for the files
    #[arg(long, value_name = "FOLDER", default_value = "dist")]
    out: PathBuf,
    /// The gpg key to sign the checksums with. Without a key, they are not signed
    #[arg(long, value_name = "KEY", env = "GPG_KEY")]
    key: Option<String>,
}

impl Arguments {
    fn release(&self) -> Result<Release, PackageError> {
        let mut providers = BTreeMap::new();
        for text in &self.providers {
            let (platform, path) = match text.split_once('=') {
                Some((platform, path)) => (platform.parse()?, path),
                None => (Platform::host(), text.as_str()),
            };
            if path.is_empty() {
                return Err(PackageError::Provider(text.clone()));
            }
            if providers.insert(platform.clone(), PathBuf::from(path)).is_some() {
                return Err(PackageError::Duplicate(platform));
            }
        }
        Ok(Release {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            providers,
            manifest: self.manifest.clone(),
            license: self.license.clone(),
            // An empty variable says nothing, as everywhere here.
            key: self.key.clone().filter(|key| !key.is_empty()),
        })
    }
}

fn run(arguments: &Arguments) -> Result<(), PackageError> {
    let release = arguments.release()?;
    let written = release.write(&arguments.out)?;
    let mut out = io::stdout().lock();
    for path in written {
        // Who closed the pipe does not want to read the rest; the files are there.
        let _ = writeln!(out, "{}", path.display());
    }
    if release.key.is_none() {
        let _ = writeln!(
            io::stderr(),
            "note: not signed, because GPG_KEY is not set. A public registry takes no release without a signature: \
             set GPG_KEY to the key's fingerprint and run this again"
        );
    }
    Ok(())
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "package: {error}");
            ExitCode::FAILURE
        }
    }
}
