//! What an operator can say about a vault of kind `azure-kv`. Credentials are never among it: only where they come from.

use std::path::PathBuf;

use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use reqwest::Url;
use serde::Deserialize;

use crate::cloud::https;

/// How to reach Azure Key Vault, and as whom.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AzureSettings {
    /// The vault's URL: `https://NAME.vault.azure.net`, or that of a sovereign cloud or a private host.
    pub address: String,
    /// Who signs in.
    pub auth: AzureAuth,
    /// The directory that gives tokens, such as `https://login.microsoftonline.us`. Without it: that of the cloud which
    /// the address is in; for a host outside of all clouds, what `AZURE_AUTHORITY_HOST` says, or the public one.
    pub authority: Option<String>,
    /// Certificates in PEM to trust beside the system's.
    pub ca_file: Option<PathBuf>,
    /// Whether the vault may only ask for tokens that are for its own domain. Whoever runs a vault under another name
    /// (a proxy, a private host) must give this up: whoever answers there then chooses what the tokens are for.
    #[serde(default = "yes")]
    pub verify_challenge_resource: bool,
}

/// Who signs in.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case", deny_unknown_fields)]
pub enum AzureAuth {
    /// The identity of the virtual machine or of the App Service that this runs on.
    ManagedIdentity {
        /// The client id of a user-assigned one; the system-assigned one without it.
        client_id: Option<String>,
    },
    /// A Kubernetes service account that the directory trusts.
    WorkloadIdentity {
        /// The tenant; without it `AZURE_TENANT_ID`.
        tenant_id: Option<String>,
        /// The application's client id; without it `AZURE_CLIENT_ID`.
        client_id: Option<String>,
        /// The service account's token; without it `AZURE_FEDERATED_TOKEN_FILE`.
        token_file: Option<PathBuf>,
    },
    /// An application with a secret, from one of a file and an environment variable.
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
    /// Whoever is signed in with the Azure CLI (`az`) or the Azure Developer CLI (`azd`) on this machine.
    Developer {},
}

/// Vaults' domains, and the clouds that they belong to.
const CLOUDS: [(&str, CloudConfiguration); 3] = [
    (".vault.azure.net", CloudConfiguration::AzurePublic),
    (".vault.usgovcloudapi.net", CloudConfiguration::AzureGovernment),
    (".vault.azure.cn", CloudConfiguration::AzureChina),
];

impl AzureSettings {
    /// What is wrong with the settings, for people, by the setting's name.
    pub(super) fn validate(&self) -> Result<(), String> {
        https("address", &self.address, false)?;
        if let Some(authority) = &self.authority {
            https("authority", authority, false)?;
            if matches!(self.auth, AzureAuth::ManagedIdentity { .. } | AzureAuth::Developer {}) {
                return Err(format!(
                    "authority: method \"{}\" asks no directory of yours; leave authority out",
                    self.auth.method()
                ));
            }
        }
        match &self.auth {
            AzureAuth::ManagedIdentity { client_id } => named("client_id", client_id.as_deref()),
            AzureAuth::WorkloadIdentity { tenant_id, client_id, token_file } => {
                tenant(tenant_id.as_deref())?;
                named("client_id", client_id.as_deref())?;
                named("token_file", token_file.as_ref().and_then(|file| file.to_str()))
            }
            AzureAuth::ClientSecret { tenant_id, client_id, client_secret_file, client_secret_env } => {
                tenant(Some(tenant_id))?;
                named("client_id", Some(client_id))?;
                if client_secret_file.is_some() == client_secret_env.is_some() {
                    return Err("auth: method \"client_secret\" needs one of client_secret_file and \
                                client_secret_env"
                        .to_owned());
                }
                named("client_secret_env", client_secret_env.as_deref())
            }
            AzureAuth::Developer {} => Ok(()),
        }
    }

    /// The cloud whose directory is asked; `None` leaves it to the environment.
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
    /// The method's name, as it is configured.
    pub(super) fn method(&self) -> &'static str {
        match self {
            Self::ManagedIdentity { .. } => "managed_identity",
            Self::WorkloadIdentity { .. } => "workload_identity",
            Self::ClientSecret { .. } => "client_secret",
            Self::Developer {} => "developer",
        }
    }

    /// Who that is, for people.
    pub(super) fn described(&self) -> String {
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
            Self::Developer {} => "whoever is signed in with az or azd".to_owned(),
        }
    }
}

fn named(setting: &str, value: Option<&str>) -> Result<(), String> {
    if value == Some("") { Err(format!("auth: {setting} is empty")) } else { Ok(()) }
}

fn tenant(value: Option<&str>) -> Result<(), String> {
    named("tenant_id", value)?;
    // It becomes a part of the directory's URL.
    let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    match value {
        // Not repeated: a client secret may have been put in its place.
        Some(id) if !id.chars().all(good) => {
            Err("auth: tenant_id must be the tenant's id or one of its domains".to_owned())
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
    fn each_method_needs_what_it_needs_and_no_more() {
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
    fn what_cannot_work_is_said_by_its_name() {
        let wrong = |auth, more| parse(auth, more).unwrap_err();
        insta::assert_snapshot!(wrong("\"managed_identity\"", "authority = \"https://login.example.com\""), @r#"authority: method "managed_identity" asks no directory of yours; leave authority out"#);
        insta::assert_snapshot!(wrong("\"workload_identity\", tenant_id = \"a/b\"", ""), @"auth: tenant_id must be the tenant's id or one of its domains");
        insta::assert_snapshot!(wrong("\"client_secret\", tenant_id = \"1\", client_id = \"2\"", ""), @r#"auth: method "client_secret" needs one of client_secret_file and client_secret_env"#);
        insta::assert_snapshot!(at("http://127.0.0.1:8443").validate().unwrap_err(), @"address must begin with https://");
    }

    #[test]
    fn the_address_says_which_cloud_it_is() {
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
        let Some(CloudConfiguration::Custom(own)) = own.cloud() else { panic!("a cloud of its own") };
        assert_eq!(own.authority_host, "https://login.example.com");
    }
}
