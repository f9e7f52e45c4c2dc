//! The servers to talk to: addresses that may be used, and certificates of private authorities.

use std::path::Path;

use kontraktor_hardening::file::{OpenError, Rule, read};
use reqwest::Url;
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

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

/// Parses the URL of a server, which has a host and at most a port. Plain HTTP is for this machine only, where the vault
/// allows it at all.
///
/// # Errors
/// What is wrong, with the setting and without the address, which may contain a password or a token.
pub(crate) fn server_url(setting: &str, text: &str, plain_on_loopback: bool) -> Result<Url, String> {
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
    match url.scheme() {
        "https" => Ok(url),
        "http" if plain_on_loopback && is_loopback(&url) => Ok(url),
        "http" if plain_on_loopback => {
            Err(invalid("http:// would send secrets in the clear; use https://, except on loopback"))
        }
        _ => Err(invalid("it must begin with https://")),
    }
}

fn is_loopback(url: &Url) -> bool {
    // Other names may resolve to anything; only this one is this machine by definition.
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for good in
            ["https://vault.example.com", "http://127.0.0.1:5000", "http://[::1]:5000/", "http://localhost"]
        {
            assert!(server_url("address", good, true).is_ok(), "{good}");
        }
        for bad in
            ["http://vault.example.com", "http://10.0.0.1", "http://localhost.example.com", "ftp://localhost"]
        {
            assert!(server_url("address", bad, true).is_err(), "{bad}");
        }
        assert!(server_url("address", "http://127.0.0.1", false).is_err());
    }

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
        .map(|bad| server_url("address", bad, true).unwrap_err())
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
        invalid value for `address`: http:// would send secrets in the clear; use https://, except on loopback
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
