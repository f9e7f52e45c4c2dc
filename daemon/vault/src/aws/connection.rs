//! The SDK's client, built from settings: region, credentials, endpoint and retries.

use std::{env, path::Path, time::Duration};

use aws_config::{
    BehaviorVersion, ConfigLoader, Region, SdkConfig, profile::ProfileFileCredentialsProvider,
    provider_config::ProviderConfig, sts::AssumeRoleProvider,
};
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_sdk_secretsmanager::{
    Client,
    config::{
        Builder, SharedCredentialsProvider, SharedHttpClient,
        retry::{RetryConfig, RetryPartition},
    },
};
use futures_util::FutureExt as _;
use kontraktor_model::names::VaultName;

use super::{
    error,
    settings::{AwsAuth, AwsSettings},
    shared_config,
};
use crate::{
    cloud::server_url,
    error::{VaultError, VaultErrorKind},
    plain_http::PlainHttp,
};

/// The number of requests for one call. More would only use up the deadline of the caller, who retries too.
const ATTEMPTS: u32 = 3;

/// A client, and what `check` reports about it.
pub(super) struct Connection {
    pub(super) client: Client,
    pub(super) region: String,
    pub(super) endpoint: Option<String>,
    pub(super) credentials: SharedCredentialsProvider,
}

/// Determines the region and the source of credentials. No request goes to the vault itself; the instance that this runs on
/// may be asked for the region.
pub(super) async fn connect(
    vault: &VaultName,
    settings: &AwsSettings,
    http: &SharedHttpClient,
) -> Result<Connection, VaultError> {
    let refused = |problem| VaultError::new(VaultErrorKind::SignIn, format!("vault \"{vault}\": {problem}"));
    shared_config::check_files(&settings.auth, |name| env::var_os(name)).map_err(refused)?;
    let config = loader(settings, http).load().await;
    shared_config::check_endpoints(&config, settings.plain_http()).map_err(refused)?;
    let Some(region) = config.region().cloned() else {
        return Err(VaultError::new(
            VaultErrorKind::SignIn,
            format!(
                "vault \"{vault}\" has no region, neither in its settings nor in the environment or a profile"
            ),
        )
        .remedy("set `region` in the vault's configuration, as in region = \"eu-central-1\""));
    };
    let Some(credentials) = credentials(&config, settings, http).await else {
        return Err(error::no_credentials(vault));
    };
    let mut builder = Builder::from(&config)
        .credentials_provider(credentials.clone())
        // Each vault has its own budget of retries, so that one that is down does not use up another's.
        .retry_partition(RetryPartition::new(format!("kontraktord/{vault}")));
    if let Some(address) = &settings.address {
        builder = builder.endpoint_url(address);
    }
    Ok(Connection {
        client: Client::from_conf(builder.build()),
        region: region.to_string(),
        endpoint: settings
            .address
            .clone()
            .or_else(|| shared_config::secrets_endpoint(&config).as_deref().map(described)),
        credentials,
    })
}

/// Checks, before the first request, what the SDK reads besides the settings. Files that other users may have written are
/// reported in the log, because they may be correct by then.
///
/// # Errors
/// An endpoint that may not be used.
pub(super) fn check_shared_config(
    vault: &VaultName,
    settings: &AwsSettings,
    http: &SharedHttpClient,
) -> Result<(), String> {
    if let Err(problem) = shared_config::check_files(&settings.auth, |name| env::var_os(name)) {
        tracing::warn!(%vault, problem, "AWS's files will be refused");
        return Ok(());
    }
    // Given a region and no credentials, nobody is asked for them: loading only reads files.
    let loader = loader(settings, http).region(Region::from_static("us-east-1")).no_credentials();
    match loader.load().now_or_never() {
        Some(config) => shared_config::check_endpoints(&config, settings.plain_http()),
        None => Ok(()),
    }
}

fn loader(settings: &AwsSettings, http: &SharedHttpClient) -> ConfigLoader {
    let retries = RetryConfig::standard()
        .with_max_attempts(ATTEMPTS)
        .with_initial_backoff(Duration::from_millis(100))
        .with_max_backoff(Duration::from_secs(1));
    let mut loader: ConfigLoader =
        aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(http.clone()).retry_config(retries);
    if let Some(region) = &settings.region {
        loader = loader.region(Region::new(region.clone()));
    }
    // The profile may contain the region.
    if let AwsAuth::Profile { profile, credentials_file } = &settings.auth {
        if let Some(profile) = profile {
            loader = loader.profile_name(profile);
        }
        if let Some(file) = credentials_file {
            loader = loader.profile_files(profile_files(file));
        }
    }
    loader
}

async fn credentials(
    config: &SdkConfig,
    settings: &AwsSettings,
    http: &SharedHttpClient,
) -> Option<SharedCredentialsProvider> {
    let base = match &settings.auth {
        AwsAuth::Chain {} => config.credentials_provider()?,
        // The chain would prefer the environment to what the operator configured.
        AwsAuth::Profile { profile, credentials_file } => {
            let provider = ProviderConfig::default()
                .with_region(config.region().cloned())
                .with_http_client(http.clone());
            let mut builder = ProfileFileCredentialsProvider::builder().configure(&provider);
            if let Some(profile) = profile {
                builder = builder.profile_name(profile);
            }
            if let Some(file) = credentials_file {
                builder = builder.profile_files(profile_files(file));
            }
            SharedCredentialsProvider::new(builder.build())
        }
    };
    let Some(role) = &settings.assume_role else { return Some(base) };
    let mut builder = AssumeRoleProvider::builder(&role.arn)
        .session_name(role.session_name.as_deref().unwrap_or("kontraktord"))
        .configure(config);
    if let Some(id) = &role.external_id {
        builder = builder.external_id(id);
    }
    Some(SharedCredentialsProvider::new(builder.build_from_provider(base).await))
}

/// Describes an endpoint that the environment or a profile names. It is unchecked, and may contain a password.
fn described(endpoint: &str) -> String {
    match server_url("endpoint_url", endpoint, PlainHttp::Everywhere) {
        Ok(_) => endpoint.to_owned(),
        Err(_) => "as in the environment or the profile".to_owned(),
    }
}

fn profile_files(credentials: &Path) -> EnvConfigFiles {
    EnvConfigFiles::builder().with_file(EnvConfigFileKind::Credentials, credentials).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_of_the_environment_is_shown_without_what_may_be_a_credential() {
        assert_eq!(described("http://localhost:5000"), "http://localhost:5000");
        for endpoint in ["https://user:hunter2@sm.example.com", "https://sm.example.com?token=hunter2"] {
            assert_eq!(described(endpoint), "as in the environment or the profile");
        }
    }
}
