//! The settings of a vault of kind `vault`, and the checks that need no network.
//!
//! They contain no credentials: they name files and environment variables, which are read at each sign-in, because they may
//! have been replaced.

use std::path::PathBuf;

use reqwest::{Url, header::HeaderValue};
use serde::Deserialize;

use super::{
    method::{Method, RoleId, TokenSource},
    path::encode_path,
};
use crate::plain_http::PlainHttp;

/// The settings of one HashiCorp Vault, without those of every kind of vault.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HashicorpSettings {
    /// The address, such as `https://vault.example.com:8200`. `http://` is for loopback, see `allow_plain_http`. Redirects are not followed: for
    /// a cluster that redirects, name the load balancer or the active node.
    pub address: String,
    /// Whether secrets may be sent in the clear to another machine: where the network itself encrypts.
    #[serde(default)]
    pub allow_plain_http: bool,
    /// How the daemon signs in.
    pub auth: AuthSettings,
    /// The namespace (Vault Enterprise, HCP) of mounts and sign-in.
    #[serde(default)]
    pub namespace: Option<String>,
    /// Certificates of authorities in PEM, trusted instead of the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

/// How the daemon signs in. `mount` is the path of the auth method below `auth/`.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "method", rename_all = "lowercase", deny_unknown_fields)]
pub enum AuthSettings {
    /// With a token that the operator supplies. Exactly one of the two is set.
    Token {
        /// The file of the token. When it is replaced, the new token is used.
        #[serde(default)]
        token_file: Option<PathBuf>,
        /// The environment variable of the token.
        #[serde(default)]
        token_env: Option<String>,
    },
    /// With the id of an AppRole and, unless the role requires none, a secret id. Exactly one of the first two is set.
    AppRole {
        /// The role's id, which is not secret.
        #[serde(default)]
        role_id: Option<String>,
        /// The file of the role's id.
        #[serde(default)]
        role_id_file: Option<PathBuf>,
        /// The file of the secret id.
        #[serde(default)]
        secret_id_file: Option<PathBuf>,
        /// By default `approle`.
        #[serde(default = "default_approle")]
        mount: String,
    },
    /// With the token of the pod's service account.
    Kubernetes {
        /// The role in Vault.
        role: String,
        /// The file of the service account's token.
        #[serde(default = "default_jwt_file")]
        jwt_file: PathBuf,
        /// By default `kubernetes`.
        #[serde(default = "default_kubernetes")]
        mount: String,
    },
    /// With a TLS client certificate.
    Cert {
        /// The certificate chain, in PEM.
        cert_file: PathBuf,
        /// Its private key, in PEM.
        key_file: PathBuf,
        /// The role in Vault; by default Vault selects one that matches.
        #[serde(default)]
        role: Option<String>,
        /// By default `cert`.
        #[serde(default = "default_cert")]
        mount: String,
    },
}

fn default_approle() -> String {
    "approle".to_owned()
}

fn default_kubernetes() -> String {
    "kubernetes".to_owned()
}

fn default_cert() -> String {
    "cert".to_owned()
}

fn default_jwt_file() -> PathBuf {
    "/var/run/secrets/kubernetes.io/serviceaccount/token".into()
}

/// Settings that are checked.
pub(super) struct CheckedSettings {
    /// The URL before `/v1`, without a trailing slash.
    pub(super) address: Url,
    pub(super) namespace: Option<HeaderValue>,
    pub(super) files: TlsFiles,
    pub(super) method: Method,
}

/// The files for TLS.
#[derive(Debug, Clone, Default)]
pub(super) struct TlsFiles {
    pub(super) ca: Option<PathBuf>,
    /// The certificate and its key.
    pub(super) identity: Option<(PathBuf, PathBuf)>,
}

impl TryFrom<HashicorpSettings> for CheckedSettings {
    type Error = String;

    fn try_from(settings: HashicorpSettings) -> Result<Self, String> {
        let address = address(&settings.address, PlainHttp::from_setting(settings.allow_plain_http))?;
        let mut files = TlsFiles { ca: settings.ca_file, identity: None };
        if files.ca.is_some() && address.scheme() == "http" {
            return Err(
                "unexpected setting `ca_file` with an http:// address; remove it, or use https://".into()
            );
        }
        let namespace = settings.namespace.map(|name| namespace(&name)).transpose()?;
        let method = method(settings.auth, &address, &mut files)?;
        Ok(Self { address, namespace, files, method })
    }
}

