//! Public keys that verify signatures. A key decides which algorithms it may be used with; a token cannot choose another.

use std::fmt;

use aws_lc_rs::{rsa, signature::RsaPublicKeyComponents};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::DecodingKey;
use rustls_pki_types::{SubjectPublicKeyInfoDer, pem::PemObject as _};
use serde::Deserialize;

use super::algorithm::SignatureAlgorithm;

/// The smallest modulus of an RSA key, in bytes: 2,048 bits.
const MIN_RSA_BYTES: usize = 256;

/// What precedes the point of a P-256 key in its SubjectPublicKeyInfo (RFC 5480 §2).
const P256_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// What precedes the key of Ed25519 in its SubjectPublicKeyInfo (RFC 8410 §4).
const ED25519_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A public key.
#[derive(Clone)]
pub struct PublicKey {
    kind: KeyKind,
    /// The only algorithm that its owner uses it with, where they named one.
    pinned: Option<SignatureAlgorithm>,
    key: DecodingKey,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KeyKind {
    Rsa,
    P256,
    P384,
    Ed25519,
}

/// Why a text is not a public key that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a public key in PEM (BEGIN PUBLIC KEY): EC P-256, RSA of 2048 bits and more, or Ed25519")]
pub struct PublicKeyError;

/// A key of a JWK Set (RFC 7517 §4), as far as it matters here.
#[derive(Debug, Deserialize)]
pub(crate) struct Jwk {
    kty: String,
    crv: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    public_use: Option<String>,
    key_ops: Option<Vec<String>>,
    pub(crate) kid: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl PublicKey {
    /// Reads a key of a JWK Set. Returns `None` for keys that verify no signatures, of kinds that are not supported, and for
    /// weak ones.
    pub(crate) fn from_jwk(jwk: &Jwk) -> Option<Self> {
        let is_for_signatures = jwk.public_use.as_deref().is_none_or(|use_| use_ == "sig")
            && jwk.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "verify"));
        if !is_for_signatures {
            return None;
        }
        let (kind, key) = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", _) => (KeyKind::Rsa, rsa_components(jwk)?),
            ("EC", Some("P-256")) => (KeyKind::P256, point(jwk, 32)?),
            ("EC", Some("P-384")) => (KeyKind::P384, point(jwk, 48)?),
            ("OKP", Some("Ed25519")) => {
                let key = bytes(jwk.x.as_deref())?;
                (key.len() == 32).then(|| (KeyKind::Ed25519, DecodingKey::from_ed_der(&key)))?
            }
            _ => return None,
        };
        let pinned = match &jwk.alg {
            None => None,
            Some(name) => {
                let algorithm = name.parse().ok().filter(|algorithm| kind.allows(*algorithm))?;
                Some(algorithm)
            }
        };
        Some(Self { kind, pinned, key })
    }

    /// Reads a key of EC P-256, RSA (2,048 bits and more) or Ed25519 in PEM.
    pub fn from_pem(pem: &str) -> Result<Self, PublicKeyError> {
        let der = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes()).map_err(|_| PublicKeyError)?;
        Self::from_der(&der).ok_or(PublicKeyError)
    }

    fn from_der(der: &[u8]) -> Option<Self> {
        let (kind, key) = if let Some(point) = der.strip_prefix(&P256_PREFIX) {
            (is_point(point, 32)).then(|| (KeyKind::P256, DecodingKey::from_ec_der(point)))?
        } else if let Some(key) = der.strip_prefix(&ED25519_PREFIX) {
            (key.len() == 32).then(|| (KeyKind::Ed25519, DecodingKey::from_ed_der(key)))?
        } else {
            let key = rsa::PublicKey::from_der(der).ok()?;
            let RsaPublicKeyComponents { n, e } = RsaPublicKeyComponents::<Vec<u8>>::from(&key);
            let is_strong = modulus_len(&n) >= MIN_RSA_BYTES;
            is_strong.then(|| (KeyKind::Rsa, DecodingKey::from_rsa_raw_components(&n, &e)))?
        };
        Some(Self { kind, pinned: None, key })
    }

    /// Makes a P-256 key from its uncompressed point.
    pub(crate) fn from_p256_point(point: &[u8]) -> Option<Self> {
        let key = is_point(point, 32).then(|| DecodingKey::from_ec_der(point))?;
        Some(Self { kind: KeyKind::P256, pinned: Some(SignatureAlgorithm::ES256), key })
    }

    /// Returns whether signatures of this algorithm may be verified with the key.
    pub(crate) fn allows(&self, algorithm: SignatureAlgorithm) -> bool {
        self.kind.allows(algorithm) && self.pinned.is_none_or(|pinned| pinned == algorithm)
    }

    /// Returns whether the signature, in base64url, is one of this text by the owner of the key.
    pub(crate) fn has_signed(&self, algorithm: SignatureAlgorithm, text: &str, signature: &str) -> bool {
        self.allows(algorithm)
            && jsonwebtoken::crypto::verify(signature, text.as_bytes(), &self.key, algorithm.primitive())
                .unwrap_or(false)
    }
}

/// Shows the kind alone.
impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey")
            .field("kind", &self.kind)
            .field("pinned", &self.pinned)
            .finish_non_exhaustive()
    }
}

impl KeyKind {
    fn allows(self, algorithm: SignatureAlgorithm) -> bool {
        use SignatureAlgorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
        match self {
            Self::Rsa => matches!(algorithm, RS256 | RS384 | RS512 | PS256 | PS384 | PS512),
            Self::P256 => algorithm == ES256,
            Self::P384 => algorithm == ES384,
            Self::Ed25519 => algorithm == EdDSA,
        }
    }
}

fn rsa_components(jwk: &Jwk) -> Option<DecodingKey> {
    let (n, e) = (bytes(jwk.n.as_deref())?, bytes(jwk.e.as_deref())?);
    (modulus_len(&n) >= MIN_RSA_BYTES).then(|| DecodingKey::from_rsa_raw_components(&n, &e))
}

fn modulus_len(n: &[u8]) -> usize {
    n.len() - n.iter().take_while(|byte| **byte == 0).count()
}

fn point(jwk: &Jwk, size: usize) -> Option<DecodingKey> {
    let (x, y) = (bytes(jwk.x.as_deref())?, bytes(jwk.y.as_deref())?);
    if x.len() != size || y.len() != size {
        return None;
    }
    let point = [&[0x04], x.as_slice(), y.as_slice()].concat();
    Some(DecodingKey::from_ec_der(&point))
}

fn is_point(point: &[u8], size: usize) -> bool {
    point.len() == 1 + 2 * size && point[0] == 0x04
}

fn bytes(text: Option<&str>) -> Option<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD.decode(text?).ok()
}
