//! What lies behind an SDK's error. Nothing of its text is used: it may repeat what the vault said.

use std::{error::Error, io, iter};

use rustls::{CertificateError, Error as Tls};

/// The first error of this type, from the outermost to the innermost.
pub(crate) fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    // An I/O error gives as its source that of the error within, and so hides the error within.
    iter::successors(Some(error), |&error| match error.downcast_ref::<io::Error>() {
        Some(error) => error.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => error.source(),
    })
    .find_map(|error| error.downcast_ref())
}

/// What is wrong with a server's certificate, and what to do about it.
pub(crate) fn of_tls(error: &(dyn Error + 'static)) -> Option<(&'static str, &'static str)> {
    let Tls::InvalidCertificate(error) = find::<Tls>(error)? else {
        return Some((
            "no TLS connection could be agreed on",
            "look whether something else than the vault answers there",
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
            ("its certificate is for another name", "set the address to a name that the certificate has")
        }
        CertificateError::UnknownIssuer => (
            "its certificate is from an authority that is not trusted",
            "set ca_file to that authority's certificate, or install it in the system",
        ),
        _ => ("its certificate is not accepted", "look at the vault's certificate, and at ca_file"),
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
        assert_eq!(of_tls(&error).map(|(what, _)| what), Some("its certificate has expired"));
        assert!(find::<Outer>(&error).is_some());
        assert_eq!(of_tls(&Outer(io::Error::other("plain"))), None);
    }
}
