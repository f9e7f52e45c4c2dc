//! Versions in references: which one a reference is pinned to, and the same reference pinned to another.

use super::{AwsVersion, Reference, ReferenceError, Secret};

impl Secret {
    /// Which field of the secret is meant; `None`: all of it.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Vault(secret) => Some(&secret.field),
            Self::AwsSm(secret) => secret.field.as_deref(),
            Self::AzureKv(_) => None,
        }
    }

    /// The version that is meant, whatever happens in the vault; `None`: the one that is the newest, or has a stage, when
    /// the secret is read.
    pub fn pinned_version(&self) -> Option<String> {
        match self {
            Self::Vault(secret) => secret.version.map(|version| version.to_string()),
            Self::AwsSm(secret) => match &secret.version {
                Some(AwsVersion::Id(id)) => Some(id.clone()),
                Some(AwsVersion::Stage(_)) | None => None,
            },
            Self::AzureKv(secret) => secret.version.clone(),
        }
    }
}

impl Reference {
    /// The same reference without a field: what a vault is asked for, and what caches and leases are shared by.
    pub fn locator(&self) -> String {
        let text = self.to_string();
        // A "#" of a name is written %23, so the first one leads to the field.
        text.split_once('#').map_or(text.clone(), |(locator, _)| locator.to_owned())
    }

    /// The same reference, pinned to a version as its vault names it. A version or stage that it has is replaced.
    ///
    /// # Errors
    /// Where no secret of that vault's kind can have such a version.
    pub fn at_version(&self, version: &str) -> Result<Self, ReferenceError> {
        let mut unpinned = self.clone();
        match &mut unpinned.secret {
            Secret::Vault(secret) => secret.version = None,
            Secret::AwsSm(secret) => secret.version = Some(AwsVersion::Id(version.to_owned())),
            Secret::AzureKv(secret) => secret.version = None,
        }
        let text = unpinned.to_string();
        match &self.secret {
            // Written and read again, so that there is one place that judges versions.
            Secret::AwsSm(_) => text.parse(),
            Secret::Vault(_) | Secret::AzureKv(_) => {
                let (locator, field) = match text.split_once('#') {
                    Some((locator, field)) => (locator, format!("#{field}")),
                    None => (text.as_str(), String::new()),
                };
                format!("{locator}?version={version}{field}").parse()
            }
        }
    }

    /// The same reference without the version that it is pinned to; a stage stays.
    #[must_use]
    pub fn unpinned(&self) -> Self {
        let mut reference = self.clone();
        match &mut reference.secret {
            Secret::Vault(secret) => secret.version = None,
            Secret::AwsSm(secret) => {
                if matches!(secret.version, Some(AwsVersion::Id(_))) {
                    secret.version = None;
                }
            }
            Secret::AzureKv(secret) => secret.version = None,
        }
        reference
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Reference {
        text.parse().expect("a good reference")
    }

    #[test]
    fn a_reference_is_pinned_and_unpinned() {
        for (free, version, pinned) in [
            (
                "vault://team/secret/app/db#pass%23word",
                "3",
                "vault://team/secret/app/db?version=3#pass%23word",
            ),
            ("aws-sm://prod/app/db#user", "a-1", "aws-sm://prod/app/db?version=a-1#user"),
            ("azure-kv://kv/db", "0a1b", "azure-kv://kv/db?version=0a1b"),
        ] {
            let at = parsed(free).at_version(version).expect("a good version");
            assert_eq!(at.to_string(), pinned);
            assert_eq!(at.secret().pinned_version().as_deref(), Some(version));
            assert_eq!(parsed(free).secret().pinned_version(), None);
            assert_eq!(at.unpinned(), parsed(free));
        }
        let staged = parsed("aws-sm://prod/db?stage=AWSPREVIOUS");
        assert_eq!(staged.unpinned(), staged);
        assert_eq!(
            staged.at_version("v").map(|r| r.to_string()),
            Ok("aws-sm://prod/db?version=v".to_owned())
        );
    }

    #[test]
    fn a_version_that_cannot_be_is_refused() {
        assert!(parsed("vault://team/secret/app#f").at_version("newest").is_err());
        assert!(parsed("vault://team/secret/app#f").at_version("1#g").is_err());
        assert!(parsed("azure-kv://kv/db").at_version("a/b").is_err());
        assert!(parsed("aws-sm://prod/db").at_version("").is_err());
    }

    #[test]
    fn fields_of_one_secret_share_a_locator() {
        let user = parsed("vault://team/database/creds/app#username");
        let password = parsed("vault://team/database/creds/app#password");
        assert_eq!(user.locator(), password.locator());
        assert_eq!(user.locator(), "vault://team/database/creds/app");
        assert_ne!(user.locator(), parsed("vault://team/database/creds/other#password").locator());
    }
}
