//! The settings of a vault of kind `azure-kv`. They contain no credentials, only their sources.

use std::path::PathBuf;

use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use reqwest::Url;
use serde::Deserialize;

use crate::{cloud::server_url, plain_http::PlainHttp};

/// How to reach Azure Key Vault, and as which identity.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AzureSettings {
    /// The vault's URL: `https://NAME.vault.azure.net`, or that of a sovereign cloud or a private host.
    pub address: String,
    /// The identity that signs in.
    pub auth: AzureAuth,
    /// The directory that issues tokens, such as `https://login.microsoftonline.us`. The default is that of the address's
    /// cloud; for a host outside all clouds, that of `AZURE_AUTHORITY_HOST`, or the public one.
    pub authority: Option<String>,
    /// Certificates in PEM to trust in addition to the system's.
    pub ca_file: Option<PathBuf>,
    /// Whether the vault may only ask for tokens for its own domain. A vault behind another name (a proxy, a private host)
    /// needs `false`: the server that answers there then chooses what the tokens are for.
    #[serde(default = "yes")]
    pub verify_challenge_resource: bool,
}

/// The identity that signs in.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case", deny_unknown_fields)]
pub enum AzureAuth {
    /// The identity of the virtual machine or of the App Service that this runs on.
    ManagedIdentity {
        /// The client id of a user-assigned identity; the default is the system-assigned one.
        client_id: Option<String>,
    },
    /// A Kubernetes service account that the directory trusts.
    WorkloadIdentity {
        /// The tenant; by default `AZURE_TENANT_ID`.
        tenant_id: Option<String>,
        /// The application's client id; by default `AZURE_CLIENT_ID`.
        client_id: Option<String>,
        /// The file of the service account's token; by default `AZURE_FEDERATED_TOKEN_FILE`.
        token_file: Option<PathBuf>,
    },
    /// An application with a secret, from a file or an environment variable.
    ClientSecret {
        /// The tenant.
        tenant_id: String,
        /// The application's client id.
        client_id: String,
        /// The file that holds the secret.
        client_secret_file: Option<PathBuf>,
        /// The name of the environment variable that holds the secret.
        client_secret_env: Option<String>,
    },
    /// The user who is signed in with the Azure CLI (`az`) or the Azure Developer CLI (`azd`) on this machine.
    Developer {},
}

/// The domains of vaults, and their clouds.
const CLOUDS: [(&str, CloudConfiguration); 3] = [
    (".vault.azure.net", CloudConfiguration::AzurePublic),
    (".vault.usgovcloudapi.net", CloudConfiguration::AzureGovernment),
    (".vault.azure.cn", CloudConfiguration::AzureChina),
];

impl AzureSettings {
    /// Checks the settings. The error names the setting.
    pub(super) fn validate(&self) -> Result<(), String> {
        server_url("address", &self.address, PlainHttp::Never)?;
        if let Some(authority) = &self.authority {
            server_url("authority", authority, PlainHttp::Never)?;
            if matches!(self.auth, AzureAuth::ManagedIdentity { .. } | AzureAuth::Developer {}) {
                return Err(format!(
                    "unexpected setting `authority`: method \"{}\" uses no directory; remove it",
                    self.auth.method()
                ));
            }
        }
        match &self.auth {
            AzureAuth::ManagedIdentity { client_id } => not_empty("client_id", client_id.as_deref()),
            AzureAuth::WorkloadIdentity { tenant_id, client_id, token_file } => {
                tenant(tenant_id.as_deref())?;
                not_empty("client_id", client_id.as_deref())?;
                not_empty("token_file", token_file.as_ref().and_then(|file| file.to_str()))
            }
            AzureAuth::ClientSecret { tenant_id, client_id, client_secret_file, client_secret_env } => {
                tenant(Some(tenant_id))?;
                not_empty("client_id", Some(client_id))?;
                if client_secret_file.is_some() == client_secret_env.is_some() {
                    return Err(
                        "method \"client_secret\" requires exactly one of `auth.client_secret_file` and \
                                `auth.client_secret_env`"
                            .to_owned(),
                    );
                }
                not_empty("client_secret_env", client_secret_env.as_deref())
            }
            AzureAuth::Developer {} => Ok(()),
        }
    }

    /// Returns the cloud whose directory issues tokens; `None` leaves it to the environment.
    pub(super) fn cloud(&self) -> Option<CloudConfiguration> {
        if let Some(authority) = &self.authority {
            let mut custom = CustomConfiguration::default();
            custom.authority_host.clone_from(authority);
            return Some(custom.into());
        }
        let address = Url::parse(&self.address).ok()?;
        let host = address.host_str()?;
        CLOUDS.into_iter().find(|(domain, _)| host.ends_with(domain)).map(|(_, cloud)| cloud)
    }
}

