//! Versions in references: which one a reference is pinned to, and the same reference pinned to another.

use super::{Reference, ReferenceError, Secret, Version};

impl Secret {
    /// Returns the version that is meant whatever happens in the vault; `None` where it is decided when the secret is
    /// read: the newest version, or the one that has a stage.
    pub fn pinned_version(&self) -> Option<&str> {
        match self.version() {
            Some(Version::Id(id)) => Some(id),
            Some(Version::Stage(_)) | None => None,
        }
    }
}

impl Reference {
    /// Returns the same reference without a field: what a vault is asked for, and what caches and leases are shared by.
    pub fn locator(&self) -> String {
        let mut locator = self.clone();
        locator.secret.field = None;
        locator.to_string()
    }

    /// Returns the same reference, pinned to a version as its vault names it. Replaces a version or stage that it has.
    ///
    /// # Errors
    /// Where no secret of this scheme can have such a version.
    pub fn at_version(&self, version: &str) -> Result<Self, ReferenceError> {
        let mut pinned = self.clone();
        pinned.secret.version = Some(Version::Id(version.to_owned()));
        // Written and parsed again, so that one place judges versions.
        Self::parse(&pinned.to_string(), &[self.secret.scheme])
    }

    /// Returns the same reference without the version that it is pinned to. A stage stays.
    #[must_use]
    pub fn unpinned(&self) -> Self {
        let mut reference = self.clone();
        if self.secret.pinned_version().is_some() {
            reference.secret.version = None;
        }
        reference
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Reference {
        text.parse().expect("a valid reference")
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
            let at = parsed(free).at_version(version).expect("a valid version");
            assert_eq!(at.to_string(), pinned);
            assert_eq!(at.secret().pinned_version(), Some(version));
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
    fn an_impossible_version_is_refused() {
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
