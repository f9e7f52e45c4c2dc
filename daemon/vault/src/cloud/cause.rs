//! The causes of an SDK's error. Nothing of their texts is used: they may repeat what the vault said.

use std::{error::Error, io, iter};

use rustls::{CertificateError, Error as Tls};

/// Returns the first error of this type, from the outermost to the innermost.
pub(crate) fn find_cause<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    // The source of an I/O error is that of the error it wraps, so that the wrapped error is skipped.
    iter::successors(Some(error), |&error| match error.downcast_ref::<io::Error>() {
        Some(error) => error.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => error.source(),
    })
    .find_map(|error| error.downcast_ref())
}

/// Returns what is wrong with a server's certificate, and what to do about it.
pub(crate) fn tls_cause(error: &(dyn Error + 'static)) -> Option<(&'static str, &'static str)> {
    let Tls::InvalidCertificate(error) = find_cause::<Tls>(error)? else {
        return Some((
            "the TLS handshake failed",
            "check that the vault, and nothing else, answers at its address",
        ));
    };
    Some(match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            ("its certificate has expired", "renew the vault's certificate, and check this machine's clock")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            ("its certificate is not valid yet", "check this machine's clock")
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            ("its certificate is for another name", "set `address` to a name in the certificate")
        }
        CertificateError::UnknownIssuer => (
            "its certificate is signed by an unknown authority",
            "set `ca_file` to that authority's certificate, or install it in the system",
        ),
        _ => ("its certificate is invalid", "check the vault's certificate, and `ca_file`"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] io::Error);

    #[test]
    fn the_cause_is_found_through_an_io_error() {
        let error = Outer(io::Error::other(Tls::InvalidCertificate(CertificateError::Expired)));
        assert_eq!(tls_cause(&error).map(|(what, _)| what), Some("its certificate has expired"));
        assert!(find_cause::<Outer>(&error).is_some());
        assert_eq!(tls_cause(&Outer(io::Error::other("plain"))), None);
    }
}
