//! The SDK's client and its credential, built from settings. Credentials are read here, from files and the environment,
//! each time a connection is made.

use std::{fs, path::Path, sync::Arc};

use azure_core::{
    credentials::{Secret, TokenCredential},
    http::{ClientOptions, Transport},
};
use azure_identity::{
    ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions,
    DeveloperToolsCredential, ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
    WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};
use azure_security_keyvault_secrets::{SecretClient, SecretClientOptions};
use kontraktor_model::names::VaultName;
use zeroize::Zeroizing;

use super::{
    settings::{AzureAuth, AzureSettings},
    transport,
};
use crate::error::{VaultError, VaultErrorKind};

/// Builds a client, without sending a request.
pub(super) fn connect(
    vault: &VaultName,
    settings: &AzureSettings,
    http: &Transport,
) -> Result<SecretClient, VaultError> {
    let options = SecretClientOptions {
        client_options: options(http),
        verify_challenge_resource: Some(settings.verify_challenge_resource),
        ..SecretClientOptions::default()
    };
    let credential = credential(vault, settings, http)?;
    SecretClient::new(&settings.address, credential, Some(options)).map_err(|_| {
        VaultError::new(
            VaultErrorKind::InvalidResponse,
            format!("no client for vault \"{vault}\" can be built"),
        )
        .remedy("check `address`")
    })
}

fn credential(
    vault: &VaultName,
    settings: &AzureSettings,
    http: &Transport,
) -> Result<Arc<dyn TokenCredential>, VaultError> {
    let directory = ClientOptions { cloud: settings.cloud().map(Arc::new), ..options(http) };
    let credential: azure_core::Result<Arc<dyn TokenCredential>> = match &settings.auth {
        AzureAuth::ManagedIdentity { client_id } => {
            ManagedIdentityCredential::new(Some(ManagedIdentityCredentialOptions {
                user_assigned_id: client_id.clone().map(UserAssignedId::ClientId),
                client_options: options(http),
            }))
            .map(|credential| credential as _)
        }
        AzureAuth::WorkloadIdentity { tenant_id, client_id, token_file } => {
            WorkloadIdentityCredential::new(Some(WorkloadIdentityCredentialOptions {
                credential_options: ClientAssertionCredentialOptions { client_options: directory },
                client_id: client_id.clone(),
                tenant_id: tenant_id.clone(),
                token_file_path: token_file.clone(),
            }))
            .map(|credential| credential as _)
        }
        AzureAuth::ClientSecret { tenant_id, client_id, client_secret_file, client_secret_env } => {
            let secret = client_secret(client_secret_file.as_deref(), client_secret_env.as_deref(), |name| {
                std::env::var(name).ok()
            })
            .map_err(|(what, remedy)| sign_in_failed(vault, &what).remedy(remedy))?;
            ClientSecretCredential::new(
                tenant_id,
                client_id.clone(),
                Secret::new(secret.as_str().to_owned()),
                Some(ClientSecretCredentialOptions { client_options: directory }),
            )
            .map(|credential| credential as _)
        }
        AzureAuth::Developer {} => DeveloperToolsCredential::new(None).map(|credential| credential as _),
    };
    // The cause is on this machine: the settings, the environment, or a file.
    credential.map_err(|_| {
        let remedy = match &settings.auth {
            AzureAuth::ManagedIdentity { .. } => {
                "use it on a virtual machine or App Service; on Kubernetes, use workload_identity"
            }
            AzureAuth::WorkloadIdentity { .. } => {
                "set `tenant_id`, `client_id` and `token_file`, or let the pod's webhook set AZURE_TENANT_ID, \
                 AZURE_CLIENT_ID and AZURE_FEDERATED_TOKEN_FILE; make the file readable"
            }
            AzureAuth::ClientSecret { .. } => "check `tenant_id`, `client_id` and `authority`",
            AzureAuth::Developer {} => "sign in with az login or azd auth login",
        };
        sign_in_failed(vault, &format!("method \"{}\" is not available here", settings.auth.method()))
            .remedy(remedy)
    })
}

/// Reads the application's secret, without the newline that editors append. The error has a remedy.
fn client_secret(
    file: Option<&Path>,
    variable: Option<&str>,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<Zeroizing<String>, (String, &'static str)> {
    let secret = match (file, variable) {
        (Some(file), _) => {
            let bytes = Zeroizing::new(fs::read(file).map_err(|error| {
                (
                    format!("`client_secret_file` cannot be read ({})", error.kind()),
                    "check the file and its permissions",
                )
            })?);
            let text = std::str::from_utf8(&bytes).map_err(|_| {
                ("`client_secret_file` is not text".to_owned(), "store the secret's value in it")
            })?;
            Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned())
        }
        (None, variable) => {
            let name = variable.unwrap_or_default();
            let value = environment(name).ok_or_else(|| {
                (format!("environment variable {name} is not set"), "set it for the daemon")
            })?;
            Zeroizing::new(value)
        }
    };
    if secret.is_empty() {
        return Err(("the application's secret is empty".to_owned(), "store the secret's value, not its id"));
    }
    Ok(secret)
}

fn sign_in_failed(vault: &VaultName, what: &str) -> VaultError {
    VaultError::new(VaultErrorKind::SignIn, format!("sign-in to vault \"{vault}\" failed: {what}"))
}

fn options(http: &Transport) -> ClientOptions {
    ClientOptions { transport: Some(http.clone()), retry: transport::retries(), ..ClientOptions::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_comes_from_a_file_without_its_last_line_end_or_from_the_environment() {
        let folder = tempfile::tempdir().unwrap();
        let (file, none) = (folder.path().join("secret"), folder.path().join("none"));
        let environment = |name: &str| (name == "SECRET").then(|| "hunter2".to_owned());
        fs::write(&file, "hunter2\r\n").unwrap();
        assert_eq!(client_secret(Some(&file), None, environment).unwrap().as_str(), "hunter2");
        assert_eq!(client_secret(None, Some("SECRET"), environment).unwrap().as_str(), "hunter2");

        let refused = |file, variable| client_secret(file, variable, environment).unwrap_err().0;
        insta::assert_snapshot!(refused(None, Some("OTHER")), @"environment variable OTHER is not set");
        insta::assert_snapshot!(refused(Some(&none), None), @"`client_secret_file` cannot be read (entity not found)");
        fs::write(&file, "\n").unwrap();
        insta::assert_snapshot!(refused(Some(&file), None), @"the application's secret is empty");
    }
}
