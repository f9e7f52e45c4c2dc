//! Tests of whole tokens.

mod attacks;
mod issuers;
pub(crate) mod signer;

use std::sync::Arc;

use serde_json::Value;

use self::signer::Published;
use crate::{IssuerTable, Principal, TokenError, VerifiedToken, Verifier, build_issuers};

/// Returns a verifier with the settings of `kontraktord.toml`, here in JSON.
fn verifier(issuers: Value, published: &Published) -> Verifier {
    let tables: Vec<IssuerTable> = serde_json::from_value(issuers).unwrap();
    let fetch = |_: &_| Arc::new(published.clone()) as _;
    Verifier::with_fetch(build_issuers(&tables).unwrap(), None, None, fetch)
}

/// Verifies a token of an issuer.
async fn verify(verifier: &Verifier, token: &str) -> Result<Arc<Principal>, TokenError> {
    match verifier.verify(token, signer::now()).await?.token {
        VerifiedToken::External(principal) => Ok(principal),
        other @ VerifiedToken::Account(_) => panic!("{other:?}"),
    }
}
