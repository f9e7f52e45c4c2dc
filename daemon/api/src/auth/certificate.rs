//! Client certificates, which the listener has verified: rules of the configuration make an actor of their names.

use std::sync::Arc;

use kontraktor_access::{Authority, Caller};
use kontraktor_identity::CertificateNames;
use kontraktor_service::Service;
use tonic::{async_trait, codegen::http::request::Parts};

use super::{AuthenticationError, Authenticator, Identity, via::via};
use crate::listener::{ClientCertificate, Peer};

/// Finds out whom a client certificate speaks for.
pub(crate) struct CertificateAuthenticator {
    identity: Arc<Identity>,
    service: Service,
}

impl CertificateAuthenticator {
    pub(crate) fn new(identity: Arc<Identity>, service: Service) -> Self {
        Self { identity, service }
    }
}

#[async_trait]
impl Authenticator for CertificateAuthenticator {
    async fn authenticate(&self, parts: &Parts) -> Result<Option<Caller>, AuthenticationError> {
        let Some(Peer::Tcp { address, certificate: Some(certificate) }) = parts.extensions.get::<Peer>()
        else {
            return Ok(None);
        };
        let refused = |cause: &str| {
            tracing::info!(cause, "unauthenticated");
            Err(AuthenticationError::unauthenticated())
        };
        // It was valid when the connection was made.
        if self.service.now().as_second() >= certificate.not_after {
            return refused("the client certificate has expired since the connection was made");
        }
        let Some(found) = self.identity.certificates().identify(names(certificate)) else {
            return refused("no [[client-certificate]] rule matches the client certificate");
        };
        Ok(Some(Caller {
            groups: found.groups,
            authority: Authority::Roles,
            peer: Some(address.ip().to_string().into()),
            ..Caller::new(found.actor, via(&parts.headers)?, found.scopes)
        }))
    }
}

/// Returns the names in a certificate.
pub(super) fn names(certificate: &ClientCertificate) -> CertificateNames<'_> {
    CertificateNames {
        common_name: certificate.common_name.as_deref(),
        organizational_units: &certificate.organizational_units,
        dns_names: &certificate.dns_names,
        uris: &certificate.uris,
        emails: &certificate.emails,
    }
}
