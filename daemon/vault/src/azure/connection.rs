//! The SDK's client and its credential, built from settings. Credentials are read here, from files and the environment,
//! each time a connection is made.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

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
use kontraktor_hardening::file::{OpenError, Rule, open, read};
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
            check_token_file(token_file.as_deref(), |name| std::env::var_os(name).map(PathBuf::from))
                .map_err(|what| sign_in_failed(vault, &what))?;
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
            let bytes = Zeroizing::new(read(file, Rule::Secret).map_err(|error| {
                let what = match error {
                    OpenError::Io(error) => format!("`client_secret_file` cannot be read ({})", error.kind()),
                    OpenError::Untrusted(untrusted) => {
                        format!("`client_secret_file` {} {untrusted}", file.display())
                    }
                };
                (what, "check the file and its permissions")
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

/// Refuses a token that other users may have written. The SDK reads the file, and reports one that is missing.
fn check_token_file(
    file: Option<&Path>,
    environment: impl Fn(&str) -> Option<PathBuf>,
) -> Result<(), String> {
    const VARIABLE: &str = "AZURE_FEDERATED_TOKEN_FILE";

    let (name, file) = match file {
        Some(file) => ("`token_file`", file.to_owned()),
        None => match environment(VARIABLE) {
            Some(file) => (VARIABLE, file),
            None => return Ok(()),
        },
    };
    // Kubernetes mounts it so that every user of the container can read it.
    match open(&file, Rule::Trusted) {
        Err(OpenError::Untrusted(untrusted)) => Err(format!("{name} {} {untrusted}", file.display())),
        Ok(_) | Err(OpenError::Io(_)) => Ok(()),
    }
}

fn sign_in_failed(vault: &VaultName, what: &str) -> VaultError {
    VaultError::new(VaultErrorKind::SignIn, format!("sign-in to vault \"{vault}\" failed: {what}"))
}

fn options(http: &Transport) -> ClientOptions {
    ClientOptions { transport: Some(http.clone()), retry: transport::retries(), ..ClientOptions::default() }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

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

    #[test]
    fn a_file_that_others_can_write_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        fs::write(&file, "hunter2").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o606)).unwrap();
        let name = |problem: String| problem.replace(&file.display().to_string(), "FILE");
        let secret = client_secret(Some(&file), None, |_| None).unwrap_err().0;
        insta::assert_snapshot!(name(secret), @"`client_secret_file` FILE has mode 0606, which lets other users change it. Check its content and run `chmod go-w` on it");
        let token = check_token_file(Some(&file), |_| None).unwrap_err();
        insta::assert_snapshot!(name(token), @"`token_file` FILE has mode 0606, which lets other users change it. Check its content and run `chmod go-w` on it");
        let token = check_token_file(None, |_| Some(file.clone())).unwrap_err();
        assert!(token.starts_with("AZURE_FEDERATED_TOKEN_FILE "), "{token}");
        assert_eq!(check_token_file(Some(&folder.path().join("none")), |_| None), Ok(()));
    }
}
