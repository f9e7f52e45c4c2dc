//! Secret references: URLs that name one secret in a vault, parsed once into a type.
//!
//! ```text
//! vault://NAME/MOUNT/path?version=3#field
//! aws-sm://NAME/secret-name?stage=AWSCURRENT#json-field      (or ?version=ID)
//! azure-kv://NAME/secret-name?version=…
//! ```
//!
//! NAME is the vault as the daemon's operator configured it. MOUNT is one segment, a slash inside is `%2F`; the path may
//! have several. `?`, `#` and `%` in names are percent-encoded, and so are blanks. An empty part is an error; nothing is
//! guessed. A reference is not secret, but a credential may be pasted in its place: no error repeats a part of it.
//!
//! What differs between schemes is data, see [`Scheme`]: a new one is a file here and a line in [`SCHEMES`]. This module
//! knows the grammar; it does not know which vaults exist or what they hold.

pub mod aws;
pub mod azure;
mod encoding;
mod error;
pub mod hashicorp;
mod parse;
mod scheme;
#[cfg(test)]
mod tests;
mod vaults;
mod version;

use std::fmt;

use self::encoding::{Part, write};
pub use self::{
    error::ReferenceError,
    scheme::{FieldRule, Parameter, PathRule, Scheme, Selector, TextRule},
    vaults::{UnknownVault, choose_vault},
};
use crate::names::VaultName;

/// The schemes of references, one for each kind of vault.
pub static SCHEMES: &[&Scheme] = &[&hashicorp::SCHEME, &aws::SCHEME, &azure::SCHEME];

/// Returns how references are written, one form for each scheme, for messages and help.
pub fn forms() -> String {
    scheme::forms(SCHEMES)
}

/// A reference to one secret. [`fmt::Display`] writes the URL in its canonical spelling; [`std::str::FromStr`] parses it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reference {
    vault: VaultName,
    secret: Secret,
}

impl Reference {
    /// Returns the vault's name in the daemon's configuration.
    pub fn vault(&self) -> &VaultName {
        &self.vault
    }

    /// Returns which secret of that vault is meant.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }
}

/// Names a secret within its vault. No part is empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Secret {
    scheme: &'static Scheme,
    mount: Option<String>,
    path: String,
    version: Option<Version>,
    field: Option<String>,
}

/// The version that a reference asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Version {
    /// One version, by the name that the vault gives it. It never changes.
    Id(String),
    /// The version that a stage is attached to when the secret is read, such as `AWSPREVIOUS`.
    Stage(String),
}

impl Secret {
    /// Returns the URL's scheme. Its name is also the kind of the vault.
    pub fn scheme(&self) -> &'static Scheme {
        self.scheme
    }

    /// Returns where the secrets engine is mounted, in schemes with [`PathRule::MountAndPath`]. May contain slashes.
    pub fn mount(&self) -> Option<&str> {
        self.mount.as_deref()
    }

    /// Returns the path below the mount, or the secret's name. No slash is at either end, and no segment is empty, `.`
    /// or `..`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the version that is asked for; `None` means the current one.
    pub fn version(&self) -> Option<&Version> {
        self.version.as_ref()
    }

    /// Returns the version that is asked for by stage.
    pub fn stage(&self) -> Option<&str> {
        match &self.version {
            Some(Version::Stage(stage)) => Some(stage),
            Some(Version::Id(_)) | None => None,
        }
    }

    /// Returns which field of the secret is meant; `None` means the whole secret.
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Secret { scheme, mount, path, version, field } = &self.secret;
        write!(f, "{}://{}", scheme.name, self.vault)?;
        if let Some(mount) = mount {
            write(f, "/", mount, Part::Segment)?;
        }
        write(f, "/", path, Part::Path)?;
        match version {
            Some(Version::Id(id)) => write(f, "?version=", id, Part::Parameter)?,
            Some(Version::Stage(stage)) => write(f, "?stage=", stage, Part::Parameter)?,
            None => {}
        }
        field.as_ref().map_or(Ok(()), |field| write(f, "#", field, Part::Field))
    }
}
