//! The daemon's own tokens: JWTs as RFC 9068 profiles them, signed with ES256, for service accounts.

mod key_files;
mod keys;

use std::{ops::RangeInclusive, sync::Arc, time::Duration};

use jiff::Timestamp;
use kontraktor_access::{Scope, Scopes};
use serde_json::json;
use uuid::Uuid;

pub use self::keys::{KeyStoreError, SigningKeys};
use super::{jws::UnverifiedToken, token_error::TokenError};

/// How long an access token is valid, unless it is configured.
pub const DEFAULT_TOKEN_LIFETIME: Duration = Duration::from_mins(15);

/// How long an access token may be valid: long enough to be used, and not so long that a stolen one serves for a day.
pub const TOKEN_LIFETIMES: RangeInclusive<Duration> = Duration::from_secs(10)..=LONGEST_TOKEN_LIFETIME;

const LONGEST_TOKEN_LIFETIME: Duration = Duration::from_hours(1);

/// The type of access tokens (RFC 9068 §2.1).
const TOKEN_TYPE: &str = "at+jwt";

/// Issues and verifies tokens in the name of the daemon.
#[derive(Debug)]
pub struct TokenIssuer {
    public_url: String,
    keys: SigningKeys,
    /// How long its tokens are valid, in seconds.
    lifetime: i64,
}

/// What a token of this daemon says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountToken {
    /// The client id of the service account.
    pub client_id: Arc<str>,
    /// What the token may be used for.
    pub scopes: Scopes,
}

/// A token that was just issued. Its `Debug` output does not show it.
pub struct IssuedToken {
    /// The token.
    pub token: zeroize::Zeroizing<String>,
    /// How long it is valid, in seconds.
    pub expires_in: i64,
}

/// A token could not be signed. The reason is that of the cryptographic library, which has none to tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token cannot be signed")]
pub struct SigningError;

impl TokenIssuer {
    /// Returns the issuer with this URL, which is `iss` and `aud` of its tokens. They are valid for `lifetime`, in whole seconds and
    /// within [`TOKEN_LIFETIMES`].
    pub fn new(public_url: impl Into<String>, keys: SigningKeys, lifetime: Duration) -> Self {
        let lifetime = lifetime.clamp(*TOKEN_LIFETIMES.start(), *TOKEN_LIFETIMES.end());
        Self { public_url: public_url.into(), keys, lifetime: lifetime.as_secs().cast_signed() }
    }

    /// Returns the URL at which clients know the daemon.
    pub fn public_url(&self) -> &str {
        &self.public_url
    }

    /// Returns the address of the token endpoint.
    pub fn token_endpoint(&self) -> String {
        format!("{}/oauth/token", self.public_url.trim_end_matches('/'))
    }

    /// Returns the keys that sign.
    pub fn keys(&self) -> &SigningKeys {
        &self.keys
    }

    /// Issues a token for a service account.
    pub fn issue(
        &self,
        client_id: &str,
        scopes: Scopes,
        now: Timestamp,
    ) -> Result<IssuedToken, SigningError> {
        let issued = now.as_second();
        let claims = json!({
            "iss": self.public_url,
            "aud": self.public_url,
            "sub": client_id,
            "client_id": client_id,
            "scope": scope_text(scopes),
            "iat": issued,
            "exp": issued + self.lifetime,
            "jti": Uuid::new_v4().to_string(),
        });
        let token = self.keys.sign(TOKEN_TYPE, &claims).ok_or(SigningError)?;
        Ok(IssuedToken { token: token.into(), expires_in: self.lifetime })
    }

    /// Verifies a token that claims to be the daemon's own. Returns when it expires, too.
    pub(crate) fn verify(
        &self,
        token: UnverifiedToken<'_>,
        now: Timestamp,
    ) -> Result<(AccountToken, i64), TokenError> {
        if token.token_type.as_deref() != Some(TOKEN_TYPE) {
            return Err(TokenError::Type);
        }
        let key = token.key_id.as_deref().and_then(|id| self.keys.find(id)).ok_or(TokenError::UnknownKey)?;
        let claims = token.verify(&key)?;
        claims.check_audience(std::slice::from_ref(&self.public_url))?;
        let expires = claims.check_times(now)?;
        let client_id = claims.text("client_id")?;
        if claims.text("sub")? != client_id {
            return Err(TokenError::InvalidClaim("sub".into()));
        }
        let scopes: Scopes =
            claims.text("scope")?.split(' ').filter_map(|name| name.parse::<Scope>().ok()).collect();
        Ok((AccountToken { client_id: Arc::from(client_id), scopes }, expires))
    }
}

/// Returns scopes as OAuth writes them (RFC 6749 §3.3).
pub fn scope_text(scopes: Scopes) -> String {
    let names: Vec<&str> = scopes.iter().map(Into::into).collect();
    names.join(" ")
}

#[cfg(test)]
mod tests;
