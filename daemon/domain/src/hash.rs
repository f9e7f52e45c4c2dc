//! The 32 bytes that chain the log together, and how fields are fed to SHA-256 so that no two different rows feed it
//! the same bytes.

use std::{fmt, str::FromStr};

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A SHA-256 digest; as text, 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash([u8; 32]);

/// A text that is not the hash of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a hash is 64 lower-case hex digits")]
pub struct HashError;

impl Hash {
    /// What the first row chains to: a hash that no row has.
    pub const ZERO: Self = Self([0; 32]);

    /// Returns the hash that a digest is.
    pub(crate) const fn of_digest(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A UUID (version 8, RFC 9562) made of the first 16 bytes. Needs no random numbers, so the rules stay pure.
    pub fn to_uuid(self) -> Uuid {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&self.0[..16]);
        uuid_v8(bytes)
    }
}

/// RFC 9562, section 5.8: the version and variant bits are fixed, the others are ours.
fn uuid_v8(mut bytes: [u8; 16]) -> Uuid {
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    Uuid::from_bytes(bytes)
}

impl TryFrom<&[u8]> for Hash {
    type Error = HashError;

    fn try_from(bytes: &[u8]) -> Result<Self, HashError> {
        bytes.try_into().map(Self).map_err(|_| HashError)
    }
}

impl FromStr for Hash {
    type Err = HashError;

    fn from_str(text: &str) -> Result<Self, HashError> {
        if text.len() != 64 || text.bytes().any(|b| !matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(HashError);
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| HashError)?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&hex::encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Feeds SHA-256 with fields. Each is preceded by its length as 8 bytes, most significant first, and an optional one by
/// a byte that says whether it is there, so that moving a character from one field to the next changes the digest.
pub struct FieldHasher(Sha256);

impl FieldHasher {
    /// `purpose` separates the digests of one use from those of every other, and of later versions of the same use.
    pub fn new(purpose: &str) -> Self {
        Self(Sha256::new()).bytes(purpose.as_bytes())
    }

    /// Adds bytes.
    pub fn bytes(mut self, field: &[u8]) -> Self {
        self.add(field);
        self
    }

    /// Adds a text.
    pub fn text(self, field: &str) -> Self {
        self.bytes(field.as_bytes())
    }

    /// Adds a number as 8 bytes, most significant first.
    pub fn number(self, field: u64) -> Self {
        self.bytes(&field.to_be_bytes())
    }

    /// Adds a signed number as 8 bytes, most significant first.
    pub fn signed(self, field: i64) -> Self {
        self.bytes(&field.to_be_bytes())
    }

    /// Adds a flag as one byte.
    pub fn flag(self, field: bool) -> Self {
        self.bytes(&[u8::from(field)])
    }

    /// Adds a field that may be absent.
    pub fn optional(mut self, field: Option<&[u8]>) -> Self {
        match field {
            None => self.0.update([0]),
            Some(bytes) => {
                self.0.update([1]);
                self.add(bytes);
            }
        }
        self
    }

    fn add(&mut self, field: &[u8]) {
        let length = u64::try_from(field.len()).expect("a length fits in 64 bits on every supported machine");
        self.0.update(length.to_be_bytes());
        self.0.update(field);
    }

    /// Returns the digest.
    pub fn finish(self) -> Hash {
        Hash(self.0.finalize().into())
    }
}
