//! Why there is no package. Each message names what to do about it.

use std::io;
use std::path::PathBuf;

use crate::Platform;

/// Why packaging failed.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// An invalid platform.
    #[error("invalid platform {0:?}: expected OS_ARCH, such as linux_amd64 or darwin_arm64")]
    Platform(String),
    /// An invalid provider.
    #[error("invalid provider {0:?}: expected PLATFORM=PATH, such as linux_amd64=target/release/NAME")]
    Provider(String),
    /// Two providers for the same platform.
    #[error("duplicate provider for {0}: remove one")]
    Duplicate(Platform),
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The path of the file.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The path of the file.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
    /// An archive cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Archive {
        /// The path of the file.
        path: PathBuf,
        /// The error.
        source: zip::result::ZipError,
    },
    /// The version of a binary for this machine's platform differs from the release's.
    #[error("{} reports {reported:?}, but the release is {version}: build the provider again", path.display())]
    Stale {
        /// The binary.
        path: PathBuf,
        /// The version that the binary reports.
        reported: String,
        /// The release's version.
        version: String,
    },
    /// The registry's manifest is invalid.
    #[error(
        "invalid manifest {}: {why}; expected \
         {{\"version\": 1, \"metadata\": {{\"protocol_versions\": [\"6.0\"]}}}}",
        path.display()
    )]
    Manifest {
        /// The path of the file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A signing key is configured, but gpg cannot be started.
    #[error("cannot start gpg to sign the checksums: {0}; install it with `apt-get install gnupg`")]
    NoGpg(io::Error),
    /// gpg failed to sign.
    #[error(
        "gpg failed to sign with the key {key:?}: {message}; list the available keys with `gpg --list-secret-keys`"
    )]
    Unsigned {
        /// The requested key.
        key: String,
        /// gpg's message.
        message: String,
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
