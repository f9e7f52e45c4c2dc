//! Authentication of clients at the token endpoint: by a secret (RFC 6749 §2.3.1) or by an assertion that the client signed
//! (`private_key_jwt`, RFC 7523 §2.2 and §3).

mod replays;

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use jiff::Timestamp;
use kontraktor_access::Scopes;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use self::replays::Replays;
use super::{jws::UnverifiedToken, public_key::PublicKey, token_error::TokenError};

/// The only type of assertions (RFC 7523 §2.2).
pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How far in the future an assertion may expire, in seconds.
const MAX_ASSERTION_SECONDS: i64 = 5 * 60;

/// The longest id of an assertion, in bytes.
const MAX_JTI_BYTES: usize = 256;

/// A client that may have tokens: a service account.
#[derive(Debug, Clone)]
pub struct Client {
    /// Its id, which is not secret.
    pub client_id: Arc<str>,
    /// The scopes that its tokens may have.
    pub scopes: Scopes,
    /// Its secrets, by their hashes.
    pub secrets: Vec<ClientSecret>,
    /// The key that verifies its assertions.
    pub public_key: Option<PublicKey>,
}

/// A secret of a client. It is random, so that a hash without salt keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientSecret {
    /// The SHA-256 of the secret.
    pub sha256: [u8; 32],
    /// When it expires.
    pub expires: Option<Timestamp>,
}

/// What a client presents. Its `Debug` output would show secrets, so that it has none.
pub enum PresentedCredentials {
    /// `client_secret_basic` or `client_secret_post`.
    Secret(Zeroizing<String>),
    /// `private_key_jwt`.
    Assertion(Zeroizing<String>),
}

/// Why a client is not authenticated. The log shows it; the client only learns that it is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// No client has this id.
    #[error("no client has this id")]
    Unknown,
    /// No secret of the client is this one.
    #[error("the secret is not one of the client's")]
    Secret,
    /// The secret was the client's.
    #[error("the secret has expired")]
    ExpiredSecret,
    /// The client has no public key.
    #[error("the client has no public key that verifies assertions")]
    NoPublicKey,
    /// The assertion is invalid.
    #[error("the assertion is refused: {0}")]
    Assertion(#[from] TokenError),
    /// Its `exp` is too far away.
    #[error("the assertion expires in more than 5 minutes")]
    LongLived,
    /// It was used before.
    #[error("the assertion was used before")]
    Replayed,
    /// More assertions were used than are remembered.
    #[error("too many assertions of the last minutes are remembered")]
    TooMany,
}

/// Authenticates clients.
#[derive(Debug)]
pub struct ClientAuthenticator {
    audience: Vec<String>,
    replays: Replays,
}

impl ClientAuthenticator {
    /// Returns an authenticator that accepts assertions for one of these audiences: the token endpoint and the issuer.
    pub fn new(audience: Vec<String>) -> Self {
        Self { audience, replays: Replays::default() }
    }

    /// Authenticates a client. An unknown one costs as much time as a known one with a wrong secret.
    pub fn authenticate(
        &self,
        client: Option<&Client>,
        presented: &PresentedCredentials,
        now: Timestamp,
    ) -> Result<(), ClientError> {
        match presented {
            PresentedCredentials::Secret(secret) => check_secret(client, secret, now),
            PresentedCredentials::Assertion(assertion) => {
                let client = client.ok_or(ClientError::Unknown)?;
                let key = client.public_key.as_ref().ok_or(ClientError::NoPublicKey)?;
                self.check_assertion(&client.client_id, key, assertion, now)
            }
        }
    }

    fn check_assertion(
        &self,
        client_id: &str,
        key: &PublicKey,
        assertion: &str,
        now: Timestamp,
    ) -> Result<(), ClientError> {
        let token = UnverifiedToken::parse(assertion)?;
        if token
            .token_type
            .as_deref()
            .is_some_and(|found| !["jwt", "client-authentication+jwt"].contains(&found))
        {
            return Err(TokenError::Type.into());
        }
        let claims = token.verify(key)?;
        for name in ["iss", "sub"] {
            if claims.text(name)? != client_id {
                return Err(TokenError::InvalidClaim(name.into()).into());
            }
        }
        claims.check_audience(&self.audience)?;
        let expires = claims.check_times(now)?;
        let skew = super::claims::CLOCK_SKEW.as_secs().cast_signed();
        if expires > now.as_second() + MAX_ASSERTION_SECONDS + skew {
            return Err(ClientError::LongLived);
        }
        let id = claims.text("jti")?;
        if id.is_empty() || id.len() > MAX_JTI_BYTES {
            return Err(TokenError::InvalidClaim("jti".into()).into());
        }
        self.replays.record(client_id, id, expires + skew, now.as_second())
    }
}

/// Returns the client that an assertion names in `sub`. It proves nothing.
pub fn client_of_assertion(assertion: &str) -> Option<String> {
    let token = UnverifiedToken::parse(assertion).ok()?;
    token.claimed_subject().map(str::to_owned)
}

fn check_secret(client: Option<&Client>, secret: &str, now: Timestamp) -> Result<(), ClientError> {
    let presented: [u8; 32] = Sha256::digest(secret).into();
    let Some(client) = client else {
        // As if there were a secret to compare with.
        let _ = verify_slices_are_equal(&presented, &[0; 32]);
        return Err(ClientError::Unknown);
    };
    // All are compared, so that the time does not reveal which one it was.
    let mut result = Err(ClientError::Secret);
    for known in &client.secrets {
        if verify_slices_are_equal(&presented, &known.sha256).is_ok() {
            let is_valid = known.expires.is_none_or(|expires| now < expires);
            result = if is_valid { Ok(()) } else { Err(ClientError::ExpiredSecret) };
        }
    }
    result
}

#[cfg(test)]
mod tests;
