//! Whether a reference's vault is one of those that the daemon's configuration has, and what to do if it is not.

use super::Reference;
use crate::limits::MAX_LISTED_NAMES;

/// A vault that is not configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownVault {
    /// What is wrong, without a full stop.
    pub message: String,
    /// What to do about it, without a full stop.
    pub remedy: String,
}

impl Reference {
    /// Finds the reference's vault among the configured ones, each a name and a kind.
    ///
    /// # Errors
    /// If no vault has that name and kind.
    pub fn find_vault<'a>(
        &self,
        vaults: impl IntoIterator<Item = (&'a str, &'a str), IntoIter: Clone>,
    ) -> Result<(), UnknownVault> {
        let (name, kind) = (self.vault().as_str(), self.secret().scheme().name);
        let mut vaults = vaults.into_iter();
        let listed = vaults.clone();
        if vaults.any(|vault| vault == (name, kind)) {
            return Ok(());
        }
        Err(UnknownVault {
            message: format!("no vault \"{name}\" of kind \"{kind}\" is configured"),
            remedy: choose_vault(listed),
        })
    }
}

/// Returns what to do about an unknown vault, given the configured ones, each a name and a kind.
pub fn choose_vault<'a>(vaults: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut vaults = vaults.into_iter();
    let mut names: Vec<String> =
        vaults.by_ref().take(MAX_LISTED_NAMES).map(|(name, kind)| format!("{name} ({kind})")).collect();
    let more = vaults.count();
    if more > 0 {
        names.push(format!("{more} more"));
    }
    if names.is_empty() {
        "add a [[vault]] table to kontraktord.toml".to_owned()
    } else {
        format!("use one of {}, or add a [[vault]] table to kontraktord.toml", names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vault_is_known_by_name_and_kind() {
        let reference: Reference = "vault://team/secret/app#password".parse().expect("it is a reference");
        assert_eq!(reference.find_vault([("other", "aws-sm"), ("team", "vault")]), Ok(()));
        let unknown = reference.find_vault([("team", "aws-sm")]).expect_err("it is of another kind");
        assert_eq!(unknown.message, "no vault \"team\" of kind \"vault\" is configured");
        assert_eq!(unknown.remedy, "use one of team (aws-sm), or add a [[vault]] table to kontraktord.toml");
        let unknown = reference.find_vault([]).expect_err("no vault is configured");
        assert_eq!(unknown.remedy, "add a [[vault]] table to kontraktord.toml");
        let many = choose_vault((0..30).map(|_| ("a", "vault")));
        assert!(many.ends_with("a (vault), 10 more, or add a [[vault]] table to kontraktord.toml"), "{many}");
    }
}
