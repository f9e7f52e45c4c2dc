//! The server's certificate and its key, checked before a client sees them.

use std::path::Path;

use jiff::Timestamp;
use rustls::{Error, crypto::CryptoProvider, pki_types::CertificateDer, sign::CertifiedKey};
use x509_parser::{certificate::X509Certificate, prelude::FromDer as _};

use super::{TlsError, files};

/// Reads certificate and key, which must belong together, and the certificate must be valid now.
pub(super) fn load(
    certificate: &Path,
    key: &Path,
    provider: &CryptoProvider,
    now: Timestamp,
) -> Result<CertifiedKey, TlsError> {
    let chain = files::certificates(certificate)?;
    let validity = Validity::of(&chain[0]).ok_or_else(|| {
        TlsError::unusable(
            certificate,
            "does not begin with an X.509 certificate; put the server's certificate first",
        )
    })?;
    validity.check(certificate, now)?;
    let signing = provider.key_provider.load_private_key(files::private_key(key)?).map_err(|_| {
        TlsError::unusable(key, "holds a key of an unknown kind; expected RSA, ECDSA or Ed25519")
    })?;
    let certified = CertifiedKey::new(chain, signing);
    match certified.keys_match() {
        Ok(()) | Err(Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => Ok(certified),
        Err(Error::InconsistentKeys(_)) => Err(TlsError::unusable(
            key,
            format!(
                "does not belong to the certificate in {}; use the key that it was issued for",
                certificate.display()
            ),
        )),
        Err(error) => Err(TlsError::unusable(certificate, format!("cannot be used: {error}"))),
    }
}

/// When a certificate is valid, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) not_before: i64,
    pub(super) not_after: i64,
}

impl Validity {
    /// Reads it from a certificate. None: it is not one.
    pub(super) fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
        let validity = parsed.validity();
        Some(Self { not_before: validity.not_before.timestamp(), not_after: validity.not_after.timestamp() })
    }

    fn check(self, path: &Path, now: Timestamp) -> Result<(), TlsError> {
        let shown = |second| {
            Timestamp::from_second(second)
                .map_or_else(|_| "an unknown time".to_owned(), |time| time.to_string())
        };
        let now = now.as_second();
        if now > self.not_after {
            let problem = format!("expired at {}; renew the certificate", shown(self.not_after));
            return Err(TlsError::unusable(path, problem));
        }
        if now < self.not_before {
            let problem = format!(
                "is valid from {} on; check the clock, or use another certificate",
                shown(self.not_before)
            );
            return Err(TlsError::unusable(path, problem));
        }
        Ok(())
    }
}
