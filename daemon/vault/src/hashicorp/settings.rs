//! What an operator writes about one HashiCorp Vault, and the checks that need no network.
//!
//! Credentials are never written here: settings name the files and environment variables that hold them, and those are
//! read at each sign-in, because others replace them.

use std::path::PathBuf;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Url, header::HeaderValue};
use serde::Deserialize;

use super::login::{Method, RoleId, TokenSource};

/// The settings of one HashiCorp Vault, without those that every kind of vault has.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HashicorpSettings {
    /// Where it is, such as `https://vault.example.com:8200`. `http://` is for loopback addresses only. Redirects are not
    /// followed: before a cluster that answers with some, name the load balancer or the active node.
    pub address: String,
    /// How the daemon signs in.
    pub auth: AuthSettings,
    /// The namespace (Vault Enterprise, HCP) that mounts and sign-in are in.
    #[serde(default)]
    pub namespace: Option<String>,
    /// The authorities, in PEM, one of which has to have signed Vault's certificate. They are trusted instead of the
    /// system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

/// How the daemon signs in. `mount` is the path of the auth method below `auth/`.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "method", rename_all = "lowercase", deny_unknown_fields)]
pub enum AuthSettings {
    /// With a token that somebody else made. Exactly one of the two says where it is.
    Token {
        /// A file that holds it. When that file is replaced, the new token is used from then on.
        #[serde(default)]
        token_file: Option<PathBuf>,
        /// The name of an environment variable that holds it.
        #[serde(default)]
        token_env: Option<String>,
    },
    /// With the id of an AppRole and, unless the role asks for none, a secret id. Exactly one of the first two is given.
    AppRole {
        /// The role's id, which is no secret.
        #[serde(default)]
        role_id: Option<String>,
        /// A file that holds the role's id.
        #[serde(default)]
        role_id_file: Option<PathBuf>,
        /// A file that holds the secret id.
        #[serde(default)]
        secret_id_file: Option<PathBuf>,
        /// `approle` where nothing else is said.
        #[serde(default = "default_approle")]
        mount: String,
    },
    /// With the token of the pod's service account.
    Kubernetes {
        /// The role in Vault.
        role: String,
        /// The file that holds the service account's token.
        #[serde(default = "default_jwt_file")]
        jwt_file: PathBuf,
        /// `kubernetes` where nothing else is said.
        #[serde(default = "default_kubernetes")]
        mount: String,
    },
    /// With a certificate that the daemon shows when it connects.
    Cert {
        /// The certificate and those that lead to its authority, in PEM.
        cert_file: PathBuf,
        /// Its private key, in PEM.
        key_file: PathBuf,
        /// The role in Vault; where there is none, Vault looks for one that fits.
        #[serde(default)]
        role: Option<String>,
        /// `cert` where nothing else is said.
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

/// Settings that hold what they promise.
pub(super) struct Checked {
    /// Everything before `/v1`, without a slash at the end.
    pub(super) address: Url,
    pub(super) namespace: Option<HeaderValue>,
    pub(super) files: TlsFiles,
    pub(super) method: Method,
}

/// What TLS is made with.
#[derive(Debug, Clone, Default)]
pub(super) struct TlsFiles {
    pub(super) ca: Option<PathBuf>,
    /// The certificate and its key.
    pub(super) identity: Option<(PathBuf, PathBuf)>,
}

impl TryFrom<HashicorpSettings> for Checked {
    type Error = String;

    fn try_from(settings: HashicorpSettings) -> Result<Self, String> {
        let address = address(&settings.address)?;
        let mut files = TlsFiles { ca: settings.ca_file, identity: None };
        if files.ca.is_some() && address.scheme() == "http" {
            return Err(
                "ca_file is of no use with an address of http://: remove it, or write https://".into()
            );
        }
        let namespace = settings.namespace.map(|name| namespace(&name)).transpose()?;
        let method = method(settings.auth, &address, &mut files)?;
        Ok(Self { address, namespace, files, method })
    }
}

fn address(text: &str) -> Result<Url, String> {
    // What is wrong is not repeated: somebody may have written a password into it.
    let url = Url::parse(text)
        .map_err(|_| "address is no URL: write it as in https://vault.example.com:8200".to_owned())?;
    let host = url.host_str().unwrap_or_default();
    match url.scheme() {
        "https" if !host.is_empty() => {}
        "http" if is_loopback(host) => {}
        "http" => {
            return Err(
                "address is http://, which would send tokens and secrets in the clear: write https://; \
                        http:// is for loopback addresses only"
                    .into(),
            );
        }
        _ => return Err("address has to begin with https://".into()),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("address holds a user or a password, which Vault has no use for: remove it".into());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("address holds a \"?\" or a \"#\": end it before".into());
    }
    let path = url.path().trim_end_matches('/');
    if path == "/v1" || path.ends_with("/v1") {
        return Err("address ends with /v1, which is added to it: leave that out".into());
    }
    let mut address = url.clone();
    address.set_path(path);
    Ok(address)
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn namespace(name: &str) -> Result<HeaderValue, String> {
    let name = name.trim_matches('/');
    let value = HeaderValue::from_str(name).ok().filter(|_| !name.is_empty());
    value.ok_or_else(|| "namespace is empty or holds what no namespace's name may hold".to_owned())
}

fn method(settings: AuthSettings, address: &Url, files: &mut TlsFiles) -> Result<Method, String> {
    match settings {
        AuthSettings::Token { token_file: Some(file), token_env: None } => {
            Ok(Method::Token(TokenSource::File(filled("auth.token_file", file)?)))
        }
        AuthSettings::Token { token_file: None, token_env: Some(name) } => {
            if name.is_empty() || name.contains(['=', '\0']) {
                return Err("auth.token_env is not the name of an environment variable".into());
            }
            Ok(Method::Token(TokenSource::Variable(name)))
        }
        AuthSettings::Token { .. } => {
            Err("auth: the method token needs either token_file or token_env, and not both".into())
        }
        AuthSettings::AppRole { role_id, role_id_file, secret_id_file, mount } => {
            let role_id = match (role_id, role_id_file) {
                (Some(id), None) => RoleId::Known(filled("auth.role_id", id)?),
                (None, Some(file)) => RoleId::File(filled("auth.role_id_file", file)?),
                _ => {
                    return Err(
                        "auth: the method approle needs either role_id or role_id_file, and not both".into(),
                    );
                }
            };
            let secret_id_file =
                secret_id_file.map(|file| filled("auth.secret_id_file", file)).transpose()?;
            Ok(Method::AppRole { mount: auth_mount(&mount)?, role_id, secret_id_file })
        }
        AuthSettings::Kubernetes { role, jwt_file, mount } => Ok(Method::Kubernetes {
            mount: auth_mount(&mount)?,
            role: filled("auth.role", role)?,
            jwt_file: filled("auth.jwt_file", jwt_file)?,
        }),
        AuthSettings::Cert { cert_file, key_file, role, mount } => {
            if address.scheme() == "http" {
                return Err(
                    "auth: the method cert needs an address of https://, because the certificate is shown \
                            when TLS is made"
                        .into(),
                );
            }
            files.identity = Some((filled("auth.cert_file", cert_file)?, filled("auth.key_file", key_file)?));
            let role = role.map(|role| filled("auth.role", role)).transpose()?;
            Ok(Method::Cert { mount: auth_mount(&mount)?, role })
        }
    }
}

fn filled<T: AsRef<std::ffi::OsStr>>(setting: &str, value: T) -> Result<T, String> {
    if value.as_ref().is_empty() {
        return Err(format!("{setting} is empty: fill it in, or leave the setting out"));
    }
    Ok(value)
}

fn auth_mount(mount: &str) -> Result<String, String> {
    let mount = mount.trim_matches('/');
    if encoded(mount).is_none() {
        return Err("auth.mount has to be the path of an auth method below auth/, such as approle".into());
    }
    if mount.starts_with("auth/") {
        return Err("auth.mount is written without the auth/ before it".into());
    }
    Ok(mount.to_owned())
}

/// Everything but letters, digits and what no URL gives a meaning to.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A path of Vault's as it is written in a URL. `None`: it has a segment that is empty or that would lead elsewhere, which
/// encoding does not cure.
pub(super) fn encoded(path: &str) -> Option<String> {
    let mut url = String::with_capacity(path.len());
    for segment in path.split('/') {
        if matches!(segment, "" | "." | "..") {
            return None;
        }
        if !url.is_empty() {
            url.push('/');
        }
        url.extend(utf8_percent_encode(segment, SEGMENT));
    }
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(json: &str) -> String {
        let settings = match serde_json::from_str::<HashicorpSettings>(json) {
            Ok(settings) => settings,
            Err(error) => return error.to_string(),
        };
        match Checked::try_from(settings) {
            Ok(_) => panic!("{json} is taken"),
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
    fn an_address_is_https_or_loopback_and_holds_nothing_else() {
        for good in [
            "https://v",
            "https://v:8200/",
            "https://v/vault/",
            "http://127.0.0.1:8200",
            "http://[::1]:1",
            "http://localhost",
        ] {
            let address = address(good).unwrap();
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
        address is http://, which would send tokens and secrets in the clear: write https://; http:// is for loopback addresses only
        address is http://, which would send tokens and secrets in the clear: write https://; http:// is for loopback addresses only
        address has to begin with https://
        address has to begin with https://
        address is no URL: write it as in https://vault.example.com:8200
        address holds a user or a password, which Vault has no use for: remove it
        address ends with /v1, which is added to it: leave that out
        address holds a "?" or a "#": end it before
        address holds a "?" or a "#": end it before
        "##);
    }

    #[test]
    fn what_a_method_lacks_is_named() {
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
        auth: the method token needs either token_file or token_env, and not both
        auth: the method token needs either token_file or token_env, and not both
        unknown field `token`, expected `token_file` or `token_env` at line 1 column 73
        auth.token_env is not the name of an environment variable
        auth: the method approle needs either role_id or role_id_file, and not both
        auth.role_id is empty: fill it in, or leave the setting out
        auth.mount has to be the path of an auth method below auth/, such as approle
        auth.mount is written without the auth/ before it
        missing field `role` at line 1 column 58
        missing field `key_file` at line 1 column 71
        unknown variant `ldap`, expected one of `token`, `approle`, `kubernetes`, `cert` at line 1 column 50
        "#);
        let plain =
            r#"{"address": "http://[::1]", "auth": {"method": "cert", "cert_file": "/c", "key_file": "/k"}}"#;
        insta::assert_snapshot!(wrong(plain), @"auth: the method cert needs an address of https://, because the certificate is shown when TLS is made");
    }

    #[test]
    fn the_methods_have_the_mounts_that_vault_gives_them() {
        let read = |auth: &str| {
            let json = format!(r#"{{"address": "https://v", "auth": {auth}, "namespace": "/a/b/"}}"#);
            Checked::try_from(serde_json::from_str::<HashicorpSettings>(&json).unwrap()).unwrap()
        };
        let methods = [
            r#"{"method": "approle", "role_id": "r"}"#,
            r#"{"method": "kubernetes", "role": "r"}"#,
            r#"{"method": "cert", "cert_file": "/c", "key_file": "/k"}"#,
            r#"{"method": "approle", "role_id": "r", "mount": "/team/approle/"}"#,
        ];
        let mounts = methods.map(|auth| read(auth).method.described());
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

    #[test]
    fn a_path_stays_below_where_it_is_put() {
        assert_eq!(encoded("app/db").as_deref(), Some("app/db"));
        assert_eq!(encoded("a b/ü?#%2F\\;\t").as_deref(), Some("a%20b/%C3%BC%3F%23%252F%5C%3B%09"));
        for elsewhere in ["", "/", "a//b", "../sys", "a/./b", "a/.."] {
            assert_eq!(encoded(elsewhere), None, "{elsewhere:?}");
        }
        // What is left to the URL's parser changes nothing any more.
        let url = Url::parse(&format!("https://v/v1/{}", encoded("...a/%2e%2e/\n").unwrap())).unwrap();
        assert_eq!(url.path(), "/v1/...a/%252e%252e/%0A");
    }
}
