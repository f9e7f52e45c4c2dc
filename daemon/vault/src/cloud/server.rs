//! The servers to talk to: addresses that may be used, and certificates of private authorities.

use std::path::Path;

use kontraktor_hardening::file::{OpenError, Rule, read};
use reqwest::Url;
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

use crate::plain_http::PlainHttp;

/// Certificates of private authorities, trusted in addition to the system's. They are checked here, because the SDK of AWS
/// panics on an invalid one.
#[derive(Debug, Clone)]
pub(crate) struct Authorities(Vec<u8>);

impl Authorities {
    /// Reads certificates in PEM.
    ///
    /// # Errors
    /// What is wrong, with the setting and the file.
    pub(crate) fn read(file: &Path) -> Result<Self, String> {
        let name = file.display();
        let pem = read(file, Rule::Trusted).map_err(|error| match error {
            OpenError::Io(error) => format!("`ca_file` {name} cannot be read: {error}"),
            OpenError::Untrusted(untrusted) => format!("`ca_file` {name} {untrusted}"),
        })?;
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            certificate
                .map_err(|_| ())
                .and_then(|certificate| roots.add(certificate).map_err(|_| ()))
                .map_err(|()| format!("`ca_file` {name} has an invalid certificate"))?;
        }
        if roots.is_empty() {
            return Err(format!("`ca_file` {name} has no certificate in PEM (-----BEGIN CERTIFICATE-----)"));
        }
        Ok(Self(pem))
    }

    /// Returns the certificates in PEM.
    pub(crate) fn pem(&self) -> &[u8] {
        &self.0
    }
}

/// Parses the URL of a server, which has a host and at most a port.
///
/// # Errors
/// What is wrong, with the setting and without the address, which may contain a password or a token.
pub(crate) fn server_url(setting: &str, text: &str, plain_http: PlainHttp) -> Result<Url, String> {
    let invalid = |problem: &str| format!("invalid value for `{setting}`: {problem}");
    let url = Url::parse(text).map_err(|_| invalid("expected a URL such as https://vault.example.com"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("it contains a user or a password; remove it, and set `auth`"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(invalid("it contains \"?\" or \"#\"; remove that and what follows"));
    }
    if url.host_str().is_none() || url.path() != "/" {
        return Err(invalid("expected a scheme, a host and at most a port"));
    }
    plain_http.check(&url).map_err(invalid)?;
    Ok(url)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    #[test]
    fn a_servers_url_has_no_more_than_a_host_and_a_port() {
        let problems = [
            "",
            "hunter2",
            "https://",
            "https://user:hunter2@:0",
            "https://user:hunter2@host",
            "https://hunter2@host",
            "https://:hunter2@host",
            "https:user:hunter2@host",
            "ftp://user:hunter2@host",
            "https://host?token=hunter2",
            "https://host/?",
            "https://host#hunter2",
            "https://host/hunter2",
            "hunter2://host",
            "data:hunter2",
            "http://hunter2",
        ]
        .map(|bad| server_url("address", bad, PlainHttp::OnLoopback).unwrap_err())
        .join("\n");
        assert!(!problems.contains("hunter2"), "{problems}");
        insta::assert_snapshot!(problems, @r##"
        invalid value for `address`: expected a URL such as https://vault.example.com
        invalid value for `address`: expected a URL such as https://vault.example.com
        invalid value for `address`: expected a URL such as https://vault.example.com
        invalid value for `address`: expected a URL such as https://vault.example.com
        invalid value for `address`: it contains a user or a password; remove it, and set `auth`
        invalid value for `address`: it contains a user or a password; remove it, and set `auth`
        invalid value for `address`: it contains a user or a password; remove it, and set `auth`
        invalid value for `address`: it contains a user or a password; remove it, and set `auth`
        invalid value for `address`: it contains a user or a password; remove it, and set `auth`
        invalid value for `address`: it contains "?" or "#"; remove that and what follows
        invalid value for `address`: it contains "?" or "#"; remove that and what follows
        invalid value for `address`: it contains "?" or "#"; remove that and what follows
        invalid value for `address`: expected a scheme, a host and at most a port
        invalid value for `address`: expected a scheme, a host and at most a port
        invalid value for `address`: expected a scheme, a host and at most a port
        invalid value for `address`: http:// would send secrets in the clear; use https://, or set `allow_plain_http = true` where the network encrypts
        "##);
    }

    #[test]
    fn a_file_without_certificates_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        let read = || Authorities::read(&file).unwrap_err().replace(&file.display().to_string(), "FILE");
        assert!(read().starts_with("`ca_file` FILE cannot be read"), "{}", read());
        fs::write(&file, "no certificate").unwrap();
        insta::assert_snapshot!(read(), @"`ca_file` FILE has no certificate in PEM (-----BEGIN CERTIFICATE-----)");
        fs::write(&file, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
        insta::assert_snapshot!(read(), @"`ca_file` FILE has an invalid certificate");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o646)).unwrap();
        insta::assert_snapshot!(read(), @"`ca_file` FILE has mode 0646, which lets other users change it. Check its content and run `chmod go-w` on it");
    }
}
