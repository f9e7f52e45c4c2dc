//! Public keys of service accounts: which ones may verify assertions.

use kontraktor_domain::Refusal;
use kontraktor_model::limits::MAX_PUBLIC_KEY_BYTES;
use x509_parser::{
    der_parser::{Oid, oid},
    pem::parse_x509_pem,
    prelude::FromDer as _,
    public_key::PublicKey,
    x509::SubjectPublicKeyInfo,
};

/// Ed25519, RFC 8410 §3.
const ED25519: Oid<'_> = oid!(1.3.101.112);
/// The curve P-256, RFC 5480 §2.1.1.1.
const P_256: Oid<'_> = oid!(1.2.840.10045.3.1.7);

const MIN_RSA_BITS: usize = 2_048;
const MAX_RSA_BITS: usize = 8_192;

/// Returns a public key in PEM without what surrounds it, if it is of a kind that may verify assertions. What is refused is
/// not repeated: it may be a private key.
pub(super) fn checked(pem: &str) -> Result<String, Refusal> {
    let refused = |reason: &str| {
        Refusal::invalid("public_key", format!("invalid public key: {reason}")).remedy(
            "use the PEM of a public key, EC P-256, RSA of 2048 bits and more, or Ed25519, as `openssl pkey -pubout` writes it",
        )
    };
    if pem.len() > MAX_PUBLIC_KEY_BYTES {
        return Err(refused(&format!("it is {} bytes long; the limit is {MAX_PUBLIC_KEY_BYTES}", pem.len())));
    }
    let text = pem.trim();
    let (rest, block) = parse_x509_pem(text.as_bytes()).map_err(|_| refused("it is not PEM"))?;
    if !text.starts_with("-----BEGIN") || !rest.iter().all(u8::is_ascii_whitespace) {
        return Err(refused("expected one PEM block and nothing else"));
    }
    match block.label.as_str() {
        "PUBLIC KEY" => {}
        label if label.ends_with("PRIVATE KEY") => {
            return Err(refused("it is a private key, which must not leave its owner; replace that key"));
        }
        _ => return Err(refused("expected a block labelled PUBLIC KEY")),
    }
    let Ok((&[], info)) = SubjectPublicKeyInfo::from_der(&block.contents) else {
        return Err(refused("it is damaged"));
    };
    if info.algorithm.algorithm == ED25519 {
        return match info.subject_public_key.data.len() {
            32 => Ok(text.to_owned()),
            _ => Err(refused("it is damaged")),
        };
    }
    match info.parsed().map_err(|_| refused("it is damaged"))? {
        PublicKey::RSA(key) if (MIN_RSA_BITS..=MAX_RSA_BITS).contains(&key.key_size()) => Ok(text.to_owned()),
        PublicKey::RSA(key) => Err(refused(&format!("it is an RSA key of {} bits", key.key_size()))),
        PublicKey::EC(point) => {
            let curve = info.algorithm.parameters.as_ref().and_then(|parameters| parameters.as_oid().ok());
            match (curve, point.data()) {
                (Some(curve), [4, coordinates @ ..]) if curve == P_256 && coordinates.len() == 64 => {
                    Ok(text.to_owned())
                }
                _ => Err(refused("it is a key on another curve than P-256")),
            }
        }
        _ => Err(refused("it is of a kind that is not supported")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EC: &str = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEVs/o5+uQbTjL3chynL4wXgUg2R9\nq9UU8I5mEovUf86QZ7kOBIjJwqnzD1omageEHWwHdBO6B+dFabmdT9POxg==\n-----END PUBLIC KEY-----\n";
    const ED: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----";

    #[test]
    fn keys_that_may_verify_assertions_are_kept() {
        for key in [EC, ED] {
            assert_eq!(checked(key).unwrap(), key.trim());
        }
    }

    #[test]
    fn other_keys_are_refused_and_not_repeated() {
        let rest = EC.trim_start_matches("-----BEGIN PUBLIC KEY-----");
        let private = EC.replace("PUBLIC", "PRIVATE");
        let two = format!("{EC}{ED}");
        let huge = "x".repeat(9_000);
        let reasons: Vec<_> = ["", "hunter2", rest, &private, &two, &EC.replace("MFkw", "MFkx"), &huge]
            .map(|key| checked(key).unwrap_err())
            .iter()
            .map(|refusal| format!("{}: {}", refusal.field.as_deref().unwrap_or_default(), refusal.message))
            .collect();
        insta::assert_snapshot!(reasons.join("\n"), @r"
        public_key: invalid public key: it is not PEM
        public_key: invalid public key: it is not PEM
        public_key: invalid public key: it is not PEM
        public_key: invalid public key: it is a private key, which must not leave its owner; replace that key
        public_key: invalid public key: expected one PEM block and nothing else
        public_key: invalid public key: it is damaged
        public_key: invalid public key: it is 9000 bytes long; the limit is 8192
        ");
    }
}
