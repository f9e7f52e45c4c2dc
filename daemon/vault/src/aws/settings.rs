//! The settings of a vault of kind `aws-sm`. They contain no credentials, only their sources.

use std::path::PathBuf;

use reqwest::Url;
use serde::Deserialize;

use crate::{cloud::server_url, plain_http::PlainHttp};

/// How to reach AWS Secrets Manager, and as which identity.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AwsSettings {
    /// The endpoint, as for a VPC endpoint or an emulator: `https://HOST[:PORT]`, plain `http` on loopback, see
    /// `allow_plain_http`. The default is that of the environment, the profile or the region.
    pub address: Option<String>,
    /// Whether secrets may be sent in the clear to another machine: where the network itself encrypts.
    pub allow_plain_http: bool,
    /// The region. The default is that of the environment, the profile or the instance.
    pub region: Option<String>,
    /// The source of credentials.
    pub auth: AwsAuth,
    /// A role to assume with these credentials.
    pub assume_role: Option<AwsRole>,
    /// Certificates in PEM to trust in addition to the system's.
    pub ca_file: Option<PathBuf>,
}

/// The source of credentials.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case", deny_unknown_fields)]
pub enum AwsAuth {
    /// The first of the standard sources that has some: the environment, the shared configuration and credentials
    /// files, a web identity (EKS), the container (ECS), the instance (EC2).
    Chain {},
    /// A profile, whatever the environment says.
    Profile {
        /// The profile; by default `default`.
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
    /// What the role's trust policy may require. Not a secret.
    pub external_id: Option<String>,
    /// What CloudTrail calls the session; by default `kontraktord`.
    pub session_name: Option<String>,
}

/// The environment variables that name endpoints of the services that are used.
const ENDPOINT_VARIABLES: [&str; 5] = [
    "AWS_ENDPOINT_URL_SECRETS_MANAGER",
    "AWS_ENDPOINT_URL_STS",
    "AWS_ENDPOINT_URL_SSO",
    "AWS_ENDPOINT_URL_SSO_OIDC",
    "AWS_ENDPOINT_URL",
];

/// The environment variable that turns the others off.
const IGNORE_ENDPOINTS_VARIABLE: &str = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS";

impl AwsSettings {
    /// Returns where plain HTTP may go.
    pub(super) fn plain_http(&self) -> PlainHttp {
        PlainHttp::from_setting(self.allow_plain_http)
    }

    /// Checks the endpoints that the environment names. Those of a profile are checked in `shared_config`.
    pub(super) fn check_environment(&self, variable: impl Fn(&str) -> Option<String>) -> Result<(), String> {
        if variable(IGNORE_ENDPOINTS_VARIABLE).is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Ok(());
        }
        for name in ENDPOINT_VARIABLES {
            // The SDK ignores one that is no URL.
            if let Some(url) = variable(name).and_then(|text| Url::parse(&text).ok()) {
                self.plain_http()
                    .check(&url)
                    .map_err(|problem| format!("environment variable {name}: {problem}"))?;
            }
        }
        Ok(())
    }

    /// Checks the settings. The error names the setting.
    pub(super) fn validate(&self) -> Result<(), String> {
        if let Some(address) = &self.address {
            server_url("address", address, self.plain_http())?;
        }
        if let Some(region) = &self.region {
            let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if region.is_empty() || !region.chars().all(good) {
                return Err("invalid value for `region`: expected a region such as eu-central-1".to_owned());
            }
        }
        if let AwsAuth::Profile { profile: None, credentials_file: None } = self.auth {
            return Err("missing setting `auth.profile` or `auth.credentials_file`, which method \"profile\" requires".to_owned());
        }
        if let Some(role) = &self.assume_role {
            let mut parts = role.arn.splitn(6, ':');
            let service = (parts.next() == Some("arn")).then(|| parts.nth(1)).flatten();
            if service != Some("iam") || !parts.nth(2).is_some_and(|resource| resource.starts_with("role/")) {
                return Err(
                    "invalid value for `assume_role.arn`: expected a role as in arn:aws:iam::123456789012:role/NAME"
                        .to_owned(),
                );
            }
            if let Some(name) = &role.session_name {
                let good = |c: char| c.is_ascii_alphanumeric() || "_=,.@-".contains(c);
                if !(2..=64).contains(&name.len()) || !name.chars().all(good) {
                    return Err(
                        "invalid value for `assume_role.session_name`: expected 2 to 64 letters, digits and _=,.@-".to_owned()
                    );
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toml_settings::read_config;

    fn parse(toml: &str) -> Result<AwsSettings, String> {
        let settings: AwsSettings = read_config(toml).map_err(|error| error.to_string())?;
        settings.validate().map(|()| settings)
    }

    #[test]
    fn every_setting_is_optional() {
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
    fn an_endpoint_of_the_environment_follows_the_same_rule() {
        let check = |settings: &AwsSettings, name: &str, value: &str| {
            settings.check_environment(|asked| (asked == name).then(|| value.to_owned()))
        };
        let (strict, open) =
            (AwsSettings::default(), AwsSettings { allow_plain_http: true, ..AwsSettings::default() });
        for name in ENDPOINT_VARIABLES {
            assert!(check(&strict, name, "http://me:hunter2@sm.example.com").is_err(), "{name}");
            for good in ["https://sm.example.com", "http://localhost:5000", "nonsense"] {
                assert_eq!(check(&strict, name, good), Ok(()), "{name}");
            }
            assert_eq!(check(&open, name, "http://sm.example.com"), Ok(()), "{name}");
        }
        insta::assert_snapshot!(check(&strict, "AWS_ENDPOINT_URL", "http://me:hunter2@sm.example.com").unwrap_err(), @"environment variable AWS_ENDPOINT_URL: http:// would send secrets in the clear; use https://, or set `allow_plain_http = true` where the network encrypts");
        let ignored = |name: &str| match name {
            IGNORE_ENDPOINTS_VARIABLE => Some("true".to_owned()),
            _ => Some("http://sm.example.com".to_owned()),
        };
        assert_eq!(strict.check_environment(ignored), Ok(()));
    }

    #[test]
    fn credentials_are_unknown_settings() {
        for inline in [
            "secret_access_key = \"x\"",
            "auth = { method = \"chain\", access_key_id = \"x\" }",
            "auth = { method = \"profile\", profile = \"a\", secret = \"x\" }",
        ] {
            assert!(parse(inline).is_err(), "{inline}");
        }
    }

    #[test]
    fn errors_name_the_setting() {
        let wrong = |toml| parse(toml).unwrap_err();
        insta::assert_snapshot!(wrong("address = \"http://sm.example.com\""), @"invalid value for `address`: http:// would send secrets in the clear; use https://, or set `allow_plain_http = true` where the network encrypts");
        insta::assert_snapshot!(wrong("region = \"Frankfurt\""), @"invalid value for `region`: expected a region such as eu-central-1");
        insta::assert_snapshot!(wrong("auth = { method = \"profile\" }"), @r#"missing setting `auth.profile` or `auth.credentials_file`, which method "profile" requires"#);
        insta::assert_snapshot!(wrong("assume_role = { arn = \"reader\" }"), @"invalid value for `assume_role.arn`: expected a role as in arn:aws:iam::123456789012:role/NAME");
        insta::assert_snapshot!(wrong("assume_role = { arn = \"arn:aws:iam::123456789012:role/r\", session_name = \"a b\" }"), @"invalid value for `assume_role.session_name`: expected 2 to 64 letters, digits and _=,.@-");
    }
}
