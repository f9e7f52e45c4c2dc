//! Platforms: an operating system and an architecture, named as in Go.

use std::fmt;
use std::str::FromStr;

use crate::PackageError;

/// An operating system and an architecture, such as `linux_amd64`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Platform(String);

impl Platform {
    /// Returns the platform that this program runs on.
    pub fn host() -> Self {
        let os = match std::env::consts::OS {
            "macos" => "darwin",
            other => other,
        };
        let arch = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            "x86" => "386",
            other => other,
        };
        Self(format!("{os}_{arch}"))
    }

    /// Returns the suffix of executables.
    pub(crate) fn executable_suffix(&self) -> &'static str {
        if self.0.starts_with("windows_") { ".exe" } else { "" }
    }
}

impl FromStr for Platform {
    type Err = PackageError;

    fn from_str(text: &str) -> Result<Self, PackageError> {
        let word = |part: &str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        match text.split_once('_') {
            Some((os, arch)) if word(os) && word(arch) => Ok(Self(text.to_owned())),
            _ => Err(PackageError::Platform(text.to_owned())),
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_platform_is_one() {
        let host = Platform::host();
        assert_eq!(host.to_string().parse::<Platform>().expect("it parses"), host);
    }

    #[test]
    fn what_a_registry_would_not_find_is_refused() {
        for text in
            ["", "linux", "linux_", "_amd64", "Linux_amd64", "linux-amd64", "linux_amd64_v2", "../x_y"]
        {
            let error = text.parse::<Platform>().expect_err(text).to_string();
            assert!(error.contains("linux_amd64"), "{error}");
        }
    }
}
