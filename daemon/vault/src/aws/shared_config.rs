//! What configures AWS's SDK besides a vault's settings: files that other users may have written, and endpoints that a profile
//! names. The environment's endpoints are checked by name (`settings`); requests are checked once more when they are sent.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use aws_config::SdkConfig;
use aws_types::service_config::ServiceConfigKey;
use kontraktor_hardening::file::{OpenError, Rule, open};
use reqwest::Url;

use super::settings::AwsAuth;
use crate::plain_http::PlainHttp;

/// The services that are used, as AWS's SDK names them: secrets, and those that issue credentials.
const SERVICES: [&str; 4] = [SECRETS, "STS", "SSO", "SSO OIDC"];

/// The service that has the secrets.
const SECRETS: &str = "Secrets Manager";

/// Refuses files that decide which credentials are used and where they are sent, where other users may have written them: a
/// profile may also name a program to run. The SDK reads the files, and reports those that it cannot read.
pub(super) fn check_files(auth: &AwsAuth, variable: impl Fn(&str) -> Option<OsString>) -> Result<(), String> {
    for (origin, path, rule) in files(auth, variable) {
        if let Err(OpenError::Untrusted(untrusted)) = open(&path, rule) {
            return Err(format!("{origin} {} {untrusted}", path.display()));
        }
    }
    Ok(())
}

/// Returns the files that the SDK reads for this source of credentials, each with how it is named.
fn files(auth: &AwsAuth, variable: impl Fn(&str) -> Option<OsString>) -> Vec<(&'static str, PathBuf, Rule)> {
    if let AwsAuth::Profile { credentials_file: Some(file), .. } = auth {
        return vec![("`auth.credentials_file`", file.clone(), Rule::Secret)];
    }
    let shared = [
        ("AWS's configuration file", "AWS_CONFIG_FILE", Some("~/.aws/config"), Rule::Trusted),
        ("AWS's credentials file", "AWS_SHARED_CREDENTIALS_FILE", Some("~/.aws/credentials"), Rule::Secret),
    ];
    let tokens = [
        ("the token file of AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE"),
        (
            "the token file of AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        ),
    ]
    .map(|(origin, name)| (origin, name, None, Rule::Trusted));
    let tokens = tokens.into_iter().filter(|_| *auth == AwsAuth::Chain {});
    let home = variable("HOME").filter(|home| !home.is_empty());
    let path = |name: &str, default: Option<&str>| {
        let path = variable(name).or_else(|| default.map(OsString::from))?;
        Some(expanded(Path::new(&path), home.as_deref().map(Path::new)))
    };
    shared
        .into_iter()
        .chain(tokens)
        .filter_map(|(origin, name, default, rule)| Some((origin, path(name, default)?, rule)))
        .collect()
}

/// Replaces a leading `~`, as the SDK does.
fn expanded(path: &Path, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_owned(),
    }
}

/// Checks the endpoints that a loaded configuration names. The error does not repeat them: they may contain a password.
pub(super) fn check_endpoints(config: &SdkConfig, plain_http: PlainHttp) -> Result<(), String> {
    for service in SERVICES {
        // The SDK rejects one that is no URL when it would use it.
        if let Some(url) = endpoint(config, service).and_then(|text| Url::parse(&text).ok()) {
            plain_http
                .check(&url)
                .map_err(|problem| format!("the endpoint of {service} in the AWS profile: {problem}"))?;
        }
    }
    Ok(())
}

/// Returns the endpoint that environment or profile name for secrets, where they do.
pub(super) fn secrets_endpoint(config: &SdkConfig) -> Option<String> {
    endpoint(config, SECRETS)
}

/// Returns the endpoint that environment or profile name for a service, or for all.
fn endpoint(config: &SdkConfig, service: &str) -> Option<String> {
    let key = ServiceConfigKey::builder()
        .service_id(service)
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .ok()?;
    let own = config.service_config().and_then(|services| services.load_config(key));
    own.or_else(|| config.endpoint_url().map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    fn write(path: &Path, mode: u32) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn files_that_others_can_write_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let own = AwsAuth::Profile { profile: None, credentials_file: Some(at("own")) };
        let profile = AwsAuth::Profile { profile: Some("team".to_owned()), credentials_file: None };
        let named = [
            ("AWS_CONFIG_FILE", "named/config"),
            ("AWS_SHARED_CREDENTIALS_FILE", "named/credentials"),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "named/token"),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "named/container"),
        ];
        let problem = |auth: &AwsAuth, has_names: bool| {
            let checked = check_files(auth, |name| match name {
                "HOME" => Some(folder.path().into()),
                _ => {
                    let file = named.iter().find(|(variable, _)| has_names && *variable == name);
                    file.map(|(_, file)| at(file).into())
                }
            });
            checked.err().map(|text| text.replace(&folder.path().display().to_string(), "HOME"))
        };
        let mut problems = Vec::new();
        let defaults = [".aws/config", ".aws/credentials"].map(|file| (file, false));
        for (file, has_names) in
            defaults.into_iter().chain(named.map(|(_, file)| (file, true))).chain([("own", false)])
        {
            let is_token = ["named/token", "named/container"].contains(&file);
            let auths: &[&AwsAuth] = match file {
                "own" => &[&own],
                _ if is_token => &[&AwsAuth::Chain {}],
                _ => &[&AwsAuth::Chain {}, &profile],
            };
            for auth in auths {
                assert_eq!(problem(auth, has_names), None, "a missing {file}");
                write(&at(file), 0o600);
                assert_eq!(problem(auth, has_names), None, "{file}");
                write(&at(file), 0o660);
                problems.extend(problem(auth, has_names));
                let others =
                    [&own, &profile, &AwsAuth::Chain {}].into_iter().filter(|other| !auths.contains(other));
                for other in others {
                    assert_eq!(problem(other, has_names), None, "{file} is not read with {other:?}");
                }
                fs::remove_file(at(file)).unwrap();
            }
        }
        problems.dedup();
        insta::assert_snapshot!(problems.join("\n"), @"
        AWS's configuration file HOME/.aws/config has mode 0660, which lets other users change it. Check its content and run `chmod go-w` on it
        AWS's credentials file HOME/.aws/credentials has mode 0660, which lets other users change it. Check its content and run `chmod go-w` on it
        AWS's configuration file HOME/named/config has mode 0660, which lets other users change it. Check its content and run `chmod go-w` on it
        AWS's credentials file HOME/named/credentials has mode 0660, which lets other users change it. Check its content and run `chmod go-w` on it
        the token file of AWS_WEB_IDENTITY_TOKEN_FILE HOME/named/token has mode 0660, which lets other users change it. Check its content and run `chmod go-w` on it
        the token file of AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE HOME/named/container has mode 0660, which lets other users change it. Check its content and run `chmod go-w` on it
        `auth.credentials_file` HOME/own has mode 0660, which lets other users change it. Check its content and run `chmod go-w` on it
        ");
    }
}