fn address(text: &str, plain_http: PlainHttp) -> Result<Url, String> {
    let invalid = |problem: &str| format!("invalid value for `address`: {problem}");
    // The address is not repeated, because it may contain a password.
    let url =
        Url::parse(text).map_err(|_| invalid("expected a URL such as https://vault.example.com:8200"))?;
    plain_http.check(&url).map_err(invalid)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("it contains a user or a password; remove it, and set `auth`"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(invalid("it contains \"?\" or \"#\"; remove that and what follows"));
    }
    let path = url.path().trim_end_matches('/');
    if path == "/v1" || path.ends_with("/v1") {
        return Err(invalid("it ends with /v1, which is added to it; remove that"));
    }
    let mut address = url.clone();
    address.set_path(path);
    Ok(address)
}

fn namespace(name: &str) -> Result<HeaderValue, String> {
    let name = name.trim_matches('/');
    let value = HeaderValue::from_str(name).ok().filter(|_| !name.is_empty());
    value.ok_or_else(|| "invalid value for `namespace`: expected a namespace's path".to_owned())
}

fn method(settings: AuthSettings, address: &Url, files: &mut TlsFiles) -> Result<Method, String> {
    match settings {
        AuthSettings::Token { token_file: Some(file), token_env: None } => {
            Ok(Method::Token(TokenSource::File(not_empty("auth.token_file", file)?)))
        }
        AuthSettings::Token { token_file: None, token_env: Some(name) } => {
            if name.is_empty() || name.contains(['=', '\0']) {
                return Err(
                    "invalid value for `auth.token_env`: expected the name of an environment variable".into(),
                );
            }
            Ok(Method::Token(TokenSource::Variable(name)))
        }
        AuthSettings::Token { .. } => {
            Err("method \"token\" requires exactly one of `auth.token_file` and `auth.token_env`".into())
        }
        AuthSettings::AppRole { role_id, role_id_file, secret_id_file, mount } => {
            let role_id = match (role_id, role_id_file) {
                (Some(id), None) => RoleId::Known(not_empty("auth.role_id", id)?),
                (None, Some(file)) => RoleId::File(not_empty("auth.role_id_file", file)?),
                _ => {
                    return Err(
                        "method \"approle\" requires exactly one of `auth.role_id` and `auth.role_id_file`"
                            .into(),
                    );
                }
            };
            let secret_id_file =
                secret_id_file.map(|file| not_empty("auth.secret_id_file", file)).transpose()?;
            Ok(Method::AppRole { mount: auth_mount(&mount)?, role_id, secret_id_file })
        }
        AuthSettings::Kubernetes { role, jwt_file, mount } => Ok(Method::Kubernetes {
            mount: auth_mount(&mount)?,
            role: not_empty("auth.role", role)?,
            jwt_file: not_empty("auth.jwt_file", jwt_file)?,
        }),
        AuthSettings::Cert { cert_file, key_file, role, mount } => {
            if address.scheme() == "http" {
                return Err(
                    "method \"cert\" requires an https:// address, because the certificate is part of TLS"
                        .into(),
                );
            }
            files.identity =
                Some((not_empty("auth.cert_file", cert_file)?, not_empty("auth.key_file", key_file)?));
            let role = role.map(|role| not_empty("auth.role", role)).transpose()?;
            Ok(Method::Cert { mount: auth_mount(&mount)?, role })
        }
    }
}

fn not_empty<T: AsRef<std::ffi::OsStr>>(setting: &str, value: T) -> Result<T, String> {
    if value.as_ref().is_empty() {
        return Err(format!("invalid value for `{setting}`: it is empty"));
    }
    Ok(value)
}