impl AzureAuth {
    /// Returns the method's name, as it is configured.
    pub(super) fn method(&self) -> &'static str {
        match self {
            Self::ManagedIdentity { .. } => "managed_identity",
            Self::WorkloadIdentity { .. } => "workload_identity",
            Self::ClientSecret { .. } => "client_secret",
            Self::Developer {} => "developer",
        }
    }

    /// Describes the identity for people.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::ManagedIdentity { client_id: None } => "system-assigned managed identity".to_owned(),
            Self::ManagedIdentity { client_id: Some(id) } => format!("managed identity with client id {id}"),
            Self::WorkloadIdentity { client_id, .. } => match client_id {
                Some(id) => format!("workload identity with client id {id}"),
                None => "workload identity with the client id in AZURE_CLIENT_ID".to_owned(),
            },
            Self::ClientSecret { client_id, tenant_id, .. } => {
                format!("application {client_id} of tenant {tenant_id}, with a secret")
            }
            Self::Developer {} => "the user who is signed in with az or azd".to_owned(),
        }
    }
}

fn not_empty(setting: &str, value: Option<&str>) -> Result<(), String> {
    if value == Some("") { Err(format!("invalid value for `auth.{setting}`: it is empty")) } else { Ok(()) }
}

fn tenant(value: Option<&str>) -> Result<(), String> {
    not_empty("tenant_id", value)?;
    // It becomes a part of the directory's URL.
    let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    match value {
        // Not repeated, because a client secret may have been put in its place.
        Some(id) if !id.chars().all(good) => {
            Err("invalid value for `auth.tenant_id`: expected the tenant's id or one of its domains"
                .to_owned())
        }
        _ => Ok(()),
    }
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use figment::{
        Figment,
        providers::{Format as _, Toml},
    };

    use super::*;

    fn parse(auth: &str, more: &str) -> Result<AzureSettings, String> {
        let toml =
            format!("address = \"https://team.vault.azure.net\"\nauth = {{ method = {auth} }}\n{more}");
        let settings: AzureSettings =
            Figment::from(Toml::string(&toml)).extract().map_err(|error| error.to_string())?;
        settings.validate().map(|()| settings)
    }

    fn at(address: &str) -> AzureSettings {
        let auth = AzureAuth::Developer {};
        let address = address.to_owned();
        AzureSettings { address, auth, authority: None, ca_file: None, verify_challenge_resource: true }
    }

    #[test]
    fn each_method_requires_its_settings_and_no_others() {
        for good in [
            r#""managed_identity""#,
            r#""managed_identity", client_id = "1""#,
            r#""workload_identity""#,
            r#""workload_identity", tenant_id = "1", client_id = "2", token_file = "/f""#,
            r#""client_secret", tenant_id = "1", client_id = "2", client_secret_file = "/f""#,
            r#""client_secret", tenant_id = "1", client_id = "2", client_secret_env = "E""#,
            r#""developer""#,
        ] {
            let settings = parse(good, "");
            assert!(
                settings.as_ref().is_ok_and(|settings| settings.verify_challenge_resource),
                "{settings:?}"
            );
        }
        for bad in [
            r#""password""#,
            r#""client_secret", tenant_id = "1", client_id = "2", client_secret = "hunter2""#,
            r#""client_secret", tenant_id = "1", client_id = "2""#,
            r#""client_secret", tenant_id = "1", client_id = "2", client_secret_file = "/f", client_secret_env = "E""#,
            r#""developer", client_id = "1""#,
            r#""managed_identity", client_id = """#,
        ] {
            let error = parse(bad, "").unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn errors_name_the_setting() {
        let wrong = |auth, more| parse(auth, more).unwrap_err();
        insta::assert_snapshot!(wrong("\"managed_identity\"", "authority = \"https://login.example.com\""), @r#"unexpected setting `authority`: method "managed_identity" uses no directory; remove it"#);
        insta::assert_snapshot!(wrong("\"workload_identity\", tenant_id = \"a/b\"", ""), @"invalid value for `auth.tenant_id`: expected the tenant's id or one of its domains");
        insta::assert_snapshot!(wrong("\"client_secret\", tenant_id = \"1\", client_id = \"2\"", ""), @r#"method "client_secret" requires exactly one of `auth.client_secret_file` and `auth.client_secret_env`"#);
        insta::assert_snapshot!(at("http://127.0.0.1:8443").validate().unwrap_err(), @"invalid value for `address`: it must begin with https://");
    }

    #[test]
    fn the_address_determines_the_cloud() {
        let cloud = |address| at(address).cloud();
        assert_eq!(cloud("https://t.vault.azure.net"), Some(CloudConfiguration::AzurePublic));
        assert_eq!(cloud("https://t.vault.usgovcloudapi.net"), Some(CloudConfiguration::AzureGovernment));
        assert_eq!(cloud("https://t.vault.azure.cn/"), Some(CloudConfiguration::AzureChina));
        assert_eq!(cloud("https://vault.example.com"), None);
        assert_eq!(cloud("https://t.vault.azure.net.example.com"), None);
        let own = AzureSettings {
            authority: Some("https://login.example.com".to_owned()),
            ..at("https://v.example.com")
        };
        let Some(CloudConfiguration::Custom(own)) = own.cloud() else { panic!("a custom cloud") };
        assert_eq!(own.authority_host, "https://login.example.com");
    }
}
