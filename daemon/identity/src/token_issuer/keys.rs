//! The keys that sign the daemon's tokens: a new one every 30 days, and the ones before until the last token that they signed
//! has expired.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{
    LONGEST_TOKEN_LIFETIME,
    key_files::{self, KeyFile, KeyFileError},
};
use crate::{claims::CLOCK_SKEW, public_key::PublicKey};

/// How long a key signs, in seconds: 30 days.
const SIGNS_FOR: i64 = 30 * 24 * 60 * 60;

/// How long a key verifies after the next one has replaced it, in seconds: until its last token has expired for every clock. That
/// token may have been issued before a restart, with another lifetime.
const VERIFIES_FOR: i64 =
    LONGEST_TOKEN_LIFETIME.as_secs().cast_signed() + 2 * CLOCK_SKEW.as_secs().cast_signed();

/// Why the keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyStoreError {
    /// A file or the directory cannot be used.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// No key could be generated.
    #[error("cannot generate a key for signing")]
    Generate,
}

/// The keys, and the directory that they lie in.
pub struct SigningKeys {
    dir: PathBuf,
    ring: ArcSwap<KeyRing>,
    /// One rotation at a time.
    rotating: Mutex<()>,
}

/// The keys at some time, the newest first. There is always one.
struct KeyRing {
    newest: Arc<SigningKey>,
    older: Vec<Arc<SigningKey>>,
    generation: u64,
}

struct SigningKey {
    id: String,
    created: i64,
    private: EncodingKey,
    public: Arc<PublicKey>,
    jwk: Value,
}

impl SigningKeys {
    /// Opens the keys in `DATA_DIR/keys`. Creates the first one, and replaces one that is too old. It reads and writes the disk.
    ///
    /// # Errors
    /// A file that others could have written or read, or that is not a key.
    pub fn open(data_dir: &Path, now: Timestamp) -> Result<Self, KeyStoreError> {
        let dir = data_dir.join("keys");
        key_files::create_dir(&dir)?;
        let mut keys = Vec::new();
        for file in key_files::read_all(&dir)? {
            let key = SigningKey::new(&file).ok_or_else(|| file.not_a_key(&dir))?;
            keys.push(Arc::new(key));
        }
        keys.sort_by_key(|key| std::cmp::Reverse(key.created));
        let ring = if keys.is_empty() {
            KeyRing { newest: generate(&dir, now)?, older: Vec::new(), generation: 1 }
        } else {
            KeyRing { newest: keys.remove(0), older: keys, generation: 1 }
        };
        let keys = Self { dir, ring: ArcSwap::from_pointee(ring), rotating: Mutex::default() };
        keys.rotate(now)?;
        Ok(keys)
    }

    /// Returns whether [`Self::rotate`] has something to do.
    pub fn is_due(&self, now: Timestamp) -> bool {
        let ring = self.ring.load();
        is_too_old(&ring.newest, now) || ring.expired(now).next().is_some()
    }

    /// Makes a new key where the newest is too old, and deletes those whose tokens have all expired. It writes the disk.
    ///
    /// # Errors
    /// The new key cannot be written. The keys stay what they were.
    pub fn rotate(&self, now: Timestamp) -> Result<(), KeyStoreError> {
        let _one = self.rotating.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.ring.load_full();
        let mut after = KeyRing {
            newest: Arc::clone(&before.newest),
            older: before.older.clone(),
            generation: before.generation,
        };
        if is_too_old(&before.newest, now) {
            after.newest = generate(&self.dir, now)?;
            after.older.insert(0, Arc::clone(&before.newest));
            tracing::info!(key = after.newest.id, "the daemon signs its tokens with a new key");
        }
        let expired: Vec<_> = after.expired(now).cloned().collect();
        after.older.retain(|key| !expired.iter().any(|gone| gone.id == key.id));
        if !expired.is_empty() || after.newest.id != before.newest.id {
            after.generation += 1;
            self.ring.store(Arc::new(after));
        }
        for key in expired {
            // It is not used any more, whether its file is there or not.
            if let Err(error) = key_files::delete(&self.dir, key.created, &key.id) {
                tracing::warn!(%error, "cannot delete a key that is not used any more");
            }
        }
        Ok(())
    }

