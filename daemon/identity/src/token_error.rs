//! Why a token is refused. The log shows it; the caller only learns that the token is invalid.

use std::{borrow::Cow, time::Duration};

/// The longest token that is read, in bytes. Tokens of Entra ID with 200 groups have about 10 KiB.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// Why a token is refused. It repeats nothing of the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is longer than any issuer makes them.
    #[error("the token is longer than {MAX_TOKEN_BYTES} bytes")]
    TooLarge,
    /// It is not a signed JWT.
    #[error("the token is malformed: {0}")]
    Malformed(&'static str),
    /// Its algorithm is unknown, symmetric, `none`, or not allowed for its issuer.
    #[error("the token's signature algorithm is not accepted")]
    Algorithm,
    /// Its header requires extensions (`crit`).
    #[error("the token requires extensions that are not supported")]
    Critical,
    /// Its `typ` is that of something else than an access token.
    #[error("the token's type is not accepted")]
    Type,
    /// No configured issuer has the name in `iss`.
    #[error("the token's issuer is not configured")]
    UnknownIssuer,
    /// The issuer has no such key.
    #[error("the issuer has no key for the token")]
    UnknownKey,
    /// The keys of the issuer cannot be read, and none that are recent enough are known.
    #[error("the keys of the issuer {issuer} are not available: {problem}")]
    KeysUnavailable {
        /// The issuer's configured name.
        issuer: String,
        /// Why they cannot be read.
        problem: String,
        /// When the daemon tries to read them again.
        retry_after: Duration,
    },
    /// The signature is not the issuer's.
    #[error("the token's signature is invalid")]
    Signature,
    /// A claim is missing.
    #[error("the token has no claim `{0}`")]
    MissingClaim(Cow<'static, str>),
    /// A claim has another type than it must have, or breaks a rule.
    #[error("the token's claim `{0}` is invalid")]
    InvalidClaim(Cow<'static, str>),
    /// It is meant for others.
    #[error("the token has another audience")]
    Audience,
    /// It has expired.
    #[error("the token has expired")]
    Expired,
    /// It is not valid yet.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// It is bound to a key that the caller would have to prove.
    #[error("the token is bound to a key (`cnf`), which is not supported")]
    Bound,
    /// The service account that it was issued to does not exist any more.
    #[error("the service account of the token does not exist")]
    UnknownAccount,
}
