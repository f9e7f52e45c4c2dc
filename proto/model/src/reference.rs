//! Secret references: URLs that name one secret in a vault, parsed once into a type.
//!
//! ```text
//! vault://NAME/MOUNT/path?version=3#field
//! aws-sm://NAME/secret-name?stage=AWSCURRENT#json-field      (or ?version=ID)
//! azure-kv://NAME/secret-name?version=…
//! ```
//!
//! NAME is the vault as the daemon's operator configured it. MOUNT is one segment, a slash inside is `%2F`; the path may
//! have several. `?`, `#` and `%` in names are percent-encoded, and so are blanks. What is empty is refused, and never
//! inlined or guessed. A reference is not secret, but what someone took for one may be: no error repeats a part of it.
//!
//! It knows the grammar; it knows nothing of which vaults there are or of what is in them.

mod encoding;
mod parse;
#[cfg(test)]
mod tests;
mod version;

use std::{fmt, num::NonZeroU64};

use self::encoding::{Part, write};
pub use self::parse::ReferenceError;
use crate::names::VaultName;

/// A reference to one secret. [`fmt::Display`] writes the URL, in one spelling for each reference;
/// [`std::str::FromStr`] reads it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reference {
    vault: VaultName,
    secret: Secret,
}

impl Reference {
    /// The vault's name in the daemon's configuration.
    pub fn vault(&self) -> &VaultName {
        &self.vault
    }

    /// Which secret of that vault.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }
}

/// Which secret, by the kind of its vault.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Secret {
    /// HashiCorp Vault.
    Vault(VaultSecret),
    /// AWS Secrets Manager.
    AwsSm(AwsSecret),
    /// Azure Key Vault.
    AzureKv(AzureSecret),
}

impl Secret {
    /// The URL's scheme: `vault`, `aws-sm` or `azure-kv`, which is also the kind of the vault.
    pub fn scheme(&self) -> &'static str {
        match self {
            Self::Vault(_) => "vault",
            Self::AwsSm(_) => "aws-sm",
            Self::AzureKv(_) => "azure-kv",
        }
    }
}

/// One field of a secret in HashiCorp Vault. No text is empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct VaultSecret {
    /// Where the secrets engine is mounted; may hold slashes.
    pub mount: String,
    /// The path below the mount, without a slash at either end; no segment of mount or path is empty, `.` or `..`.
    pub path: String,
    /// The version in a KV version 2 engine; `None`: the newest.
    pub version: Option<NonZeroU64>,
    /// Which of the secret's fields.
    pub field: String,
}

/// A secret in AWS Secrets Manager. No text is empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct AwsSecret {
    /// The secret's name or ARN.
    pub name: String,
    /// Which version; `None`: the one that has the stage `AWSCURRENT`.
    pub version: Option<AwsVersion>,
    /// Which field of the JSON object that the secret holds; `None`: the whole text.
    pub field: Option<String>,
}

/// How a version is named in AWS Secrets Manager.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AwsVersion {
    /// By its id.
    Id(String),
    /// By a stage that is attached to it, such as `AWSPREVIOUS`.
    Stage(String),
}

/// A secret in Azure Key Vault.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct AzureSecret {
    /// The secret's name: 1 to 127 of `A-Z`, `a-z`, `0-9` and `-`.
    pub name: String,
    /// The version's identifier, letters and digits; `None`: the newest.
    pub version: Option<String>,
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}/", self.secret.scheme(), self.vault)?;
        match &self.secret {
            Secret::Vault(secret) => {
                write(f, "", &secret.mount, Part::Segment)?;
                write(f, "/", &secret.path, Part::Path)?;
                if let Some(version) = secret.version {
                    write!(f, "?version={version}")?;
                }
                write(f, "#", &secret.field, Part::Field)
            }
            Secret::AwsSm(secret) => {
                write(f, "", &secret.name, Part::Path)?;
                match &secret.version {
                    Some(AwsVersion::Id(id)) => write(f, "?version=", id, Part::Parameter)?,
                    Some(AwsVersion::Stage(stage)) => write(f, "?stage=", stage, Part::Parameter)?,
                    None => {}
                }
                secret.field.as_ref().map_or(Ok(()), |field| write(f, "#", field, Part::Field))
            }
            Secret::AzureKv(secret) => {
                f.write_str(&secret.name)?;
                secret.version.as_ref().map_or(Ok(()), |version| write!(f, "?version={version}"))
            }
        }
    }
}
