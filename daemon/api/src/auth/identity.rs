//! What the authenticators and the token endpoint share: who may have tokens, whose tokens are valid, which certificates make
//! which actors. What the operator can change while the daemon runs is replaced as a whole.

use std::{fmt, sync::Arc};

use arc_swap::ArcSwap;
use kontraktor_identity::{CertificateRules, ClientAuthenticator, IssuerSettings, TokenIssuer, Verifier};

/// How callers from the network prove who they are.
pub struct Identity {
    tokens: Arc<TokenIssuer>,
    clients: ClientAuthenticator,
    verifier: ArcSwap<Verifier>,
    certificates: ArcSwap<CertificateRules>,
}

impl Identity {
    /// Accepts tokens of these issuers and of the daemon, and certificates by these rules.
    pub fn new(tokens: TokenIssuer, issuers: Vec<IssuerSettings>, certificates: CertificateRules) -> Self {
        let tokens = Arc::new(tokens);
        let verifier = Verifier::new(issuers, Some(Arc::clone(&tokens)), None);
        let audience = vec![tokens.token_endpoint(), tokens.public_url().to_owned()];
        Self {
            clients: ClientAuthenticator::new(audience),
            tokens,
            verifier: ArcSwap::from_pointee(verifier),
            certificates: ArcSwap::from_pointee(certificates),
        }
    }

    /// Replaces issuers and rules. The keys of all issuers are fetched again before they are used next.
    pub fn replace(&self, issuers: Vec<IssuerSettings>, certificates: CertificateRules) {
        let before = self.verifier.load();
        let verifier = Verifier::new(issuers, Some(Arc::clone(&self.tokens)), Some(&**before));
        self.verifier.store(Arc::new(verifier));
        self.certificates.store(Arc::new(certificates));
    }

    /// Returns the issuer of the daemon's own tokens.
    pub(crate) fn tokens(&self) -> &Arc<TokenIssuer> {
        &self.tokens
    }

    pub(crate) fn clients(&self) -> &ClientAuthenticator {
        &self.clients
    }

    pub(crate) fn verifier(&self) -> Arc<Verifier> {
        self.verifier.load_full()
    }

    pub(crate) fn certificates(&self) -> Arc<CertificateRules> {
        self.certificates.load_full()
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("public_url", &self.tokens.public_url()).finish_non_exhaustive()
    }
}
