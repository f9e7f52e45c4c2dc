//! What an operator can say about a vault of kind `aws-sm`. Credentials are never among it: only where they come from.

use std::path::PathBuf;

use serde::Deserialize;

use crate::cloud::https;

/// How to reach AWS Secrets Manager, and as whom.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AwsSettings {
    /// The endpoint, as for a VPC endpoint or an emulator: `https://HOST[:PORT]`, plain `http` on loopback only.
    /// Without it: that of the region.
    pub address: Option<String>,
    /// The region. Without it: what the environment, the profile or the instance says.
    pub region: Option<String>,
    /// Where credentials come from.
    pub auth: AwsAuth,
    /// A role to assume with these credentials.
    pub assume_role: Option<AwsRole>,
    /// Certificates in PEM to trust beside the system's.
    pub ca_file: Option<PathBuf>,
}

/// Where credentials come from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case", deny_unknown_fields)]
pub enum AwsAuth {
    /// From the first of the standard places that has some: the environment, the shared configuration and credentials
    /// files, a web identity (EKS), the container (ECS), the instance (EC2).
    Chain {},
    /// From a profile, and from nowhere else, whatever the environment says.
    Profile {
        /// The profile; `default` without it.
        profile: Option<String>,
        /// A file in the format of `~/.aws/credentials`, instead of the shared files.
        credentials_file: Option<PathBuf>,
    },
}

impl Default for AwsAuth {
    fn default() -> Self {
        Self::Chain {}
    }
}

/// A role to assume.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwsRole {
    /// `arn:aws:iam::ACCOUNT:role/NAME`.
    pub arn: String,
    /// What the role's trust policy may ask for. Not a secret.
    pub external_id: Option<String>,
    /// What CloudTrail calls the session; `kontraktord` without it.
    pub session_name: Option<String>,
}

impl AwsSettings {
    /// What is wrong with the settings, for people, by the setting's name.
    pub(super) fn validate(&self) -> Result<(), String> {
        if let Some(address) = &self.address {
            https("address", address, true)?;
        }
        if let Some(region) = &self.region {
            let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if region.is_empty() || !region.chars().all(good) {
                return Err("region is no region: write it as in eu-central-1".to_owned());
            }
        }
        if let AwsAuth::Profile { profile: None, credentials_file: None } = self.auth {
            return Err("auth: method \"profile\" needs profile or credentials_file".to_owned());
        }
        if let Some(role) = &self.assume_role {
            let mut parts = role.arn.splitn(6, ':');
            let service = (parts.next() == Some("arn")).then(|| parts.nth(1)).flatten();
            if service != Some("iam") || !parts.nth(2).is_some_and(|resource| resource.starts_with("role/")) {
                return Err(
                    "assume_role.arn is that of no role: write it as in arn:aws:iam::123456789012:role/NAME"
                        .to_owned(),
                );
            }
            if let Some(name) = &role.session_name {
                let good = |c: char| c.is_ascii_alphanumeric() || "_=,.@-".contains(c);
                if !(2..=64).contains(&name.len()) || !name.chars().all(good) {
                    return Err(
                        "assume_role.session_name must be 2 to 64 of letters, digits and _=,.@-".to_owned()
                    );
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use figment::{
        Figment,
        providers::{Format as _, Toml},
    };

    use super::*;

    fn parse(toml: &str) -> Result<AwsSettings, String> {
        let settings: AwsSettings =
            Figment::from(Toml::string(toml)).extract().map_err(|error| error.to_string())?;
        settings.validate().map(|()| settings)
    }

    #[test]
    fn nothing_need_be_said_and_everything_can() {
        assert_eq!(parse(""), Ok(AwsSettings::default()));
        let all = parse(
            r#"
            address = "https://vpce-1.secretsmanager.eu-central-1.vpce.amazonaws.com"
            region = "eu-central-1"
            auth = { method = "profile", profile = "team", credentials_file = "/run/credentials/aws" }
            assume_role = { arn = "arn:aws:iam::123456789012:role/reader", external_id = "x", session_name = "ktr" }
            ca_file = "/etc/ca.pem"
            "#,
        );
        assert!(all.is_ok(), "{all:?}");
    }

    #[test]
    fn credentials_have_no_place_in_it() {
        for inline in [
            "secret_access_key = \"x\"",
            "auth = { method = \"chain\", access_key_id = \"x\" }",
            "auth = { method = \"profile\", profile = \"a\", secret = \"x\" }",
        ] {
            assert!(parse(inline).is_err(), "{inline}");
        }
    }

    #[test]
    fn what_cannot_work_is_said_by_its_name() {
        let wrong = |toml| parse(toml).unwrap_err();
        insta::assert_snapshot!(wrong("address = \"http://sm.example.com\""), @"address is http://, which would send secrets in the clear: write https://; http:// is for this machine's loopback only");
        insta::assert_snapshot!(wrong("region = \"Frankfurt\""), @"region is no region: write it as in eu-central-1");
        insta::assert_snapshot!(wrong("auth = { method = \"profile\" }"), @r#"auth: method "profile" needs profile or credentials_file"#);
        insta::assert_snapshot!(wrong("assume_role = { arn = \"reader\" }"), @"assume_role.arn is that of no role: write it as in arn:aws:iam::123456789012:role/NAME");
        insta::assert_snapshot!(wrong("assume_role = { arn = \"arn:aws:iam::123456789012:role/r\", session_name = \"a b\" }"), @"assume_role.session_name must be 2 to 64 of letters, digits and _=,.@-");
    }
}
