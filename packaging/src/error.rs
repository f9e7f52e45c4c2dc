//! Why there is no package. Each message names what to do about it.

use std::io;
use std::path::PathBuf;

use crate::Platform;

/// Why there is no package.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// A platform that is not written as the registry writes it.
    #[error("the platform {0:?} is not OS_ARCH in Go's words: write it as in linux_amd64 or darwin_arm64")]
    Platform(String),
    /// A provider that is not `PLATFORM=PATH`.
    #[error("the provider {0:?} is not PLATFORM=PATH: write it as in linux_amd64=target/release/NAME")]
    Provider(String),
    /// The same platform twice.
    #[error("there are two providers for {0}: name one")]
    Twice(Platform),
    /// A file that is needed cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("{} cannot be written: {source}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An archive cannot be written.
    #[error("{} cannot be written: {source}", path.display())]
    Archive {
        /// Which.
        path: PathBuf,
        /// Why.
        source: zip::result::ZipError,
    },
    /// A binary of this machine's platform that does not say the release's version.
    #[error("{} says {said:?}, and the release is {version}: build the provider again", path.display())]
    Stale {
        /// The binary.
        path: PathBuf,
        /// What it says.
        said: String,
        /// The release's version.
        version: String,
    },
    /// The registry's manifest is not one.
    #[error(
        "{} is no manifest that a registry takes: {why}. It is \
         {{\"version\": 1, \"metadata\": {{\"protocol_versions\": [\"6.0\"]}}}}",
        path.display()
    )]
    Manifest {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A key is configured, and gpg cannot be started.
    #[error(
        "a key to sign with is configured, and gpg cannot be started: {0}. Install it: apt-get install gnupg"
    )]
    NoGpg(io::Error),
    /// gpg did not sign.
    #[error(
        "gpg did not sign with the key {key:?}: {said}. `gpg --list-secret-keys` shows which keys there are"
    )]
    Unsigned {
        /// The key that was asked for.
        key: String,
        /// What gpg said.
        said: String,
    },
}

impl PackageError {
    pub(crate) fn read(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        |source| Self::Read { path, source }
    }

    pub(crate) fn write(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        |source| Self::Write { path, source }
    }
}
