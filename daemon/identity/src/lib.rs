//! How callers prove who they are: access tokens of configured issuers and of the daemon itself, credentials of service
//! accounts at the token endpoint, client certificates.
//!
//! It knows no transport, and not what a caller may do. Nothing in it reads the clock but what measures how old fetched keys
//! are: time is a parameter.

mod algorithm;
mod certificate;
mod claims;
mod client;
mod issuer;
mod jws;
mod public_key;
mod settings;
#[cfg(test)]
mod tests;
mod token_error;
mod token_issuer;
mod verifier;

pub use self::{
    algorithm::SignatureAlgorithm,
    certificate::{CertificateIdentity, CertificateNames, CertificateRules, CertificateTable},
    claims::CLOCK_SKEW,
    client::{
        ASSERTION_TYPE, Client, ClientAuthenticator, ClientError, ClientSecret, PresentedCredentials,
        client_of_assertion,
    },
    issuer::{IssuerSettings, IssuerTable, Principal, build_issuers},
    public_key::{PublicKey, PublicKeyError},
    token_error::{MAX_TOKEN_BYTES, TokenError},
    token_issuer::{
        AccountToken, DEFAULT_TOKEN_LIFETIME, IssuedToken, KeyStoreError, SigningError, SigningKeys,
        TOKEN_LIFETIMES, TokenIssuer, scope_text,
    },
    verifier::{Verified, VerifiedToken, Verifier},
};
