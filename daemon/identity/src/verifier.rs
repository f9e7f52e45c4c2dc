//! Verification of bearer tokens: of the configured issuers, and of the daemon itself.
//!
//! A token that was verified is remembered for as long as its keys are unchanged, because a client sends the same one with
//! every request and a signature costs more than everything else that is checked.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use lru::LruCache;
use sha2::{Digest as _, Sha256};

use super::{
    claims::{accepted_until, has_expired},
    issuer::{Fetch, HttpFetch, Issuer, IssuerSettings, Principal},
    jws::UnverifiedToken,
    token_error::{MAX_TOKEN_BYTES, TokenError},
    token_issuer::{AccountToken, TokenIssuer},
};

/// How many verified tokens are remembered.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(4_096).unwrap();

/// What a valid token proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VerifiedToken {
    /// It was issued by a configured issuer.
    External(Arc<Principal>),
    /// It was issued by this daemon to a service account, which may have been deleted since.
    Account(AccountToken),
}

/// A valid token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// What it proves.
    pub token: VerifiedToken,
    /// From when on it is not accepted any more: its end, and the difference that clocks may have.
    pub accepted_until: Timestamp,
}

/// Verifies tokens.
#[derive(Debug)]
pub struct Verifier {
    issuers: Vec<Arc<Issuer>>,
    own: Option<Arc<TokenIssuer>>,
    remembered: Mutex<LruCache<[u8; 32], Remembered>>,
}

#[derive(Debug, Clone)]
struct Remembered {
    token: VerifiedToken,
    expires: i64,
    generation: u64,
    /// `None` for the daemon's own.
    issuer: Option<Arc<Issuer>>,
}

impl Remembered {
    fn verified(&self) -> Verified {
        Verified { token: self.token.clone(), accepted_until: accepted_until(self.expires) }
    }
}

impl Verifier {
    /// Returns a verifier for tokens of these issuers and of the daemon. Those of `before` whose settings are the same keep their
    /// keys, and fetch them again before they are used next.
    pub fn new(issuers: Vec<IssuerSettings>, own: Option<Arc<TokenIssuer>>, before: Option<&Self>) -> Self {
        Self::with_fetch(issuers, own, before, |settings| {
            Arc::new(HttpFetch::new(settings.authorities.clone()))
        })
    }

    pub(crate) fn with_fetch(
        issuers: Vec<IssuerSettings>,
        own: Option<Arc<TokenIssuer>>,
        before: Option<&Self>,
        fetch: impl Fn(&IssuerSettings) -> Arc<dyn Fetch>,
    ) -> Self {
        let known = before.map_or(&[][..], |before| &before.issuers);
        let issuers = issuers.into_iter().map(|settings| {
            let same = known.iter().find(|issuer| issuer.settings == settings);
            same.inspect(|issuer| issuer.keys.expire()).cloned().unwrap_or_else(|| {
                let fetch = fetch(&settings);
                Arc::new(Issuer::new(settings, fetch))
            })
        });
        Self { issuers: issuers.collect(), own, remembered: Mutex::new(LruCache::new(REMEMBERED)) }
    }

    /// Returns the names of the issuers.
    pub fn issuer_names(&self) -> impl Iterator<Item = &str> {
        self.issuers.iter().map(|issuer| issuer.settings.name.as_str())
    }

    /// Verifies a token, and fetches the keys of its issuer where they are not known.
    pub async fn verify(&self, token: &str, now: Timestamp) -> Result<Verified, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLarge);
        }
        let digest: [u8; 32] = Sha256::digest(token).into();
        if let Some(known) = self.remembered(&digest, now) {
            return Ok(known);
        }
        let remembered = self.verify_anew(token, now).await?;
        let verified = remembered.verified();
        self.lock().put(digest, remembered);
        Ok(verified)
    }

    /// Returns what a token proves that was verified before.
    fn remembered(&self, digest: &[u8; 32], now: Timestamp) -> Option<Verified> {
        let known = self.lock().get(digest)?.clone();
        let is_confirmed = match (&known.issuer, &self.own) {
            (Some(issuer), _) => issuer.keys.confirms(known.generation),
            (None, Some(own)) => own.keys().generation() == known.generation,
            (None, None) => false,
        };
        (is_confirmed && !has_expired(known.expires, now.as_second())).then(|| known.verified())
    }

    async fn verify_anew(&self, token: &str, now: Timestamp) -> Result<Remembered, TokenError> {
        let token = UnverifiedToken::parse(token)?;
        let claimed = token.claimed_issuer()?;
        if let Some(own) = self.own.as_deref().filter(|own| own.public_url() == claimed) {
            let generation = own.keys().generation();
            let (account, expires) = own.verify(token, now)?;
            return Ok(Remembered {
                token: VerifiedToken::Account(account),
                expires,
                generation,
                issuer: None,
            });
        }
        let issuer = self.issuers.iter().find(|issuer| issuer.settings.url == claimed);
        let issuer = issuer.ok_or(TokenError::UnknownIssuer)?;
        let verified = issuer.verify(token, now).await?;
        Ok(Remembered {
            token: VerifiedToken::External(Arc::new(verified.principal)),
            expires: verified.expires,
            generation: verified.generation,
            issuer: Some(Arc::clone(issuer)),
        })
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<[u8; 32], Remembered>> {
        // Nothing in there is half done at any time.
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