    /// Returns the public keys as a JWK Set (RFC 7517 §5), the newest first.
    pub fn jwks(&self) -> Value {
        let ring = self.ring.load();
        let keys: Vec<_> = ring.all().map(|key| &key.jwk).collect();
        json!({ "keys": keys })
    }

    /// Another number whenever the keys have changed.
    pub(crate) fn generation(&self) -> u64 {
        self.ring.load().generation
    }

    pub(crate) fn find(&self, id: &str) -> Option<Arc<PublicKey>> {
        self.ring.load().all().find(|key| key.id == id).map(|key| Arc::clone(&key.public))
    }

    /// Signs claims with the newest key.
    pub(crate) fn sign(&self, token_type: &str, claims: &Value) -> Option<String> {
        let ring = self.ring.load();
        let mut header = jsonwebtoken::Header::new(Algorithm::ES256);
        header.typ = Some(token_type.to_owned());
        header.kid = Some(ring.newest.id.clone());
        jsonwebtoken::encode(&header, claims, &ring.newest.private).ok()
    }
}

/// Shows no key.
impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKeys").field("dir", &self.dir).finish_non_exhaustive()
    }
}

impl KeyRing {
    fn all(&self) -> impl Iterator<Item = &Arc<SigningKey>> {
        std::iter::once(&self.newest).chain(&self.older)
    }

    /// Returns the keys whose last token has expired: each was replaced when the next newer one was made.
    fn expired(&self, now: Timestamp) -> impl Iterator<Item = &Arc<SigningKey>> {
        let replaced = self.all().map(|key| key.created);
        let now = now.as_second();
        self.older
            .iter()
            .zip(replaced)
            .filter(move |(_, replaced)| replaced.saturating_add(VERIFIES_FOR) <= now)
            .map(|(key, _)| key)
    }
}

impl SigningKey {
    fn new(file: &KeyFile) -> Option<Self> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &file.pkcs8).ok()?;
        let point = pair.public_key().as_ref();
        let public = PublicKey::from_p256_point(point)?;
        let id = key_id(point);
        let (x, y) = point.get(1..)?.split_at_checked(32)?;
        let jwk = json!({
            "kty": "EC",
            "crv": "P-256",
            "alg": "ES256",
            "use": "sig",
            "kid": id,
            "x": BASE64_URL_SAFE_NO_PAD.encode(x),
            "y": BASE64_URL_SAFE_NO_PAD.encode(y),
        });
        (id == file.id).then(|| Self {
            id,
            created: file.created,
            private: EncodingKey::from_ec_der(&file.pkcs8),
            public: Arc::new(public),
            jwk,
        })
    }
}

/// A key from the future is one of a clock that was wrong: it would never be replaced.
fn is_too_old(key: &SigningKey, now: Timestamp) -> bool {
    let age = now.as_second().saturating_sub(key.created);
    !(-SIGNS_FOR..SIGNS_FOR).contains(&age)
}

/// Returns the name of a key: the beginning of the SHA-256 of its point.
fn key_id(point: &[u8]) -> String {
    hex::encode(&Sha256::digest(point)[..16])
}

fn generate(dir: &Path, now: Timestamp) -> Result<Arc<SigningKey>, KeyStoreError> {
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
        .map_err(|_| KeyStoreError::Generate)?;
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref())
        .map_err(|_| KeyStoreError::Generate)?;
    let file = KeyFile {
        created: now.as_second(),
        id: key_id(pair.public_key().as_ref()),
        pkcs8: Zeroizing::new(pkcs8.as_ref().to_vec()),
    };
    let key = SigningKey::new(&file).ok_or(KeyStoreError::Generate)?;
    key_files::write(dir, &file)?;
    Ok(Arc::new(key))
}
