//! Checks a vault for `kontraktord vault check`, with requests that read no secret.

use aws_sdk_secretsmanager::config::{Credentials, ProvideCredentials as _};

use super::{client::AwsClient, sdk_error, settings::AwsAuth};
use crate::error::{VaultError, VaultErrorKind};

/// A name that no secret has, so that requesting it reads nothing.
const UNUSED_NAME: &str = "kontraktor/vault-check/there-is-no-such-secret";

/// Returns findings, one a line.
pub(super) async fn check(client: &AwsClient) -> Result<Vec<String>, VaultError> {
    let connection = client.connection().await?;
    let mut findings = vec![
        format!("region: {}", connection.region),
        format!("endpoint: {}", connection.endpoint.as_deref().unwrap_or("the region's default")),
    ];
    if let Some(role) = &client.settings.assume_role {
        findings.push(format!("role: {}", role.arn));
    }
    // The first request reports errors in the daemon's own words.
    if let Ok(credentials) = connection.credentials.provide_credentials().await {
        findings.push(format!("credentials: {}", origin(&credentials, &client.settings.auth)));
    }

    let (region, listed) = client.send(|client| client.list_secrets().max_results(1).send()).await?;
    match listed.map_err(|error| sdk_error::describe(client.region(&region), &error)) {
        Ok(_) => findings.push("signed in: AWS accepts the credentials".to_owned()),
        // Only known credentials are denied something.
        Err(error) if error.kind == VaultErrorKind::Denied => findings.push(
            "signed in: AWS accepts the credentials (they may not list secrets, which is not needed)"
                .to_owned(),
        ),
        Err(error) => return Err(error),
    }

    let (region, batch) =
        client.send(|client| client.batch_get_secret_value().secret_id_list(UNUSED_NAME).send()).await?;
    match batch.map_err(|error| sdk_error::describe(client.region(&region), &error)) {
        Err(error) if error.is_outage() => return Err(error),
        Err(error) if error.kind == VaultErrorKind::Denied => findings.push(
            "batches: not allowed, so secrets are read one by one; allow secretsmanager:BatchGetSecretValue for fewer \
             requests"
                .to_owned(),
        ),
        _ => findings.push("batches: allowed, 20 secrets in one request".to_owned()),
    }
    findings.push("readable secrets: this depends on each secret and on the identity's policy".to_owned());
    Ok(findings)
}

/// Describes the source of credentials, with the end of the key's id to distinguish keys.
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

/// Returns which provider of the chain supplied them. The SDK says so only in `Debug`, which leaves out the keys.
fn provider(credentials: &Credentials) -> String {
    let shown = format!("{credentials:?}");
    let named = shown.split_once("provider_name: \"").and_then(|(_, rest)| rest.split_once('"'));
    named.map_or_else(|| "unknown".to_owned(), |(name, _)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_distinguished_and_not_shown() {
        let keys = |session: Option<&str>| {
            Credentials::new("AKIAIOSFODNN7EXAMPLE", "hunter2", session.map(str::to_owned), None, "Imds")
        };
        insta::assert_snapshot!(origin(&keys(None), &AwsAuth::Chain {}), @"the standard chain (Imds); access key …MPLE, long-lived");
        let profile = AwsAuth::Profile { profile: None, credentials_file: Some("/run/aws".into()) };
        insta::assert_snapshot!(origin(&keys(Some("hunter2")), &profile), @r#"profile "default" of /run/aws; access key …MPLE, temporary"#);
    }
}
