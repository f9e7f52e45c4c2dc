//! The client certificate of an open connection: it can expire, be revoked, or lose its authority, and the connection ends then.

use std::{fmt, sync::Arc, time::Duration};

use rustls::pki_types::{CertificateDer, UnixTime};
use tokio::{sync::watch, time::timeout};

use super::Tls;

/// How long to wait at most before the clock is looked at again, which may have been set.
const CLOCK_CHECK: Duration = Duration::from_mins(1);

/// The certificate that the client of an open connection has proved to own, with those that lead to its authority.
pub(crate) struct HeldCertificate {
    chain: Vec<CertificateDer<'static>>,
    /// When it ends: seconds since 1970.
    not_after: i64,
    tls: Arc<Tls>,
    reloads: watch::Receiver<u64>,
}

/// Why a client certificate is not accepted any more.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum Withdrawn {
    /// Its time is over.
    #[error("it has expired")]
    Expired,
    /// The files that were read since do not accept it.
    #[error("{0}")]
    Refused(rustls::Error),
}

impl HeldCertificate {
    /// `reloads` are those of `tls`, from before the handshake.
    pub(crate) fn new(
        chain: Vec<CertificateDer<'static>>,
        not_after: i64,
        tls: Arc<Tls>,
        reloads: watch::Receiver<u64>,
    ) -> Self {
        Self { chain, not_after, tls, reloads }
    }

    /// Waits until the certificate is not accepted any more.
    pub(crate) async fn withdrawn(mut self) -> Withdrawn {
        loop {
            let left = self.not_after.saturating_sub(self.tls.clock.now().as_second());
            let Some(left) = u64::try_from(left).ok().filter(|left| *left > 0) else {
                return Withdrawn::Expired;
            };
            match timeout(CLOCK_CHECK.min(Duration::from_secs(left)), self.reloads.changed()).await {
                // Without a reload too: lists of revoked certificates and the authorities between end in time.
                Ok(Ok(())) | Err(_) => {
                    if let Err(error) = self.verify() {
                        return Withdrawn::Refused(error);
                    }
                }
                // The sender lives as long as `tls`.
                Ok(Err(_)) => std::future::pending().await,
            }
        }
    }

    /// Verifies the certificate by what the files contain now.
    fn verify(&self) -> Result<(), rustls::Error> {
        let current = self.tls.current.load();
        let (Some(verifier), [certificate, authorities @ ..]) = (&current.clients, self.chain.as_slice())
        else {
            return Ok(());
        };
        let seconds = u64::try_from(self.tls.clock.now().as_second()).unwrap_or_default();
        let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        verifier.verify_client_cert(certificate, authorities, now).map(|_| ())
    }
}

impl fmt::Debug for HeldCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldCertificate").field("not_after", &self.not_after).finish_non_exhaustive()
    }
}
