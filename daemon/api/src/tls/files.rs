//! The files of TLS: opened as files that decide whom the daemon trusts, read as PEM, and compared to notice a change.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use kontraktor_hardening::file::{self, Rule};
use rustls::pki_types::{
    CertificateDer, CertificateRevocationListDer, PrivateKeyDer,
    pem::{self, PemObject},
};

use super::{Authority, ServerCertificate, TlsError, TlsOptions};

/// Reads the certificates of a file; there is at least one.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    objects(path, Rule::Trusted, "a certificate (`BEGIN CERTIFICATE`)")
}

/// Reads the revocation lists of a file; there is at least one.
pub(super) fn revocation_lists(path: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsError> {
    objects(path, Rule::Trusted, "a revocation list (`BEGIN X509 CRL`)")
}

/// Reads the first private key of a file, which only its owner and its group may read.
pub(super) fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let expected = "a private key without a passphrase (`BEGIN PRIVATE KEY`)";
    let mut keys = objects(path, Rule::PrivateKey, expected)?;
    Ok(keys.swap_remove(0))
}

fn objects<T: PemObject>(path: &Path, rule: Rule, expected: &str) -> Result<Vec<T>, TlsError> {
    let text =
        zeroize::Zeroizing::new(file::read(path, rule).map_err(|error| TlsError::unopened(path, error))?);
    // The library's message may repeat a part of the file.
    let found: Result<Vec<T>, pem::Error> = T::pem_slice_iter(&text).collect();
    let found =
        found.map_err(|_| TlsError::unusable(path, format!("is not valid PEM; expected {expected}")))?;
    if found.is_empty() {
        return Err(TlsError::unusable(path, format!("does not contain {expected} in PEM")));
    }
    Ok(found)
}

/// What tells a file from the one that takes its place: device, inode, size and the time of the last change. A link is followed,
/// because exchanging a link is how Kubernetes replaces Secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fingerprint(Vec<(PathBuf, Option<[i64; 5]>)>);

impl Fingerprint {
    /// Looks at all files of the options. Blocks.
    pub(super) fn of(options: &TlsOptions) -> Self {
        let mut paths = match &options.server {
            ServerCertificate::Files { certificate, key } => vec![certificate.clone(), key.clone()],
            ServerCertificate::SelfSigned { directory, .. } => {
                let (certificate, key) = Authority::server_in(directory);
                vec![certificate, key]
            }
        };
        if let Some(clients) = &options.clients {
            paths.push(clients.authorities.clone());
            paths.extend(clients.revoked.clone());
        }
        let looked_at = |path: PathBuf| {
            let found = fs::metadata(&path).ok().map(|found| {
                [
                    found.dev().cast_signed(),
                    found.ino().cast_signed(),
                    found.size().cast_signed(),
                    found.mtime(),
                    found.mtime_nsec(),
                ]
            });
            (path, found)
        };
        Self(paths.into_iter().map(looked_at).collect())
    }
}
