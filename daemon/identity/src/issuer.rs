//! Issuers of tokens: their settings, and what their tokens say in the words of this daemon.

mod discovery;
mod http;
mod keys;
mod table;

use std::{collections::HashSet, sync::Arc};

use jiff::Timestamp;
use kontraktor_access::{Scope, Scopes};

#[cfg(test)]
pub(crate) use self::http::FetchError;
pub use self::table::{IssuerTable, build as build_issuers};
pub(crate) use self::{
    http::{Fetch, HttpFetch},
    keys::KeySource,
};
use super::{
    algorithm::SignatureAlgorithm,
    claims::{Claims, invalid},
    jws::UnverifiedToken,
    settings::{MAX_SUBJECT_BYTES, is_identifier},
    token_error::TokenError,
};

/// The most groups that a token may name.
const MAX_GROUPS: usize = 1_000;

/// The longest readable name of an actor, in bytes.
const MAX_DISPLAY_NAME_BYTES: usize = 256;

/// Types of tokens that are accepted where the settings name none: access tokens (RFC 9068), and those of issuers that make no
/// difference between the kinds of their tokens. A token without a type is accepted, too: Kubernetes sets none.
const USUAL_TYPES: [&str; 2] = ["at+jwt", "jwt"];

/// Who a token of an issuer speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// `ISSUER:SUBJECT`.
    pub actor: Arc<str>,
    /// The readable name. It proves nothing.
    pub display_name: Option<Arc<str>>,
    /// `ISSUER:GROUP` for each group.
    pub groups: Arc<[Arc<str>]>,
    /// What the token may be used for.
    pub scopes: Scopes,
}

/// The checked settings of an issuer, without its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerSettings {
    /// The prefix of its actors and groups.
    pub name: String,
    /// What its tokens have as `iss`, character by character.
    pub url: String,
    pub(crate) audience: Vec<String>,
    pub(crate) actor_claim: String,
    pub(crate) groups_claim: Option<String>,
    pub(crate) name_claim: Option<String>,
    pub(crate) algorithms: Vec<SignatureAlgorithm>,
    pub(crate) scopes: Scopes,
    pub(crate) token_type: Option<String>,
    pub(crate) jwks_url: Option<String>,
    /// The content of `ca_file`.
    pub(crate) authorities: Option<Vec<u8>>,
}

/// An issuer and its keys.
#[derive(Debug)]
pub(crate) struct Issuer {
    pub(crate) settings: IssuerSettings,
    pub(crate) keys: KeySource,
}

/// A principal whose token was verified with keys of this generation, and when the token expires.
pub(crate) struct VerifiedPrincipal {
    pub(crate) principal: Principal,
    pub(crate) expires: i64,
    pub(crate) generation: u64,
}

impl Issuer {
    pub(crate) fn new(settings: IssuerSettings, fetch: Arc<dyn Fetch>) -> Self {
        let keys = KeySource::new(&settings, fetch);
        Self { settings, keys }
    }

    /// Verifies a token of this issuer.
    pub(crate) async fn verify(
        &self,
        token: UnverifiedToken<'_>,
        now: Timestamp,
    ) -> Result<VerifiedPrincipal, TokenError> {
        let settings = &self.settings;
        settings.check_header(&token)?;
        let (key, generation) = match self.keys.find(token.key_id.as_deref(), token.algorithm).await {
            Err(unavailable @ TokenError::KeysUnavailable { .. }) => {
                // A token that no key can make valid is not worth another try.
                settings.check_claims(token.claimed(), now)?;
                settings.principal(token.claimed())?;
                return Err(unavailable);
            }
            found => found?,
        };
        let claims = token.verify(&key)?;
        let expires = settings.check_claims(&claims, now)?;
        Ok(VerifiedPrincipal { principal: settings.principal(&claims)?, expires, generation })
    }
}

impl IssuerSettings {
    fn check_header(&self, token: &UnverifiedToken<'_>) -> Result<(), TokenError> {
        if !self.algorithms.contains(&token.algorithm) {
            return Err(TokenError::Algorithm);
        }
        let found = token.token_type.as_deref();
        let is_accepted = match &self.token_type {
            Some(required) => found == Some(required.as_str()),
            None => found.is_none_or(|found| USUAL_TYPES.contains(&found)),
        };
        if is_accepted { Ok(()) } else { Err(TokenError::Type) }
    }

    fn check_claims(&self, claims: &Claims, now: Timestamp) -> Result<i64, TokenError> {
        if claims.text("iss")? != self.url {
            return Err(TokenError::UnknownIssuer);
        }
        claims.check_audience(&self.audience)?;
        if claims.find("cnf").is_some() {
            return Err(TokenError::Bound);
        }
        claims.check_times(now)
    }

    /// Returns who the token speaks for.
    fn principal(&self, claims: &Claims) -> Result<Principal, TokenError> {
        let prefixed = |name: &str, text: &str| {
            let prefixed = format!("{}:{text}", self.name);
            let is_valid = !text.is_empty() && is_identifier(&prefixed, MAX_SUBJECT_BYTES);
            if is_valid { Ok(Arc::from(prefixed)) } else { Err(invalid(name)) }
        };
        let actor = prefixed(&self.actor_claim, claims.text(&self.actor_claim)?)?;
        let groups = match &self.groups_claim {
            None => Arc::default(),
            Some(name) => {
                let groups = claims.texts(name)?;
                if groups.len() > MAX_GROUPS {
                    return Err(invalid(name));
                }
                groups.into_iter().map(|group| prefixed(name, group)).collect::<Result<_, _>>()?
            }
        };
        let display_name = match &self.name_claim {
            None => None,
            // It is for people only: one that cannot be shown is left out.
            Some(name) => claims
                .optional_text(name)?
                .filter(|text| is_identifier(text, MAX_DISPLAY_NAME_BYTES))
                .map(Arc::from),
        };
        Ok(Principal { actor, display_name, groups, scopes: self.narrowed(claims)? })
    }

    /// Returns the scopes of a token: those of the issuer, or those of them that the token names where it names any.
    fn narrowed(&self, claims: &Claims) -> Result<Scopes, TokenError> {
        let texts = [claims.texts("scope")?, claims.texts("scp")?].concat();
        let named: HashSet<Scope> =
            texts.iter().flat_map(|text| text.split(' ')).filter_map(|name| name.parse().ok()).collect();
        if named.is_empty() {
            return Ok(self.scopes);
        }
        Ok(self.scopes.iter().filter(|scope| named.contains(scope)).collect())
    }
}
