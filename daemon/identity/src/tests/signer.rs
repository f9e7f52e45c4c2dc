//! Issuers of tests: private keys that sign any header and any claims, and documents that are published.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use aws_lc_rs::{
    encoding::{AsDer as _, PublicKeyX509Der},
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
        RSA_PSS_SHA256, RsaEncoding, RsaKeyPair, RsaPublicKeyComponents,
    },
};
use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use bytes::Bytes;
use jiff::Timestamp;
use reqwest::Url;
use serde_json::{Value, json};

use crate::issuer::{Fetch, FetchError};

/// The time of all tests.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

enum Private {
    P256(EcdsaKeyPair),
    Rsa(Box<RsaKeyPair>),
    Ed25519(Ed25519KeyPair),
}

/// A private key with a name.
pub(crate) struct Signer {
    pub(crate) id: String,
    private: Private,
}

impl Signer {
    pub(crate) fn es256(id: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self { id: id.to_owned(), private: Private::P256(pair) }
    }

    pub(crate) fn rs256(id: &str) -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        Self { id: id.to_owned(), private: Private::Rsa(Box::new(pair)) }
    }

    pub(crate) fn ed25519(id: &str) -> Self {
        Self { id: id.to_owned(), private: Private::Ed25519(Ed25519KeyPair::generate().unwrap()) }
    }

    pub(crate) fn algorithm(&self) -> &'static str {
        match &self.private {
            Private::P256(_) => "ES256",
            Private::Rsa(_) => "RS256",
            Private::Ed25519(_) => "EdDSA",
        }
    }

    pub(crate) fn jwk(&self) -> Value {
        let text = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        match &self.private {
            Private::P256(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({ "kty": "EC", "crv": "P-256", "kid": self.id, "use": "sig", "x": text(x), "y": text(y) })
            }
            Private::Rsa(pair) => {
                let key = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                json!({ "kty": "RSA", "kid": self.id, "use": "sig", "n": text(&key.n), "e": text(&key.e) })
            }
            Private::Ed25519(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "kid": self.id, "x": text(pair.public_key().as_ref()) })
            }
        }
    }

    pub(crate) fn public_pem(&self) -> String {
        let der: PublicKeyX509Der<'_> = match &self.private {
            Private::P256(pair) => pair.public_key().as_der(),
            Private::Rsa(pair) => pair.public_key().as_der(),
            Private::Ed25519(pair) => pair.public_key().as_der(),
        }
        .unwrap();
        format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            BASE64_STANDARD.encode(der.as_ref())
        )
    }

    /// Signs claims with the usual header.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.sign_with(&json!({ "typ": "JWT", "alg": self.algorithm(), "kid": self.id }), claims)
    }

    /// Signs claims with any header.
    pub(crate) fn sign_with(&self, header: &Value, claims: &Value) -> String {
        let text = unsigned(header, claims);
        let signature = self.signature(&text, header["alg"] == "PS256");
        format!("{text}.{signature}")
    }

    fn signature(&self, text: &str, is_pss: bool) -> String {
        let (random, text) = (SystemRandom::new(), text.as_bytes());
        let bytes = match &self.private {
            Private::P256(pair) => pair.sign(&random, text).unwrap().as_ref().to_vec(),
            Private::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let encoding: &'static dyn RsaEncoding =
                    if is_pss { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                pair.sign(encoding, &random, text, &mut signature).unwrap();
                signature
            }
            Private::Ed25519(pair) => pair.sign(text).as_ref().to_vec(),
        };
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }
}

/// Returns header and claims as they are signed.
pub(crate) fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

/// Documents by their addresses. Cloning it shares them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Published {
    documents: Arc<Mutex<HashMap<String, Vec<u8>>>>,
    fetched: Arc<AtomicUsize>,
}

impl Published {
    /// Publishes the metadata and the keys of an issuer.
    pub(crate) fn issuer(&self, url: &str, keys: &[&Signer]) {
        let base = url.trim_end_matches('/');
        let metadata = json!({ "issuer": url, "jwks_uri": format!("{base}/jwks") });
        self.put(&format!("{base}/.well-known/openid-configuration"), metadata.to_string());
        self.put(&format!("{base}/jwks"), jwks(keys).to_string());
    }

    pub(crate) fn put(&self, url: &str, document: String) {
        self.documents.lock().unwrap().insert(url.to_owned(), document.into_bytes());
    }

    /// From now on nothing can be fetched.
    pub(crate) fn clear(&self) {
        self.documents.lock().unwrap().clear();
    }

    /// Returns how many documents were asked for.
    pub(crate) fn fetched(&self) -> usize {
        self.fetched.load(Ordering::SeqCst)
    }
}

pub(crate) fn jwks(keys: &[&Signer]) -> Value {
    let keys: Vec<_> = keys.iter().map(|key| key.jwk()).collect();
    json!({ "keys": keys })
}

#[async_trait]
impl Fetch for Published {
    async fn get(&self, url: &Url) -> Result<Bytes, FetchError> {
        self.fetched.fetch_add(1, Ordering::SeqCst);
        // Those who ask meanwhile must find a fetch that is under way.
        tokio::task::yield_now().await;
        let document = self.documents.lock().unwrap().get(url.as_str()).cloned();
        document.map(Bytes::from).ok_or(FetchError::Unreachable("refused".to_owned()))
    }
}
