//! Certificates and keys in PEM, in a setting itself or in the file that it names.

use std::{io::Read as _, path::Path};

use kontraktor_hardening::file::{self, OpenError, Rule};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use zeroize::Zeroizing;

use super::super::settings::{Setting, SettingError};

/// What every block of PEM starts with, see RFC 7468 §2.
const BEGIN: &str = "-----BEGIN ";

/// The longest file that is read, in bytes: some hundred certificates.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// The longest text that is repeated as the path of a file.
const MAX_PATH_BYTES: usize = 1024;

/// Returns whether a setting holds PEM, and not the path of a file.
pub(super) fn is_pem(text: &str) -> bool {
    text.contains(BEGIN)
}

/// Returns the certificates of a setting; there is at least one.
pub(super) fn certificates(setting: &Setting) -> Result<Vec<CertificateDer<'static>>, SettingError> {
    let pem = read(setting, Rule::Trusted)?;
    let certificates = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| setting.invalid("it contains an invalid certificate"))?;
    if certificates.is_empty() {
        return Err(setting.invalid("it contains no certificate in PEM (-----BEGIN CERTIFICATE-----)"));
    }
    Ok(certificates)
}

/// Returns the key of a setting.
pub(super) fn private_key(setting: &Setting) -> Result<PrivateKeyDer<'static>, SettingError> {
    let pem = read(setting, Rule::Secret)?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|_| {
        let encrypted = String::from_utf8_lossy(&pem).contains("ENCRYPTED");
        setting.invalid(if encrypted {
            "the key is encrypted; decrypt it with `openssl pkey`"
        } else {
            "it contains no private key in PEM (-----BEGIN PRIVATE KEY-----)"
        })
    })
}

fn read(setting: &Setting, rule: Rule) -> Result<Zeroizing<Vec<u8>>, SettingError> {
    let text = setting.text();
    if is_pem(text) {
        return Ok(Zeroizing::new(text.as_bytes().to_vec()));
    }
    // What is no path may be a key whose first line is missing: it is not repeated.
    let is_path = !text.is_empty() && text.len() <= MAX_PATH_BYTES && !text.chars().any(char::is_control);
    let neither = || setting.invalid("expected PEM (-----BEGIN …) or the path of a file in PEM");
    if !is_path {
        return Err(neither());
    }
    let file = match file::open(Path::new(text), rule) {
        Ok(file) => file,
        Err(OpenError::Io(error)) if rule == Rule::Secret && !Path::new(text).exists() => {
            return Err(setting.invalid(format!(
                "expected PEM (-----BEGIN …) or the path of a file in PEM; a file of this name cannot be read: {error}"
            )));
        }
        Err(OpenError::Io(error)) => {
            return Err(setting.invalid(format!("the file {text} cannot be read: {error}")));
        }
        Err(OpenError::Untrusted(untrusted)) => {
            return Err(setting.invalid(format!("the file {text} {untrusted}")));
        }
    };
    let mut content = Zeroizing::new(Vec::new());
    match file.take(MAX_FILE_BYTES + 1).read_to_end(&mut content) {
        Ok(_) if content.len() as u64 > MAX_FILE_BYTES => {
            Err(setting
                .invalid(format!("the file is longer than the {MAX_FILE_BYTES} bytes that are allowed")))
        }
        Ok(_) => Ok(content),
        Err(error) => Err(setting.invalid(format!("the file {text} cannot be read: {error}"))),
    }
}
