//! The signature algorithms that tokens may have: all asymmetric. `none` and those with a shared secret do not exist here, so
//! that no setting can allow them.

use strum::{Display, EnumString, IntoStaticStr, VariantArray};

/// A signature algorithm of RFC 7518 §3.1, RFC 8037 and RFC 9864.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Display, EnumString, IntoStaticStr, VariantArray)]
pub enum SignatureAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RS384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RS512,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// RSASSA-PSS with SHA-384.
    PS384,
    /// RSASSA-PSS with SHA-512.
    PS512,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// Edwards-curve signatures; only Ed25519 is supported.
    #[strum(to_string = "EdDSA", serialize = "Ed25519")]
    EdDSA,
}

impl SignatureAlgorithm {
    pub(crate) fn primitive(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::RS256 => jsonwebtoken::Algorithm::RS256,
            Self::RS384 => jsonwebtoken::Algorithm::RS384,
            Self::RS512 => jsonwebtoken::Algorithm::RS512,
            Self::PS256 => jsonwebtoken::Algorithm::PS256,
            Self::PS384 => jsonwebtoken::Algorithm::PS384,
            Self::PS512 => jsonwebtoken::Algorithm::PS512,
            Self::ES256 => jsonwebtoken::Algorithm::ES256,
            Self::ES384 => jsonwebtoken::Algorithm::ES384,
            Self::EdDSA => jsonwebtoken::Algorithm::EdDSA,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn algorithms_without_a_public_key_do_not_exist() {
        for name in
            ["none", "None", "NONE", "HS256", "HS384", "HS512", "rs256", "", "A128KW", "ES512", "ES256K"]
        {
            assert!(name.parse::<SignatureAlgorithm>().is_err(), "{name}");
        }
        for algorithm in SignatureAlgorithm::VARIANTS {
            assert_eq!(algorithm.to_string().parse(), Ok(*algorithm));
        }
        assert_eq!("Ed25519".parse(), Ok(SignatureAlgorithm::EdDSA));
    }
}
