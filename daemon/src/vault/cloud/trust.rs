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
/// For people: with the setting's name.
pub(crate) fn https(setting: &str, text: &str, plain_on_loopback: bool) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("{setting}: \"{text}\" is not a URL: {error}"))?;
    if !url.username().is_empty() || url.password().is_some() {
        // Not repeated: it holds what should not be there.
        return Err(format!("{setting}: a URL with a user or a password is not allowed; use auth"));
    }
    if url.host_str().is_none() || url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(format!("{setting}: \"{text}\" must have a scheme, a host and at most a port, no more"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if plain_on_loopback && is_loopback(&url) => Ok(url),
        "http" if plain_on_loopback => Err(format!(
            "{setting}: \"{text}\" would send secrets unencrypted; use https (http only on this machine's loopback)"
        )),
        _ => Err(format!("{setting}: \"{text}\" must begin with https://")),
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
        for bad in ["", "vault", "https://host/path", "https://host/?a=b", "https://host/#f", "https://"] {
            let error = https("address", bad, true).unwrap_err();
            assert!(error.starts_with("address: "), "{error}");
        }
        let error = https("address", "https://user:hunter2@host", true).unwrap_err();
        assert!(!error.contains("hunter2"), "{error}");
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
