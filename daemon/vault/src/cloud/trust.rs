//! Whom to talk to: addresses that may be used, and the certificates of an own authority.

use std::{fs, path::Path};

use reqwest::Url;
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

/// The certificates of an own authority, trusted beside the system's. Checked: the SDK of AWS panics on what is none.
#[derive(Debug, Clone)]
pub(crate) struct Authorities(Vec<u8>);

impl Authorities {
    /// Reads certificates in PEM.
    ///
    /// # Errors
    /// For people: with the setting's name and the file's.
    pub(crate) fn read(file: &Path) -> Result<Self, String> {
        let name = file.display();
        let pem = fs::read(file).map_err(|error| format!("ca_file: {name} cannot be read: {error}"))?;
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            certificate
                .map_err(|_| ())
                .and_then(|certificate| roots.add(certificate).map_err(|_| ()))
                .map_err(|()| format!("ca_file: {name} has a certificate that cannot be understood"))?;
        }
        if roots.is_empty() {
            return Err(format!("ca_file: {name} has no certificate in PEM (-----BEGIN CERTIFICATE-----)"));
        }
        Ok(Self(pem))
    }

    /// The certificates in PEM.
    pub(crate) fn pem(&self) -> &[u8] {
        &self.0
    }
}

/// The URL of a server, without what a server's URL has not. Plain HTTP goes to this machine only, where the vault
/// allows it at all.
///
/// # Errors
/// For people: with the setting's name, and without the address, because somebody may have written a password or a token
/// into it.
pub(crate) fn https(setting: &str, text: &str, plain_on_loopback: bool) -> Result<Url, String> {
    let url = Url::parse(text)
        .map_err(|_| format!("{setting} is no URL: write it as in https://vault.example.com"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!("{setting} holds a user or a password: remove it; auth says who signs in"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!("{setting} holds a \"?\" or a \"#\": end it before"));
    }
    if url.host_str().is_none() || url.path() != "/" {
        return Err(format!("{setting} must have a scheme, a host and at most a port, no more"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if plain_on_loopback && is_loopback(&url) => Ok(url),
        "http" if plain_on_loopback => Err(format!(
            "{setting} is http://, which would send secrets in the clear: write https://; http:// is for this machine's \
             loopback only"
        )),
        _ => Err(format!("{setting} must begin with https://")),
    }
}

fn is_loopback(url: &Url) -> bool {
    // What the name resolves to can change; only this one is this machine by definition.
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_goes_to_this_machine_only() {
        for good in
            ["https://vault.example.com", "http://127.0.0.1:5000", "http://[::1]:5000/", "http://localhost"]
        {
            assert!(https("address", good, true).is_ok(), "{good}");
        }
        for bad in
            ["http://vault.example.com", "http://10.0.0.1", "http://localhost.example.com", "ftp://localhost"]
        {
            assert!(https("address", bad, true).is_err(), "{bad}");
        }
        assert!(https("address", "http://127.0.0.1", false).is_err());
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
        .map(|bad| https("address", bad, true).unwrap_err())
        .join("\n");
        assert!(!problems.contains("hunter2"), "{problems}");
        insta::assert_snapshot!(problems, @r##"
        address is no URL: write it as in https://vault.example.com
        address is no URL: write it as in https://vault.example.com
        address is no URL: write it as in https://vault.example.com
        address is no URL: write it as in https://vault.example.com
        address holds a user or a password: remove it; auth says who signs in
        address holds a user or a password: remove it; auth says who signs in
        address holds a user or a password: remove it; auth says who signs in
        address holds a user or a password: remove it; auth says who signs in
        address holds a user or a password: remove it; auth says who signs in
        address holds a "?" or a "#": end it before
        address holds a "?" or a "#": end it before
        address holds a "?" or a "#": end it before
        address must have a scheme, a host and at most a port, no more
        address must have a scheme, a host and at most a port, no more
        address must have a scheme, a host and at most a port, no more
        address is http://, which would send secrets in the clear: write https://; http:// is for this machine's loopback only
        "##);
    }

    #[test]
    fn a_file_without_certificates_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        let read = || Authorities::read(&file).unwrap_err().replace(&file.display().to_string(), "FILE");
        assert!(read().starts_with("ca_file: FILE cannot be read"), "{}", read());
        fs::write(&file, "no certificate").unwrap();
        insta::assert_snapshot!(read(), @"ca_file: FILE has no certificate in PEM (-----BEGIN CERTIFICATE-----)");
        fs::write(&file, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
        insta::assert_snapshot!(read(), @"ca_file: FILE has a certificate that cannot be understood");
    }
}
