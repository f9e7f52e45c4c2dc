//! Tries a vault for `kontraktord vault check`, with requests that read no secret.

use aws_sdk_secretsmanager::config::{Credentials, ProvideCredentials as _};

use super::{AwsVault, faults, settings::AwsAuth};
use crate::{Fault, VaultError};

/// A name that nobody gives to a secret; asking for it reads nothing.
const NOBODYS: &str = "kontraktor/vault-check/there-is-no-such-secret";

/// Findings, one a line.
pub(super) async fn check(vault: &AwsVault) -> Result<Vec<String>, VaultError> {
    let made = vault.connected().await?;
    let mut findings = vec![
        format!("region: {}", made.region),
        format!("endpoint: {}", made.endpoint.as_deref().unwrap_or("the region's own")),
    ];
    if let Some(role) = &vault.settings.assume_role {
        findings.push(format!("role: {}", role.arn));
    }
    // Errors come with the first request, which has them in its own words.
    if let Ok(credentials) = made.credentials.provide_credentials().await {
        findings.push(format!("credentials: {}", origin(&credentials, &vault.settings.auth)));
    }

    let (region, listed) = vault.ask(|client| client.list_secrets().max_results(1).send()).await?;
    match listed.map_err(|error| faults::explain(vault.place(&region), &error)) {
        Ok(_) => findings.push("signed in: AWS accepts the credentials".to_owned()),
        // Only who is known can be told that he may not.
        Err(error) if error.fault == Fault::Denied => findings.push(
            "signed in: AWS accepts the credentials; they may not list secrets, which is not needed"
                .to_owned(),
        ),
        Err(error) => return Err(error),
    }

    let (region, batch) =
        vault.ask(|client| client.batch_get_secret_value().secret_id_list(NOBODYS).send()).await?;
    match batch.map_err(|error| faults::explain(vault.place(&region), &error)) {
        Err(error) if error.is_outage() => return Err(error),
        Err(error) if error.fault == Fault::Denied => findings.push(
            "batches: not allowed, so secrets are read one by one; allow secretsmanager:BatchGetSecretValue for fewer \
             requests"
                .to_owned(),
        ),
        _ => findings.push("batches: allowed, 20 secrets in one request".to_owned()),
    }
    findings.push("which secrets can be read is up to each secret and the identity's policy".to_owned());
    Ok(findings)
}

/// Where credentials come from, with as much of the key's id as tells keys apart.
fn origin(credentials: &Credentials, auth: &AwsAuth) -> String {
    let from = match auth {
        AwsAuth::Profile { profile, credentials_file } => {
            let profile = profile.as_deref().unwrap_or("default");
            match credentials_file {
                Some(file) => format!("profile \"{profile}\" of {}", file.display()),
                None => format!("profile \"{profile}\""),
            }
        }
        AwsAuth::Chain {} => format!("the standard chain ({})", provider(credentials)),
    };
    let id = credentials.access_key_id();
    let tail: String = id.chars().skip(id.chars().count().saturating_sub(4)).collect();
    let kind = if credentials.session_token().is_some() { "temporary" } else { "long-lived" };
    format!("{from}; access key …{tail}, {kind}")
}

/// Which link of the chain gave them. The SDK says so nowhere else than here; the keys themselves it leaves out.
fn provider(credentials: &Credentials) -> String {
    let shown = format!("{credentials:?}");
    let named = shown.split_once("provider_name: \"").and_then(|(_, rest)| rest.split_once('"'));
    named.map_or_else(|| "unknown".to_owned(), |(name, _)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_told_apart_and_not_told() {
        let keys = |session: Option<&str>| {
            Credentials::new("AKIAIOSFODNN7EXAMPLE", "hunter2", session.map(str::to_owned), None, "Imds")
        };
        insta::assert_snapshot!(origin(&keys(None), &AwsAuth::Chain {}), @"the standard chain (Imds); access key …MPLE, long-lived");
        let profile = AwsAuth::Profile { profile: None, credentials_file: Some("/run/aws".into()) };
        insta::assert_snapshot!(origin(&keys(Some("hunter2")), &profile), @r#"profile "default" of /run/aws; access key …MPLE, temporary"#);
    }
}