fn auth_mount(mount: &str) -> Result<String, String> {
    let mount = mount.trim_matches('/');
    if encode_path(mount).is_none() {
        return Err("invalid value for `auth.mount`: expected the path of an auth method below auth/, such as approle".into());
    }
    if mount.starts_with("auth/") {
        return Err("invalid value for `auth.mount`: remove the leading auth/".into());
    }
    Ok(mount.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(json: &str) -> String {
        let settings = match serde_json::from_str::<HashicorpSettings>(json) {
            Ok(settings) => settings,
            Err(error) => return error.to_string(),
        };
        match CheckedSettings::try_from(settings) {
            Ok(_) => panic!("{json} is accepted"),
            Err(problem) => problem,
        }
    }

    fn wrong_address(address: &str) -> String {
        wrong(&format!(r#"{{"address": "{address}", "auth": {{"method": "token", "token_file": "/t"}}}}"#))
    }

    fn wrong_auth(auth: &str) -> String {
        wrong(&format!(r#"{{"address": "https://v", "auth": {auth}}}"#))
    }

    #[test]
    fn an_address_is_https_or_loopback_and_contains_nothing_else() {
        for good in [
            "https://v",
            "https://v:8200/",
            "https://v/vault/",
            "http://127.0.0.1:8200",
            "http://[::1]:1",
            "http://localhost",
        ] {
            let address = address(good, PlainHttp::OnLoopback).unwrap();
            assert_eq!(address.as_str().trim_end_matches('/'), good.trim_end_matches('/'));
        }
        let problems = [
            "http://vault:8200",
            "http://10.0.0.1",
            "vault:8200",
            "unix:///run/v",
            "hunter2",
            "https://a:hunter2@v",
            "https://v/v1/",
            "https://v?x=hunter2",
            "https://v#hunter2",
        ]
        .map(wrong_address)
        .join("\n");
        assert!(!problems.contains("hunter2"));
        insta::assert_snapshot!(problems, @r##"
        invalid value for `address`: http:// would send secrets in the clear; use https://, or set `allow_plain_http = true` where the network encrypts
        invalid value for `address`: http:// would send secrets in the clear; use https://, or set `allow_plain_http = true` where the network encrypts
        invalid value for `address`: it must begin with https://
        invalid value for `address`: it must begin with https://
        invalid value for `address`: expected a URL such as https://vault.example.com:8200
        invalid value for `address`: it contains a user or a password; remove it, and set `auth`
        invalid value for `address`: it ends with /v1, which is added to it; remove that
        invalid value for `address`: it contains "?" or "#"; remove that and what follows
        invalid value for `address`: it contains "?" or "#"; remove that and what follows
        "##);
    }

    #[test]
    fn plain_http_to_another_machine_is_allowed_by_name() {
        let json = r#"{"address": "http://vault.mesh:8200", "allow_plain_http": true,
                       "auth": {"method": "token", "token_file": "/t"}}"#;
        let settings: HashicorpSettings = serde_json::from_str(json).unwrap();
        assert_eq!(CheckedSettings::try_from(settings).unwrap().address.as_str(), "http://vault.mesh:8200/");
    }

    #[test]
    fn errors_name_the_missing_setting() {
        let problems = [
            r#"{"method": "token"}"#,
            r#"{"method": "token", "token_file": "/t", "token_env": "T"}"#,
            r#"{"method": "token", "token": "hunter2"}"#,
            r#"{"method": "token", "token_env": ""}"#,
            r#"{"method": "approle", "secret_id_file": "/s"}"#,
            r#"{"method": "approle", "role_id": ""}"#,
            r#"{"method": "approle", "role_id": "r", "mount": "a/../b"}"#,
            r#"{"method": "approle", "role_id": "r", "mount": "auth/approle"}"#,
            r#"{"method": "kubernetes"}"#,
            r#"{"method": "cert", "cert_file": "/c"}"#,
            r#"{"method": "ldap"}"#,
        ]
        .map(wrong_auth)
        .join("\n");
        insta::assert_snapshot!(problems, @r#"
        method "token" requires exactly one of `auth.token_file` and `auth.token_env`
        method "token" requires exactly one of `auth.token_file` and `auth.token_env`
        unknown field `token`, expected `token_file` or `token_env` at line 1 column 73
        invalid value for `auth.token_env`: expected the name of an environment variable
        method "approle" requires exactly one of `auth.role_id` and `auth.role_id_file`
        invalid value for `auth.role_id`: it is empty
        invalid value for `auth.mount`: expected the path of an auth method below auth/, such as approle
        invalid value for `auth.mount`: remove the leading auth/
        missing field `role` at line 1 column 58
        missing field `key_file` at line 1 column 71
        unknown variant `ldap`, expected one of `token`, `approle`, `kubernetes`, `cert` at line 1 column 50
        "#);
        let plain =
            r#"{"address": "http://[::1]", "auth": {"method": "cert", "cert_file": "/c", "key_file": "/k"}}"#;
        insta::assert_snapshot!(wrong(plain), @r#"method "cert" requires an https:// address, because the certificate is part of TLS"#);
    }

    #[test]
    fn the_methods_have_the_default_mounts_of_vault() {
        let read = |auth: &str| {
            let json = format!(r#"{{"address": "https://v", "auth": {auth}, "namespace": "/a/b/"}}"#);
            CheckedSettings::try_from(serde_json::from_str::<HashicorpSettings>(&json).unwrap()).unwrap()
        };
        let methods = [
            r#"{"method": "approle", "role_id": "r"}"#,
            r#"{"method": "kubernetes", "role": "r"}"#,
            r#"{"method": "cert", "cert_file": "/c", "key_file": "/k"}"#,
            r#"{"method": "approle", "role_id": "r", "mount": "/team/approle/"}"#,
        ];
        let mounts = methods.map(|auth| read(auth).method.describe());
        assert_eq!(
            mounts,
            [
                "approle at auth/approle",
                "kubernetes at auth/kubernetes",
                "cert at auth/cert",
                "approle at auth/team/approle"
            ]
        );
        assert_eq!(read(methods[0]).namespace.unwrap(), "a/b");
    }
}
