//! Signed tokens in compact form (RFC 7515 §7.1, RFC 7519): parsed strictly and without trust in what they say.
//!
//! Headers that name or contain keys (`jku`, `jwk`, `x5u`, `x5c`) are not read at all.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use super::{
    algorithm::SignatureAlgorithm,
    claims::Claims,
    public_key::PublicKey,
    token_error::{MAX_TOKEN_BYTES, TokenError},
};

/// The longest name of a key, in bytes.
pub(crate) const MAX_KEY_ID_BYTES: usize = 256;

/// A token whose signature is not verified yet.
#[derive(Debug)]
pub(crate) struct UnverifiedToken<'a> {
    signed: &'a str,
    signature: &'a str,
    pub(crate) algorithm: SignatureAlgorithm,
    pub(crate) key_id: Option<String>,
    /// In lower case, without the prefix `application/`.
    pub(crate) token_type: Option<String>,
    claims: Claims,
}

impl<'a> UnverifiedToken<'a> {
    pub(crate) fn parse(token: &'a str) -> Result<Self, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLarge);
        }
        let malformed = TokenError::Malformed;
        let (signed, signature) = token.rsplit_once('.').ok_or(malformed("it has no parts"))?;
        let (header, payload) = signed.split_once('.').ok_or(malformed("it has two parts"))?;
        if payload.contains('.') {
            return Err(malformed("it has more than three parts"));
        }
        let header = object(header).ok_or(malformed("its header is not a JSON object in base64url"))?;
        let claims = object(payload).ok_or(malformed("its claims are not a JSON object in base64url"))?;

        if header.contains_key("crit") {
            return Err(TokenError::Critical);
        }
        if header.contains_key("enc") || header.contains_key("zip") {
            return Err(malformed("it is encrypted or compressed"));
        }
        let algorithm = header.get("alg").and_then(Value::as_str).ok_or(TokenError::Algorithm)?;
        let algorithm = algorithm.parse().map_err(|_| TokenError::Algorithm)?;
        let key_id = text(&header, "kid").map_err(|()| malformed("`kid` is not a string"))?;
        if key_id.as_ref().is_some_and(|id| id.is_empty() || id.len() > MAX_KEY_ID_BYTES) {
            return Err(malformed("`kid` is empty or too long"));
        }
        let token_type = text(&header, "typ").map_err(|()| TokenError::Type)?.map(|name| {
            let name = name.to_ascii_lowercase();
            name.strip_prefix("application/").map_or(name.clone(), str::to_owned)
        });
        Ok(Self { signed, signature, algorithm, key_id, token_type, claims: Claims::new(claims) })
    }

    /// Returns who the token says that issued it. It proves nothing.
    pub(crate) fn claimed_issuer(&self) -> Result<&str, TokenError> {
        self.claims.text("iss")
    }

    /// Returns whom the token says that it is about. It proves nothing.
    pub(crate) fn claimed_subject(&self) -> Option<&str> {
        self.claims.text("sub").ok()
    }

    /// Returns what the token says. It proves nothing.
    pub(crate) fn claimed(&self) -> &Claims {
        &self.claims
    }

    /// Verifies the signature and returns the claims.
    pub(crate) fn verify(self, key: &PublicKey) -> Result<Claims, TokenError> {
        if !key.allows(self.algorithm) {
            return Err(TokenError::Algorithm);
        }
        if !key.has_signed(self.algorithm, self.signed, self.signature) {
            return Err(TokenError::Signature);
        }
        Ok(self.claims)
    }
}

fn object(part: &str) -> Option<Map<String, Value>> {
    let json = BASE64_URL_SAFE_NO_PAD.decode(part).ok()?;
    serde_json::from_slice(&json).ok()
}

fn text(header: &Map<String, Value>, name: &str) -> Result<Option<String>, ()> {
    match header.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(()),
    }
}
